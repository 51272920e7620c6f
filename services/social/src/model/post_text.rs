//! The text of a post, and the tags and mentions in it.
//!
//! Invariant: a [`PostText`] is in NFC, has no character that is invisible or changes the direction of the text, at
//! most [`MAX_TEXT_CHARS`] characters, [`MAX_MENTIONS`] mentions and [`MAX_TAGS`] tags.

use super::InvalidPost;
use super::person::is_account_name;
use super::topic::{composed, lower_tag};

/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 5_000;
/// The most people whom a post mentions.
const MAX_MENTIONS: usize = 50;
/// The most tags of a post.
const MAX_TAGS: usize = 30;
/// The longest tag, in characters.
const MAX_TAG_CHARS: usize = 60;
/// The shortest and the longest handle, in bytes.
const HANDLE_BYTES: std::ops::RangeInclusive<usize> = 3..=30;

/// A text with its tags and mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PostText {
    /// The text, normalized; may be empty.
    pub text: String,
    /// The tags, in lower case, each once, in the order of the text.
    pub tags: Vec<String>,
    /// The handles that are mentioned, in lower case, each once, in the order of the text. Not every one needs to
    /// belong to an account.
    pub mentions: Vec<String>,
}

impl PostText {
    /// Checks and normalizes a text.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPost> {
        let text = composed(text);
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(InvalidPost("The text of a post has at most 5,000 characters."));
        }
        let (tags, mentions) = words_of(&text);
        if mentions.len() > MAX_MENTIONS {
            return Err(InvalidPost("A post mentions at most 50 people."));
        }
        if tags.len() > MAX_TAGS {
            return Err(InvalidPost("A post has at most 30 tags."));
        }
        Ok(Self { text, tags, mentions })
    }
}

/// Returns the tags and the mentions of a text, each once. A sign in the middle of a word, as in an e-mail address,
/// begins neither.
pub(crate) fn words_of(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut tags, mut mentions) = (Vec::new(), Vec::new());
    let mut before = ' ';
    for (at, sign) in text.char_indices() {
        let begins = !before.is_alphanumeric() && !matches!(before, '_' | '@' | '#' | '/' | '&');
        let rest = text.get(at + sign.len_utf8()..).unwrap_or_default();
        match sign {
            '#' if begins => push_once(&mut tags, tag_at(rest)),
            '@' if begins => push_once(&mut mentions, handle_at(rest)),
            _ => {}
        }
        before = sign;
    }
    (tags, mentions)
}

fn push_once(words: &mut Vec<String>, word: Option<String>) {
    words.extend(word.filter(|word| !words.contains(word)));
}

/// Returns the tag at the start of a text: letters, digits and `_` of any script, with one letter at least.
fn tag_at(text: &str) -> Option<String> {
    let tag: String = text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    let fits = tag.chars().count() <= MAX_TAG_CHARS && tag.chars().any(char::is_alphabetic);
    fits.then(|| lower_tag(&tag))
}

/// Returns the handle at the start of a text. A full stop or a dash behind it belongs to the sentence.
fn handle_at(text: &str) -> Option<String> {
    let is_allowed = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let word: String = text.chars().take_while(is_allowed).collect();
    let handle = word.trim_end_matches(['_', '.', '-']).to_ascii_lowercase();
    (HANDLE_BYTES.contains(&handle.len()) && is_account_name(&handle)).then_some(handle)
}

#[cfg(test)]
mod tests {
    use contract::social::TopicKind;

    use super::*;
    use crate::model::Topic;

    #[test]
    fn tags_and_mentions_are_found_where_a_word_begins() {
        let parsed =
            PostText::parse("Hi @Ada, @ada and (@bob.k). #Karaoke #karaoke #Été_2026 #1 a@eve.org x#y @a").unwrap();
        assert_eq!(parsed.mentions, ["ada", "bob.k"]);
        assert_eq!(parsed.tags, ["karaoke", "été_2026"]);
        assert_eq!(words_of("@@ada ##x https://a.org/#top/@eve"), (vec![], vec![]));
    }

    #[test]
    fn decomposed_accents_do_not_cut_a_tag() {
        let parsed = PostText::parse("Vive l’e\u{301}te\u{301}: #E\u{301}te\u{301}_2026 #été_2026").unwrap();
        assert_eq!(
            (parsed.text.as_str(), parsed.tags),
            ("Vive l’été: #Été_2026 #été_2026", vec!["été_2026".to_owned()])
        );
    }

    #[test]
    fn every_tag_of_a_text_is_a_topic() {
        for text in ["#İstanbul", "#Été_2026", "#ΟΔΟΣ", "#東京"] {
            let tags = words_of(text).0;
            let topic = Topic::parse(TopicKind::Tag, &tags[0]);
            assert_eq!(topic.map(|topic| topic.name).as_ref(), tags.first(), "{text}");
        }
    }

    #[test]
    fn a_text_has_bounds_and_no_tricks() {
        assert_eq!(PostText::parse(" one\r\ntwo\u{202e}\u{200b} ").unwrap().text, "one\ntwo");
        assert_eq!(PostText::parse("").unwrap(), PostText::default());
        assert!(PostText::parse(&"é".repeat(MAX_TEXT_CHARS)).is_ok());
        assert!(PostText::parse(&"a".repeat(MAX_TEXT_CHARS + 1)).is_err());
        let many =
            |sign: char, count: usize| (0..count).map(|at| format!("{sign}user{at} ")).collect::<Vec<_>>().concat();
        assert!(PostText::parse(&many('@', MAX_MENTIONS)).is_ok());
        assert!(PostText::parse(&many('@', MAX_MENTIONS + 1)).is_err());
        assert!(PostText::parse(&many('#', MAX_TAGS + 1)).is_err());
    }
}

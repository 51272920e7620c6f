//! A topic: a tag, a place or a song that members follow.
//!
//! Invariant: two spellings of a tag or a place that differ only in case, in spaces or in how accents are encoded are
//! one topic.

use contract::social::TopicKind;
use contract::social::views::TopicView;
use unicode_normalization::UnicodeNormalization as _;

/// The longest name, in characters: that of a place.
const MAX_NAME_CHARS: usize = 80;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    /// What it is.
    pub kind: TopicKind,
    /// Its name, normalized.
    pub name: String,
}

impl Topic {
    /// Returns the topic of a name as a member writes it; `None` if it can be none of this kind.
    pub(crate) fn parse(kind: TopicKind, text: &str) -> Option<Self> {
        let line = composed(text).split_whitespace().collect::<Vec<_>>().join(" ");
        let name = match kind {
            TopicKind::Tag => lower_tag(line.trim_start_matches('#')),
            TopicKind::Place => line.to_lowercase(),
            TopicKind::Song => line,
        };
        let is_word = name.chars().all(|char| char.is_alphanumeric() || char == '_');
        let is_id = name.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        let fits = match kind {
            TopicKind::Tag => is_word,
            TopicKind::Place => true,
            TopicKind::Song => is_id,
        };
        let has_length = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
        (fits && has_length).then_some(Self { kind, name })
    }

    /// Returns the topic as its follower sees it.
    pub(crate) fn view(self) -> TopicView {
        TopicView { kind: self.kind, name: self.name }
    }
}

/// Returns a text as people see it (`codec::filename::lines`), with a letter and its accents as one character where
/// there is one (NFC): some keyboards and files have them apart.
pub(super) fn composed(text: &str) -> String {
    codec::filename::lines(text).nfc().collect()
}

/// Returns a tag in lower case. That of `İ` is two characters, of which the second is in no tag.
pub(super) fn lower_tag(tag: &str) -> String {
    tag.to_lowercase().replace("i\u{307}", "i")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_spelling() {
        let name = |kind, text: &str| Topic::parse(kind, text).map(|topic| topic.name);
        assert_eq!(name(TopicKind::Tag, "#Été_2026").as_deref(), Some("été_2026"));
        assert_eq!(name(TopicKind::Tag, "İstanbul").as_deref(), Some("istanbul"));
        assert_eq!(name(TopicKind::Tag, "E\u{301}te\u{301}_2026").as_deref(), Some("été_2026"));
        assert_eq!(name(TopicKind::Place, " The  Bar ").as_deref(), Some("the bar"));
        assert_eq!(name(TopicKind::Song, "5kT0vYq8").as_deref(), Some("5kT0vYq8"));
        for (kind, text) in [
            (TopicKind::Tag, "two words"),
            (TopicKind::Tag, "#"),
            (TopicKind::Place, "\u{200b}"),
            (TopicKind::Song, "a b"),
        ] {
            assert_eq!(name(kind, text), None, "{text:?}");
        }
        assert_eq!(name(TopicKind::Place, &"a".repeat(81)), None);
    }
}

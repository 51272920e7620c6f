//! Search terms: what an item is found by, as values that an index can hold. No I/O.
//!
//! An item is found by its name, its tags, its alternative text and its description, as far as the terms reach.
//! A text is split into words: runs of letters, runs of digits, and every other symbol by itself, except punctuation.
//! In scripts that put no spaces between words, each character is a word. A word is found by its prefix, for which the
//! index has the first one, two, three, four, six and eight characters. A term is a hash of a prefix, a tag or a
//! subject, together with the owner. Invariant: an item that [`SearchQuery::matches`] has every term of
//! [`SearchQuery::terms`], as far as [`MAX_TERMS`] reach.

use contract::AccountId;
use sha2::{Digest as _, Sha256};

use super::Item;

/// The largest number of terms of one item. Whole words come before their prefixes, so only single letters of very long
/// names are left out.
pub(crate) const MAX_TERMS: usize = 160;
/// The largest number of words of a query; more narrow nothing down.
const MAX_QUERY_WORDS: usize = 8;
/// The prefix lengths that the index has, in characters.
const PREFIX_LENGTHS: [usize; 6] = [8, 6, 4, 3, 2, 1];
/// Characters that separate words.
const PUNCTUATION: &str = "._-,;:/\\()[]{}'\"`´!?*=<>|~^«»„“”‘’–—…·";

/// A search term as the index stores it.
pub(crate) type Term = i64;

fn term(owner: AccountId, kind: u8, text: &str) -> Term {
    let mut hash = Sha256::new();
    hash.update(owner.0.as_bytes());
    hash.update([kind]);
    hash.update(text);
    let mut first = [0; 8];
    first.iter_mut().zip(hash.finalize().iter()).for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(first)
}

/// The class of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CharClass {
    Letter,
    Digit,
    /// A word by itself.
    Symbol,
    Separator,
}

fn char_class(c: char) -> CharClass {
    let stands_alone = matches!(
        u32::from(c),
        0x0e00..=0x0eff
            | 0x1000..=0x109f
            | 0x1780..=0x17ff
            | 0x2e80..=0xa4cf
            | 0xf900..=0xfaff
            | 0x2_0000..=0x3_ffff
    );
    // Combining accents, and what joins or colours emoji.
    let combines = matches!(u32::from(c), 0x0300..=0x036f | 0x200d | 0xfe00..=0xfe0f);
    match c {
        _ if c.is_whitespace() || c.is_control() || PUNCTUATION.contains(c) => CharClass::Separator,
        _ if stands_alone => CharClass::Symbol,
        _ if c.is_numeric() => CharClass::Digit,
        _ if c.is_alphabetic() || combines => CharClass::Letter,
        _ => CharClass::Symbol,
    }
}

/// Returns the words of a text, in lower case, each once.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = CharClass::Separator;
    let mut word = String::new();
    for c in text.to_lowercase().chars() {
        let class = char_class(c);
        if class != last || class == CharClass::Symbol {
            words.push(std::mem::take(&mut word));
        }
        if class != CharClass::Separator {
            word.push(c);
        }
        last = class;
    }
    words.push(word);
    let mut unique: Vec<String> = Vec::with_capacity(words.len());
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    unique
}

/// Returns the first `length` characters of a word, if it has so many.
fn prefix(word: &str, length: usize) -> Option<&str> {
    let mut ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.nth(length - 1).and_then(|end| word.get(..end))
}

/// Returns the terms of an item, each once.
pub(crate) fn terms_of(item: &Item) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut add = |term| {
        if terms.len() < MAX_TERMS && !terms.contains(&term) {
            terms.push(term);
        }
    };
    item.subject.iter().for_each(|subject| add(term(item.owner, b's', subject)));
    item.tags.iter().for_each(|tag| add(term(item.owner, b't', tag)));
    let prefixes = |word: &str| {
        PREFIX_LENGTHS.iter().filter_map(|length| prefix(word, *length)).map(str::to_owned).collect::<Vec<_>>()
    };
    // A long description takes no term from the name and the tags.
    for words in [words_of_name(item), words_of_texts(item)] {
        // The longest prefix of every word comes first: `PREFIX_LENGTHS` counts down.
        let of_words: Vec<Vec<String>> = words.iter().map(|word| prefixes(word)).collect();
        for place in 0..PREFIX_LENGTHS.len() {
            for text in of_words.iter().filter_map(|prefixes| prefixes.get(place)) {
                add(term(item.owner, b'w', text));
            }
        }
    }
    terms
}

/// Returns the words of the name and the tags.
fn words_of_name(item: &Item) -> Vec<String> {
    let mut found = words(&item.name);
    found.extend(item.tags.iter().flat_map(|tag| words(tag)));
    found
}

/// Returns the words of the texts beside the name.
fn words_of_texts(item: &Item) -> Vec<String> {
    let mut found = words(&item.alt);
    found.extend(words(&item.description));
    found
}

/// What a search looks for, beside kind, state and visibility.
#[derive(Debug, Clone, Default)]
pub(crate) struct SearchQuery {
    pub tag: Option<String>,
    pub subject: Option<String>,
    words: Vec<String>,
}

impl SearchQuery {
    /// Returns the query for a tag, a subject and the `text` that a person typed.
    pub(crate) fn new(tag: Option<&str>, subject: Option<String>, text: Option<&str>) -> Self {
        let tag = tag.map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty());
        let mut words = text.map(words).unwrap_or_default();
        words.truncate(MAX_QUERY_WORDS);
        Self { tag, subject, words }
    }

    /// Returns the terms to look up; none where everything matches.
    pub(crate) fn terms(&self, owner: AccountId) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        terms.extend(self.subject.iter().map(|subject| term(owner, b's', subject)));
        terms.extend(self.tag.iter().map(|tag| term(owner, b't', tag)));
        terms.extend(
            self.words
                .iter()
                .filter_map(|word| PREFIX_LENGTHS.iter().find_map(|length| prefix(word, *length)))
                .map(|text| term(owner, b'w', text)),
        );
        terms
    }

    /// Returns whether an item matches. This decides, as the index knows prefixes only.
    pub(crate) fn matches(&self, item: &Item) -> bool {
        if self.tag.as_ref().is_some_and(|tag| !item.tags.contains(tag))
            || (self.subject.is_some() && self.subject != item.subject)
        {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let mut has = words_of_name(item);
        has.extend(words_of_texts(item));
        self.words.iter().all(|word| has.iter().any(|has| has.starts_with(word.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::Utc;
    use contract::media::{Kind, Visibility};
    use contract::{MediaId, ObjectKey};
    use uuid::Uuid;

    use super::*;
    use crate::model::State;
    use crate::model::sensitivity::Marks;

    fn item(name: &str, tags: &[&str]) -> Item {
        let at = Utc::now();
        Item {
            id: MediaId::random(),
            owner: AccountId(Uuid::from_u128(1)),
            name: name.into(),
            description: String::new(),
            alt: String::new(),
            kind: Kind::Photo,
            format: String::new(),
            content_type: String::new(),
            state: State::Ready,
            visibility: Visibility::Private,
            bytes: 1,
            sha256: String::new(),
            object: ObjectKey::random(),
            has_scrub: false,
            width: None,
            height: None,
            duration_ms: None,
            orientation: 1,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            taken_at: None,
            camera: None,
            thumbhash: None,
            assets: Vec::new(),
            captions: Vec::new(),
            percent: None,
            remaining_ms: None,
            failure: None,
            claimed: true,
            subject: None,
            trashed: None,
            withheld: None,
            marks: Marks::default(),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn the_words_of_a_description_are_found_and_take_none_from_the_name() {
        let long = (0..400).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ");
        let plain = item("Summer holidays.jpeg", &["sea"]);
        let described =
            Item { description: format!("Zebras by the lake. {long}"), alt: "Two foals".into(), ..plain.clone() };
        let terms: BTreeSet<Term> = terms_of(&described).into_iter().collect();
        assert!(terms.len() <= MAX_TERMS && terms_of(&plain).iter().all(|term| terms.contains(term)));
        for text in ["su", "sea", "zebras", "foals", "summer lake"] {
            let query = SearchQuery::new(None, None, Some(text));
            assert!(query.matches(&described), "{text}");
            assert!(query.terms(described.owner).iter().all(|term| terms.contains(term)), "{text}");
        }
        assert!(!SearchQuery::new(None, None, Some("zebra")).matches(&plain));
    }

    #[test]
    fn a_text_is_cut_where_people_see_words() {
        assert_eq!(words("IMG_20240512-123456.JPG"), ["img", "20240512", "123456", "jpg"]);
        assert_eq!(words("Summer3 Füße & 100%"), ["summer", "3", "füße", "&", "100", "%"]);
        assert_eq!(words("花火大会 (1)"), ["花", "火", "大", "会", "1"]);
        assert_eq!(words("a  a A"), ["a"]);
        assert!(words(" .-_ ").is_empty());
    }

    #[test]
    fn an_item_is_found_by_the_beginnings_of_its_words_in_any_order() {
        let item = item("Grandma's photographs 2024.jpg", &["wedding", "100%"]);
        for found in
            ["grand", "PHOTOGRAPHS", "photograp", "2024", "20", "wed photo", "jpg 2024 grandma", "%", "100%", ".", ""]
        {
            let query = SearchQuery::new(None, None, Some(found));
            assert!(query.matches(&item), "{found}");
            let has: BTreeSet<Term> = terms_of(&item).into_iter().collect();
            assert!(query.terms(item.owner).iter().all(|term| has.contains(term)), "{found}");
        }
        for other in ["otographs", "photographx", "wedding 2023", "edding", "&"] {
            assert!(!SearchQuery::new(None, None, Some(other)).matches(&item), "{other}");
        }
        assert!(SearchQuery::new(Some(" Wedding "), None, None).matches(&item));
        assert!(!SearchQuery::new(Some("wed"), None, None).matches(&item));
        assert!(!SearchQuery::new(None, Some("post:1".into()), None).matches(&item));
    }

    #[test]
    fn terms_belong_to_their_owner() {
        let query = SearchQuery::new(Some("wedding"), None, None);
        assert_ne!(query.terms(AccountId(Uuid::from_u128(1))), query.terms(AccountId(Uuid::from_u128(2))));
    }

    #[test]
    fn an_item_has_so_many_terms_and_its_tags_and_whole_words_among_them() {
        let tags: Vec<String> = ('a'..='t').map(|c| format!("{c}bcdefgh {c}{c}cdefghi {c}q{c}rstuv")).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let item = item(&"x1y2".repeat(60), &tags);
        let has = terms_of(&item);
        assert_eq!(has.len(), MAX_TERMS);
        assert!(has.contains(&term(item.owner, b't', tags.last().unwrap())));
        for found in ["tbcdefgh", "tqtrstuv", "x"] {
            assert!(
                SearchQuery::new(None, None, Some(found)).terms(item.owner).iter().all(|term| has.contains(term)),
                "{found}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn the_index_never_hides_what_matches(name in "[a-zA-Z0-9 ._%&ä-ü一-丠]{0,60}", typed in "[a-zA-Z0-9 \
            ._%&ä-ü一-丠]{0,6}") {
            let item = item(&name, &["sea"]);
            let query = SearchQuery::new(None, None, Some(&typed));
            if query.matches(&item) {
                let has = terms_of(&item);
                proptest::prop_assert!(query.terms(item.owner).iter().all(|term| has.contains(term)));
            }
        }
    }
}

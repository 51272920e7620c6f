//! Captions: what is said or sung in a video or an audio file, one text for each language.
//!
//! Owns the rules of language tags, labels and numbers; `codec::webvtt` has the syntax of the text. Invariant: a
//! language has one spelling, so an item never has captions twice in it.

use contract::media::Kind;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// The largest number of languages of an item.
pub(crate) const MAX_LANGUAGES: usize = 30;
/// The largest text. Two hours of speech are about 200 KB.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The longest language tag, in characters (RFC 5646, section 4.4.1).
const MAX_TAG_CHARS: usize = 35;
/// The longest label, in characters.
const MAX_LABEL_CHARS: usize = 60;

/// Captions in one language, without the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Captions {
    pub lang: String,
    pub label: String,
    pub bytes: u64,
}

/// Captions that an owner sends.
#[derive(Debug, Clone)]
pub(crate) struct NewCaptions {
    pub lang: LanguageTag,
    pub label: String,
    /// WebVTT.
    pub text: String,
}

impl NewCaptions {
    /// Returns the digest that distinguishes this text from others.
    pub(crate) fn etag(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }

    fn entry(&self) -> Captions {
        let (lang, label) = (self.lang.0.clone(), self.label.clone());
        Captions { lang, label, bytes: self.text.len() as u64 }
    }

    /// Returns the captions of an item with these, in place of earlier ones in their language.
    pub(crate) fn added_to(&self, present: &[Captions]) -> Result<Vec<Captions>, Error> {
        let mut all = without(present, &self.lang);
        if all.len() >= MAX_LANGUAGES {
            return Err(Error::TooManyCaptions(MAX_LANGUAGES));
        }
        all.push(self.entry());
        all.sort_by(|one, other| one.lang.cmp(&other.lang));
        Ok(all)
    }
}

/// Returns the captions in other languages than this one.
pub(crate) fn without(all: &[Captions], lang: &LanguageTag) -> Vec<Captions> {
    all.iter().filter(|one| one.lang != lang.0).cloned().collect()
}

/// Returns the bytes of all texts together.
pub(crate) fn sum_bytes(all: &[Captions]) -> u64 {
    all.iter().map(|one| one.bytes).sum()
}

/// Returns the label that a menu shows: the language tag where the client sends none.
pub(crate) fn label(text: Option<&str>, lang: &LanguageTag) -> Result<String, Error> {
    let label = text.and_then(codec::filename::title).unwrap_or_else(|| lang.0.clone());
    if label.chars().count() > MAX_LABEL_CHARS {
        return Err(Error::Invalid(format!("`label` has at most {MAX_LABEL_CHARS} characters.")));
    }
    Ok(label)
}

/// Refuses captions of an item that has no time.
pub(crate) fn check_kind(kind: Kind) -> Result<(), Error> {
    match kind {
        Kind::Audio | Kind::Video => Ok(()),
        Kind::Photo => Err(Error::Invalid("Captions are for videos and audio files; this is a photo.".to_owned())),
    }
}

/// Returns the column for captions.
pub(crate) fn to_column(captions: &[Captions]) -> Option<String> {
    if captions.is_empty() { Some(String::new()) } else { serde_json::to_string(captions).ok() }
}

/// Returns the captions of a column that [`to_column`] made.
pub(crate) fn from_column(stored: &str) -> Option<Vec<Captions>> {
    if stored.is_empty() { Some(Vec::new()) } else { serde_json::from_str(stored).ok() }
}

/// A language tag (BCP 47) that is well-formed, in the letter case that RFC 5646 recommends (section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LanguageTag(String);

impl LanguageTag {
    /// Returns the tag in its only spelling; `None` where it is not well-formed (RFC 5646, section 2.1). Tags of before
    /// 2009 that follow no rule (`i-klingon`) are not accepted.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_plain =
            text.len() <= MAX_TAG_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let lower = is_plain.then(|| text.to_ascii_lowercase())?;
        let mut parts: Vec<String> = lower.split('-').map(str::to_owned).collect();
        let language = parts.first()?;
        if language != "x" && !(is_alphabetic(language, 2..=3) || is_alphabetic(language, 4..=8)) {
            return None;
        }
        let extended = if language.len() <= 3 { 3 } else { 0 };
        let mut at = usize::from(language != "x");
        let after = |parts: &[String], at: usize, most: usize, fits: fn(&str) -> bool| {
            at + parts.iter().skip(at).take(most).take_while(|part| fits(part)).count()
        };
        if at == 1 {
            at = after(&parts, at, extended, |part| is_alphabetic(part, 3..=3));
            let script = at;
            at = after(&parts, at, 1, |part| is_alphabetic(part, 4..=4));
            if let Some(script) = parts.get_mut(script).filter(|_| at > script) {
                script.get_mut(..1)?.make_ascii_uppercase();
            }
            let region = at;
            at = after(&parts, at, 1, is_region);
            if let Some(region) = parts.get_mut(region).filter(|_| at > region) {
                region.make_ascii_uppercase();
            }
            at = after(&parts, at, usize::MAX, is_variant);
        }
        has_only_extensions(parts.get(at..)?).then(|| Self(parts.join("-")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_alphabetic(part: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_region(part: &str) -> bool {
    is_alphabetic(part, 2..=2) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_variant(part: &str) -> bool {
    (5..=8).contains(&part.len()) || (part.len() == 4 && part.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether the rest of a tag is extensions (a letter or digit, then parts of two to eight) and private use (`x`, then
/// parts of one to eight).
fn has_only_extensions(rest: &[String]) -> bool {
    let mut rest = rest.iter().map(String::as_str).peekable();
    let mut seen = Vec::new();
    while let Some(singleton) = rest.next() {
        let shortest = if singleton == "x" { 1 } else { 2 };
        if singleton.len() != 1 || seen.contains(&singleton) {
            return false;
        }
        seen.push(singleton);
        let mut parts = 0;
        while rest.next_if(|part| (shortest..=8).contains(&part.len())).is_some() {
            parts += 1;
        }
        if parts == 0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_is_well_formed_and_has_one_spelling() {
        for (text, tag) in [
            ("EN", "en"),
            ("pt-br", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("zh-yue-hk", "zh-yue-HK"),
            ("es-419", "es-419"),
            ("de-CH-1996", "de-CH-1996"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
            ("en-u-ca-gregory-x-a", "en-u-ca-gregory-x-a"),
            ("x-Karaoke", "x-karaoke"),
        ] {
            assert_eq!(LanguageTag::parse(text).expect(text).as_str(), tag);
        }
        for bad in [
            "",
            "e",
            "en-",
            "-en",
            "en--us",
            "en_US",
            "e1",
            "abcdefghi",
            "en-u",
            "en-u-",
            "en-x",
            "x",
            "en-a-bb-a-cc",
            "en-us-us",
            "日本語",
            "en/..",
            "en-abcdefghi",
            "en-x-aaaaaaaa-bbbbbbbb-cccccccc-dddd",
        ] {
            assert!(LanguageTag::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let one = Captions { lang: "en".into(), label: "English".into(), bytes: 7 };
        for all in [vec![], vec![one]] {
            assert_eq!(from_column(&to_column(&all).unwrap()), Some(all));
        }
        assert_eq!(from_column("["), None);
    }
}

//! Texts in the form in which they are compared, and how much a text is disguised.
//!
//! Owns the order of the steps: compatibility forms (NFKC), invisible characters, look-alikes and case, then spacing.
//! The form is for comparing only and is shown to no reader. Invariant: two texts that differ in nothing but disguise
//! have the same form, and a form has at most [`MAX_CHARACTERS`] characters of its text.

mod fold;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The most characters of a text that are compared. The roles' own limits are below.
pub const MAX_CHARACTERS: usize = 20_000;
/// The shortest word whose mixed scripts or styled letters count: `5μm` and `kΩ` are written by honest people.
const MIN_DISGUISED_WORD: u32 = 4;
/// The fewest single letters in a row, one separator apart, that count as a word that was spaced out.
const MIN_SPACED_LETTERS: u32 = 5;

/// A text in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    key: String,
    disguises: Disguises,
}

/// How a text was made to look different to a filter and the same to a reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disguises {
    /// Invisible characters inside Latin words.
    pub invisible: u32,
    /// Words that mix Latin with letters that look like Latin ones.
    pub mixed_words: u32,
    /// Words in letters that Unicode has for formulas, in circles or in squares.
    pub styled_words: u32,
    /// Words with a separator after each letter.
    pub spaced_words: u32,
}

impl Disguises {
    /// Returns how many there are of all kinds.
    pub fn count(self) -> u32 {
        self.invisible
            .saturating_add(self.mixed_words)
            .saturating_add(self.styled_words)
            .saturating_add(self.spaced_words)
    }
}

impl Normalised {
    /// Returns the form of a text.
    pub fn of(text: &str) -> Self {
        let mut key = String::with_capacity(text.len().min(MAX_CHARACTERS));
        for character in text.chars().take(MAX_CHARACTERS).nfkc() {
            fold::fold_into(character, &mut key);
        }
        Self { key, disguises: Scanner::scan(text) }
    }

    /// Returns the letters and digits of the text without spaces, in the form that look-alikes share.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns how the text was disguised.
    pub fn disguises(&self) -> Disguises {
        self.disguises
    }
}

/// Whether a character takes no room: zero-width and direction marks, fillers, variation selectors, tags.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Letters of scripts that have many letters like Latin ones: Greek, Cyrillic, Armenian, Cherokee.
fn resembles_latin(character: char) -> bool {
    matches!(character, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}')
        && character.is_alphabetic()
}

/// Letters for formulas, in circles, parentheses or squares. Fullwidth letters are ordinary in East Asia.
fn is_styled(character: char) -> bool {
    matches!(
        character,
        '\u{249c}'..='\u{24e9}' | '\u{1d400}'..='\u{1d7ff}' | '\u{1f110}'..='\u{1f149}' | '\u{1f150}'..='\u{1f189}'
    )
}

/// Reads a text once and counts disguises.
#[derive(Default)]
struct Scanner {
    found: Disguises,
    /// The last character that can be seen.
    before: Option<char>,
    /// Invisible characters since then. A soft hyphen is not one: web pages have them in honest words.
    pending: u32,
    word: Word,
    spaced_letters: u32,
    /// Separators since the last word.
    gap: u32,
}

/// The word that is being read.
#[derive(Default)]
struct Word {
    letters: u32,
    styled: u32,
    has_latin: bool,
    has_resembling: bool,
}

impl Scanner {
    fn scan(text: &str) -> Disguises {
        let mut scanner = Self::default();
        text.chars().take(MAX_CHARACTERS).for_each(|character| scanner.read(character));
        scanner.end_word();
        scanner.end_spaced_word();
        scanner.found
    }

    fn read(&mut self, character: char) {
        if is_invisible(character) {
            self.pending += u32::from(character != '\u{ad}');
            return;
        }
        // A mark belongs to its letter. Words of Indic scripts and Thai have many.
        if is_combining_mark(character) {
            return;
        }
        let is_in_latin_word = self.before.is_some_and(|before| before.is_ascii_alphabetic());
        if self.pending > 0 && is_in_latin_word && character.is_ascii_alphabetic() {
            self.found.invisible += self.pending;
        }
        self.pending = 0;
        self.before = Some(character);
        if character.is_alphanumeric() || is_styled(character) {
            self.begin_word_after_gap();
            self.word.letters += 1;
            self.word.styled += u32::from(is_styled(character));
            self.word.has_latin |= character.is_ascii_alphabetic();
            self.word.has_resembling |= resembles_latin(character);
        } else {
            self.end_word();
            self.gap += 1;
        }
    }

    /// A word that begins more than one separator after the last one ends a word that was spaced out.
    fn begin_word_after_gap(&mut self) {
        if self.word.letters == 0 && self.gap > 1 {
            self.end_spaced_word();
        }
        self.gap = 0;
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        match word.letters {
            0 => return,
            1 => self.spaced_letters += 1,
            _ => self.end_spaced_word(),
        }
        if word.letters >= MIN_DISGUISED_WORD {
            self.found.mixed_words += u32::from(word.has_latin && word.has_resembling);
            self.found.styled_words += u32::from(word.styled >= MIN_DISGUISED_WORD);
        }
    }

    fn end_spaced_word(&mut self) {
        self.found.spaced_words += u32::from(self.spaced_letters >= MIN_SPACED_LETTERS);
        self.spaced_letters = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Normalised::of(text).key().to_owned()
    }

    fn count(text: &str) -> u32 {
        Normalised::of(text).disguises().count()
    }

    #[test]
    fn disguised_texts_have_the_form_of_plain_ones() {
        let plain = key("Win a free iPhone now");
        for disguised in [
            "WIN A FREE IPHONE NOW!!!",
            "W i n  a  f r e e  i.P.h.o.n.e  n-o-w",
            "Win a fr\u{200b}ee iPh\u{2060}one n\u{feff}ow",
            "Wіn а frее iРhоnе nоw", // і, а, е, Р, о of Cyrillic
            "𝐖𝐢𝐧 𝐚 𝐟𝐫𝐞𝐞 𝐢𝐏𝐡𝐨𝐧𝐞 𝐧𝐨𝐰",
            "Ｗｉｎ ａ ｆｒｅｅ ｉＰｈｏｎｅ ｎｏｗ",
            "W1n a fr33 1Ph0n3 n0w",
            "Ⓦⓘⓝ ⓐ ⓕⓡⓔⓔ ⓘⓟⓗⓞⓝⓔ ⓝⓞⓦ",
            "Wi\u{301}n a fr\u{334}e\u{336}e i\u{20e0}Phone now",
        ] {
            assert_eq!(key(disguised), plain, "{disguised}");
        }
        assert_ne!(key("Win a tree"), key("Win a free"));
    }

    #[test]
    fn disguises_are_counted_and_honest_writing_is_not() {
        let kinds = Normalised::of("fr\u{200b}ee m\u{200b}\u{200b}oney, раypal and 𝐟𝐫𝐞𝐞, v.i.a.g.r.a").disguises();
        let expected = Disguises { invisible: 3, mixed_words: 1, styled_words: 1, spaced_words: 1 };
        assert_eq!((kinds, kinds.count()), (expected, 6));
        for honest in [
            "Kommst du morgen? Ich bringe 5μm-Folie und 10 kΩ mit.",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} Familie",
            "می\u{200c}خواهم", // Persian has a zero-width non-joiner inside words
            "Donau\u{ad}dampf\u{ad}schiff",
            "Привет, как дела? Пришли мне link на YouTube",
            "U.S.A. is a b c of it",
            "今日はWi-Fiを使う",
            "नमस्ते दोस्तों, क्या हाल है",
            "ก็ไม่ใช่ ที่นี่ น้ำ ค่ะ",
            "E\u{301}le\u{300}ve",
            "",
        ] {
            assert_eq!(count(honest), 0, "{honest}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_form_of_letters(text in any::<String>()) {
            let form = Normalised::of(&text);
            prop_assert!(form.key().chars().all(char::is_alphanumeric));
            prop_assert!(form.disguises().count() as usize <= text.chars().count());
        }

        #[test]
        fn case_and_spacing_do_not_matter(text in "[a-zA-Z]{0,60}", separator in "[ ._\u{200b}-]{1,2}") {
            let spaced: String = text.chars().flat_map(|letter| [letter.to_string(), separator.clone()]).collect();
            prop_assert_eq!(key(&spaced), key(&text.to_uppercase()));
        }
    }

    #[test]
    fn a_long_text_is_compared_up_to_the_limit() {
        assert_eq!(key(&"a".repeat(MAX_CHARACTERS + 5)).len(), MAX_CHARACTERS);
    }
}

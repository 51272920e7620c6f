//! Texts of one member that others see: their allowed characters and their normalized form.
//!
//! Owns the rules for invisible characters, stacked marks and changes of direction. Does not own lengths. Every script
//! and every emoji is allowed, so joiners and variation selectors are accepted where a script or an emoji needs them,
//! and nowhere else (Unicode 18: UAX #9, UAX #15, UAX #31 section 2.3, UTS #39 section 5.4, UTS #51). Invariant: an
//! accepted text has a visible character, is NFC, and contains no character that has no visible effect.

use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{
    GeneralCategory as Category, GeneralCategoryGroup as Group, UnicodeEmoji as _, UnicodeGeneralCategory as _,
};

/// The most marks on one letter. More are decoration and can cover a whole screen (UTS #39, section 5.4).
const MAX_MARKS: usize = 4;
/// The flags of England, Scotland and Wales: the only emoji that consist of tags (UTS #51, `RGI_Emoji_Tag_Sequence`).
const TAG_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
const BLACK_FLAG: char = '\u{1f3f4}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const TEXT_PRESENTATION: char = '\u{fe0e}';
const EMOJI_PRESENTATION: char = '\u{fe0f}';

/// Ranges of `Default_Ignorable_Code_Point` that are not all of the category `Format`, which is refused as a whole.
const IGNORABLE: [RangeInclusive<char>; 12] = [
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];
/// Scripts whose letters have joining forms: Arabic, Syriac, N'Ko, the scripts of India, Sinhala, Tibetan, Myanmar,
/// Khmer, Mongolian, and Arabic presentation forms.
const JOINING_SCRIPTS: [RangeInclusive<char>; 6] = [
    '\u{600}'..='\u{8ff}',
    '\u{900}'..='\u{dff}',
    '\u{f00}'..='\u{109f}',
    '\u{1780}'..='\u{18af}',
    '\u{fb50}'..='\u{fdff}',
    '\u{fe70}'..='\u{fefc}',
];
const IDEOGRAPHS: [RangeInclusive<char>; 4] =
    ['\u{3400}'..='\u{4dbf}', '\u{4e00}'..='\u{9fff}', '\u{f900}'..='\u{faff}', '\u{20000}'..='\u{3fffd}'];

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextError {
    /// It contains a control character, or a separator of lines or paragraphs.
    Control,
    /// It contains an invisible character, or one that changes the direction of the text.
    Invisible,
    /// It has a mark without a letter, the same mark twice, or too many on one letter.
    Marks,
    /// It has no visible character.
    Blank,
}

/// Normalizes a single line: NFC, trimmed, each run of spaces replaced by one space. It must have a visible character.
pub(super) fn single_line(text: &str) -> Result<String, TextError> {
    let text: String = text.trim().nfc().collect();
    check(&text)?;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().any(is_visible) { Ok(line) } else { Err(TextError::Blank) }
}

/// Normalizes a text of several lines: NFC, trimmed. It may be empty.
pub(super) fn multi_line(text: &str) -> Result<String, TextError> {
    let text: String = text.replace("\r\n", "\n").trim().nfc().collect();
    text.split('\n').try_for_each(check)?;
    if text.is_empty() || text.chars().any(is_visible) { Ok(text) } else { Err(TextError::Blank) }
}

/// Whether a character is allowed in any text, whatever is around it.
pub(super) fn is_plain(char: char) -> bool {
    !is_control(char) && !is_invisible(char)
}

fn check(line: &str) -> Result<(), TextError> {
    let chars: Vec<char> = line.chars().collect();
    let (mut marks, mut at) = (0, 0);
    while let Some(&char) = chars.get(at) {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
        if is_control(char) {
            return Err(TextError::Control);
        }
        if is_invisible(char) && !has_visible_effect(before, char, chars.get(at + 1).copied()) {
            return Err(TextError::Invisible);
        }
        marks = if is_nonspacing(char) { marks + 1 } else { 0 };
        let has_no_base = char.general_category_group() == Group::Mark
            && !is_invisible(char)
            && before.is_none_or(char::is_whitespace);
        if has_no_base || marks > MAX_MARKS || (marks > 1 && before == Some(char)) {
            return Err(TextError::Marks);
        }
        at += 1 + if char == BLACK_FLAG { flag_tag_count(chars.get(at + 1..).unwrap_or_default()) } else { 0 };
    }
    Ok(())
}

fn is_control(char: char) -> bool {
    matches!(char.general_category(), Category::Control | Category::LineSeparator | Category::ParagraphSeparator)
}

/// Whether a character is invisible: format characters (of which all that change the direction are, UAX #9),
/// `Default_Ignorable_Code_Point`, letters, marks and symbols that are drawn as nothing, and code points for private
/// use or without a character.
fn is_invisible(char: char) -> bool {
    let drawn_as_nothing = matches!(
        char,
        '\u{2800}' | '\u{2d7f}' | '\u{fffc}' | '\u{1107f}' | '\u{13441}' | '\u{13442}' | '\u{16fe4}' | '\u{1d159}'
    );
    let ignorable = is_in(char, &IGNORABLE);
    let meaningless = (u32::from(char) & 0xfffe) == 0xfffe || matches!(char, '\u{fdd0}'..='\u{fdef}');
    drawn_as_nothing
        || ignorable
        || meaningless
        || matches!(char.general_category(), Category::Format | Category::PrivateUse)
}

/// Whether an invisible character has a visible effect: it joins or separates letters of a script that has forms for
/// that, selects the form of an ideograph, or combines several emoji into one.
fn has_visible_effect(before: Option<char>, char: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let in_emoji = |char: char| char == EMOJI_PRESENTATION || is_emoji(char);
    match char {
        ZERO_WIDTH_JOINER if in_emoji(before) => after.is_some_and(is_emoji),
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => has_joining_forms(before) && after.is_some_and(has_joining_forms),
        EMOJI_PRESENTATION if matches!(before, '0'..='9' | '#' | '*') => after == Some('\u{20e3}'),
        TEXT_PRESENTATION | EMOJI_PRESENTATION => is_emoji(before),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_ideograph(before),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

/// Returns how many tags after a black flag belong to it: those of one of the three flags, and the end tag.
fn flag_tag_count(after: &[char]) -> usize {
    let is_tagged = |flag: &&str| {
        let tags = flag.chars().map(|letter| char::from_u32(0xe0000 + u32::from(letter))).chain([Some('\u{e007f}')]);
        tags.zip(after.iter().copied().map(Some).chain(std::iter::repeat(None))).all(|(tag, found)| tag == found)
    };
    TAG_FLAGS.iter().find(|flag| is_tagged(flag)).map_or(0, |flag| flag.len() + 1)
}

fn is_emoji(char: char) -> bool {
    !char.is_ascii() && char.is_emoji_char()
}

/// Whether a character is a mark without width, of which any number would fit on one letter.
fn is_nonspacing(char: char) -> bool {
    matches!(char.general_category(), Category::NonspacingMark | Category::EnclosingMark) && !is_invisible(char)
}

fn is_visible(char: char) -> bool {
    let has_shape =
        matches!(char.general_category_group(), Group::Letter | Group::Number | Group::Punctuation | Group::Symbol);
    has_shape && !is_invisible(char)
}

/// Whether a character is a letter or mark of a script with joining forms.
fn has_joining_forms(char: char) -> bool {
    is_in(char, &JOINING_SCRIPTS)
        && matches!(char.general_category_group(), Group::Letter | Group::Mark)
        && !is_invisible(char)
}

fn is_in(char: char, ranges: &[RangeInclusive<char>]) -> bool {
    ranges.iter().any(|range| range.contains(&char))
}

fn is_ideograph(char: char) -> bool {
    is_in(char, &IDEOGRAPHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_and_every_emoji_is_welcome() {
        for fine in [
            "Ada",
            "Зоя",
            "李小龍",
            "Ελένη",
            "יוֹסֵף",
            "محمد",
            "علی\u{200c}رضا",
            "क्\u{200d}ष",
            "ශ්\u{200d}රී",
            "สมชาย น้ำ",
            "བསྒྲུབས",
            "葛\u{e0100}城",
            "👩\u{200d}🎤",
            "🏳\u{fe0f}\u{200d}🌈",
            "👨🏽\u{200d}👩🏽\u{200d}👧🏽",
            "♥\u{fe0e}",
            "1\u{fe0f}\u{20e3} fan",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Ann",
            "🇸🇪",
            "...",
            "7",
        ] {
            assert_eq!(single_line(fine).as_deref(), Ok(fine), "{fine:?}");
        }
    }

    #[test]
    fn equal_names_have_one_normalized_form() {
        assert_eq!(single_line("Zoe\u{308}").unwrap(), "Zo\u{eb}");
        assert_eq!(single_line("\u{1112}\u{1161}\u{11ab}").unwrap(), "\u{d55c}");
        assert_eq!(single_line("\u{3000} Ada\u{a0}\u{2003}\u{2009} Lovelace\u{202f}").unwrap(), "Ada Lovelace");
        assert_eq!(multi_line(" one\r\ntwo  e\u{301}\n").unwrap(), "one\ntwo  \u{e9}");
        assert_eq!(multi_line("").unwrap(), "");
    }

    #[test]
    fn a_name_that_shows_nothing_is_none() {
        for blank in ["", " ", "\u{a0}\u{3000}\u{2003}", "\u{205f}\u{1680}"] {
            assert_eq!(single_line(blank), Err(TextError::Blank), "{blank:?}");
        }
        for mark in ["\u{301}", "\u{20dd}", "\u{301}\u{302}", "a \u{301}", "\u{903}"] {
            assert_eq!(single_line(mark), Err(TextError::Marks), "{mark:?}");
        }
    }

    #[test]
    fn nothing_unseen_hides_in_a_name() {
        let unseen = "\
            \u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
            \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2062}\u{2066}\u{2067}\u{2068}\u{2069}\u{206a}\
            \u{2800}\u{2d7f}\u{3164}\u{fe00}\u{fe0e}\u{fffc}\u{1107f}\u{13441}\u{16fe4}\
            \u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffe}\u{fdd0}\u{e000}\u{1d159}\u{1d173}\u{e0001}\u{e0041}\
            \u{e0100}\u{f0000}\u{10ffff}";
        for char in unseen.chars() {
            for text in [
                format!("{char}"),
                format!("Ada{char}"),
                format!("{char}Ada"),
                format!("A{char}da"),
                format!("李{char}{char}"),
                format!("ع{char}"),
                format!("👩{char}{char}👩"),
            ] {
                assert_eq!(single_line(&text), Err(TextError::Invisible), "{text:?}");
                assert_eq!(multi_line(&text), Err(TextError::Invisible), "{text:?}");
            }
        }
        // Selectors alone, pairs that isolate, fillers of Hangul between letters, and tags after another flag.
        for more in
            ["\u{fe0f}\u{fe0f}", "\u{2067}abc\u{2069}", "가\u{3164}나", "\u{1100}\u{1160}x", "🏳\u{e0067}\u{e007f}"]
        {
            assert_eq!(single_line(more), Err(TextError::Invisible), "{more:?}");
        }
        for more in
            ["🏴\u{e0078}\u{e007f}", "🏴\u{e0067}\u{e0062}", "👩\u{200d}", "👩\u{200d}a", "1\u{fe0f}", "a\u{200d}🎤"]
        {
            assert_eq!(single_line(more), Err(TextError::Invisible), "{more:?}");
        }
    }

    #[test]
    fn control_characters_stay_out() {
        for control in ['\0', '\t', '\u{7}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}'] {
            assert_eq!(single_line(&format!("a{control}b")), Err(TextError::Control), "{control:?}");
            assert_eq!(multi_line(&format!("a{control}b")), Err(TextError::Control), "{control:?}");
        }
        assert_eq!(single_line("a\nb"), Err(TextError::Control));
    }

    #[test]
    fn marks_do_not_pile_up() {
        assert!(single_line("ק\u{5b8}\u{5c4}\u{5a3}\u{5bd}").is_ok());
        for piled in
            ["a\u{316}\u{317}\u{318}\u{319}\u{31c}", "a\u{335}\u{335}", &format!("Z{}", "\u{310}\u{311}".repeat(20))]
        {
            assert_eq!(single_line(piled), Err(TextError::Marks), "{piled:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn normalization_is_idempotent(
            text in "\\PC{0,40}|[\\u{300}-\\u{30f}a-c \\u{200b}-\\u{200f}\\u{fe0f}👩🎤]{0,20}"
        ) {
            if let Ok(kept) = single_line(&text) {
                proptest::prop_assert_eq!(single_line(&kept), Ok(kept.clone()));
                proptest::prop_assert!(kept.chars().any(is_visible));
            }
        }
    }
}

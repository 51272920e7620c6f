//! The texts of an item beside its name: what its owner tells about it, and what stands for its picture.
//!
//! Invariant: a text has no characters that mislead, like a name, but it may have lines.

/// The longest description, in characters.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 2_000;
/// The longest alternative text, in characters. A screen reader reads all of it at once, so it should be much shorter.
pub(crate) const MAX_ALT_CHARS: usize = 1_000;

/// Returns a description, normalized, or a sentence that says why it is refused.
pub(crate) fn parse_description(text: &str) -> Result<String, String> {
    parse("description", text, MAX_DESCRIPTION_CHARS)
}

/// Returns an alternative text, normalized, or a sentence that says why it is refused.
pub(crate) fn parse_alt(text: &str) -> Result<String, String> {
    parse("alt", text, MAX_ALT_CHARS)
}

fn parse(field: &str, text: &str, max_chars: usize) -> Result<String, String> {
    let text = codec::filename::lines(text);
    if text.chars().count() > max_chars {
        return Err(format!("`{field}` has at most {max_chars} characters."));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cleaned_or_refused_with_a_sentence() {
        assert_eq!(parse_description(" One\r\ntwo\u{7}\u{202e} ").unwrap(), "One\ntwo");
        assert_eq!(parse_alt("").unwrap(), "");
        assert_eq!(parse_alt(&"ä".repeat(MAX_ALT_CHARS)).unwrap().chars().count(), MAX_ALT_CHARS);
        assert!(parse_alt(&"ä".repeat(MAX_ALT_CHARS + 1)).unwrap_err().contains("`alt`"));
        assert!(parse_description(&"x".repeat(MAX_DESCRIPTION_CHARS + 1)).unwrap_err().contains("`description`"));
    }
}

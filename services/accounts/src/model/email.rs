//! The syntax of e-mail addresses.
//!
//! Does not check whether an address exists. The normalized form decides whether an address is taken: compatible
//! characters in one form (NFKC), lower-case, and a domain in another script in its ASCII form (UTS #46). Invariant: an
//! address is normalized ASCII of at most 254 characters (RFC 5321 §4.5.3.1) with a dotted domain. Quoted local parts,
//! comments and local parts in other scripts are refused: they are too rare for the risks that they bring.

use idna::AsciiDenyList;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Error;

/// The longest address, in characters.
const MAX_CHARS: usize = 254;
/// The longest text that is normalized, in bytes: one character takes four at most.
const MAX_TEXT_BYTES: usize = 4 * MAX_CHARS;

const NO_ADDRESS: &str = "This is not an e-mail address that we can use. It should look like ada@example.org.";
const TOO_LONG: &str = "An e-mail address has at most 254 characters. Use a shorter one.";
const QUOTES: &str = "An e-mail address with quotes can't be used here. Use one like ada@example.org.";
const COMMENT: &str = "An e-mail address must not have a comment in brackets. Leave it out, as in ada@example.org.";
const LOCAL_PART: &str =
    "Before the @, an e-mail address must have 1 to 64 letters a–z, digits, or signs such as . _ + and - between them.";
const DOMAIN: &str = "After the @ there must be a domain, as in ada@example.org. Check it.";

/// A syntactically valid address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Parses an address and normalizes it. The local part is in lower case, too: no large provider distinguishes
    /// `Ada@` from `ada@`, and neither do users. It is kept otherwise, with dots and `+tags`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        normalize(text).map(Self).map_err(Error::InvalidEmail)
    }

    /// Returns the address, lower-case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns a login name, a handle or an e-mail address, as it is stored if it exists. No stored one has a NUL, which
/// PostgreSQL refuses in a query.
pub(crate) fn normalize_login(text: &str) -> String {
    normalize(text).unwrap_or_else(|_| text.trim().to_ascii_lowercase().replace('\0', "\u{fffd}"))
}

/// Returns the only form of an address, or a sentence that says why it is refused.
fn normalize(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.len() > MAX_TEXT_BYTES {
        return Err(TOO_LONG);
    }
    let text: String = text.nfkc().collect();
    if text.contains(['"', '“', '”']) {
        return Err(QUOTES);
    }
    if text.contains(['(', ')']) {
        return Err(COMMENT);
    }
    let (local, domain) = text.split_once('@').ok_or(NO_ADDRESS)?;
    if domain.contains('@') || text.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err(NO_ADDRESS);
    }
    if !is_local(local) {
        return Err(LOCAL_PART);
    }
    let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).map_err(|_| DOMAIN)?;
    if !is_domain(&domain) {
        return Err(DOMAIN);
    }
    let email = format!("{}@{domain}", local.to_ascii_lowercase());
    if email.len() > MAX_CHARS { Err(TOO_LONG) } else { Ok(email) }
}

/// Whether a local part consists of atoms with dots between them (RFC 5322 §3.2.3).
fn is_local(local: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(atom)
}

/// Whether a domain has at least two labels of letters, digits and inner hyphens, the last of which is no number (RFC
/// 1123 §2.1).
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(label)
        && top_level.len() >= 2
        && !top_level.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, form) in [
            (" Ada+Tutti@Example.ORG ", "ada+tutti@example.org"),
            ("o'neil@xn--bcher-kva.example", "o'neil@xn--bcher-kva.example"),
            ("ada@B\u{fc}cher.example", "ada@xn--bcher-kva.example"),
            ("ada@bu\u{308}cher.example", "ada@xn--bcher-kva.example"),
            ("ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ada@example.org"),
            ("a.d.a@例え。example", "a.d.a@xn--r8jz45g.example"),
        ] {
            assert_eq!(Email::parse(text).expect(text).as_str(), form);
            assert_eq!(normalize_login(text), form);
        }
        assert_eq!(normalize_login(" ADA "), "ada");
        assert_eq!(normalize_login("a\0da"), "a\u{fffd}da");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let wrong = [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "a da@example.org",
            "ada@exa mple.org",
            ".ada@example.org",
            "a..b@example.org",
            "ada@-x.org",
            "ada@1.2.3.4",
            "a@b@c..org",
            "a@b@example.org",
            "ädä@example.org",
            "ada@example.org\r\nBcc: x@y.zz",
            "Ada <ada@example.org>",
            "ada@exam℀ple.org",
            "ada@xn--a.example",
            "ada@[127.0.0.1]",
            &long,
        ];
        for wrong in wrong {
            assert!(Email::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let sentence = |text: &str| Email::parse(text).unwrap_err().to_string();
        for quoted in ["\"ada\"@example.org", "\"a b\"@example.org", "＂ada＂@example.org"] {
            assert!(sentence(quoted).contains("quotes"), "{quoted}");
        }
        for commented in ["ada(comment)@example.org", "ada@example.org (Ada)", "ada@（x）example.org"] {
            assert!(sentence(commented).contains("comment"), "{commented}");
        }
        assert!(sentence("ädä@example.org").contains("Before the @"));
        assert!(sentence("ada@example").contains("After the @"));
    }

    #[test]
    fn an_address_has_254_characters_at_most() {
        let of = |length: usize| {
            let domain = format!("{0}.{0}.{1}.{2}.org", "d".repeat(60), "e".repeat(length - 201), "f".repeat(9));
            format!("{}@{domain}", "a".repeat(64))
        };
        assert_eq!(of(254).len(), 254);
        assert!(Email::parse(&of(254)).is_ok());
        assert!(Email::parse(&of(255)).unwrap_err().to_string().contains("254"));
        for long in ["a".repeat(100_000), format!("ada@{}.example", "ü".repeat(600))] {
            assert!(Email::parse(&long).is_err(), "{} bytes", long.len());
        }
    }
}

//! The addresses of mails.
//!
//! Does not check whether an address exists. Invariant: an address is lower-case ASCII of at most 254 characters (RFC
//! 5321 §4.5.3.1.3) without quotes, spaces or control characters, so it can be written into a header or a command as it
//! is.

use std::fmt;

/// The longest address in characters: a path of 256 without its brackets (RFC 5321 §4.5.3.1.3, erratum 1690).
pub const MAX_ADDRESS_CHARS: usize = 254;
/// The longest part before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_CHARS: usize = 64;
const MAX_LABEL_CHARS: usize = 63;

/// An address that a mail can be sent to or come from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

impl fmt::Debug for Address {
    /// Without the address, which belongs into no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl Address {
    /// Parses an address. A domain in another script becomes ASCII (IDNA, UTS 46). Letters become lower-case: no large
    /// provider distinguishes `Ada@` from `ada@`. Quoted local parts, and local parts in other scripts (RFC 6531), are
    /// refused: too few servers take them.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.trim().rsplit_once('@')?;
        let (local, domain) = (local.to_ascii_lowercase(), idna::domain_to_ascii_strict(domain).ok()?);
        if !(is_local(&local) && is_domain(&domain)) {
            return None;
        }
        let (at, text) = (local.len(), format!("{local}@{domain}"));
        (text.len() <= MAX_ADDRESS_CHARS).then_some(Self { text, at })
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// Returns the domain, in ASCII.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Returns the address as the library's type. Its own rules are looser than those here in some places and stricter
    /// in others, so they are left out.
    pub(crate) fn to_lettre(&self) -> lettre::Address {
        lettre::Address::new_dangerous(self.local(), self.domain())
    }
}

/// Whether a local part consists of atoms with dots between them (RFC 5322 §3.2.3).
fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= MAX_LOCAL_CHARS && local.split('.').all(is_atom)
}

/// Whether a domain has labels of letters, digits and inner hyphens only (RFC 1123 §2.1). One label is enough
/// (`localhost`); an IP address is no domain.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    domain.split('.').all(is_label) && !top_level.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The longest address that there is: 64 characters, the `@` and 189.
    fn longest() -> String {
        let label = "d".repeat(MAX_LABEL_CHARS - 1);
        format!("{}@{label}.{label}.{label}", "l".repeat(MAX_LOCAL_CHARS))
    }

    #[test]
    fn addresses_in_other_scripts_and_of_254_characters_are_taken() {
        let written = [
            (" Ada@Example.ORG ", "ada@example.org"),
            ("o'neil+x@example.org", "o'neil+x@example.org"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@مثال.إختبار", "ada@xn--mgbh0fb.xn--kgbechtv"),
            ("ada@localhost", "ada@localhost"),
        ];
        for (text, is) in written {
            assert_eq!(Address::parse(text).unwrap().as_str(), is);
        }
        let long = longest();
        assert_eq!(long.len(), MAX_ADDRESS_CHARS - 1);
        let address = Address::parse(&format!("{long}d")).unwrap();
        assert_eq!((address.as_str().len(), address.local().len()), (MAX_ADDRESS_CHARS, MAX_LOCAL_CHARS));
        assert!(Address::parse(&format!("{long}.d")).is_none(), "255 characters");
    }

    #[test]
    fn what_could_end_a_header_or_a_command_is_refused() {
        let wrong = [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a da@example.org",
            ".ada@example.org",
            "a..b@example.org",
            "\"ada\"@example.org",
            "\"a\r\nBcc: x\"@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org\nSubject: x",
            "ada@example.org>\r\nDATA",
            "ada(comment)@example.org",
            "<ada@example.org>",
            "ada@example.org, eve@example.org",
            "ada@-x.org",
            "ada@1.2.3.4",
            "ada@[127.0.0.1]",
            "ädä@example.org",
            "ada@exa\u{0}mple.org",
            "ada@b..org",
        ];
        for text in wrong {
            assert!(Address::parse(text).is_none(), "{text:?}");
        }
        assert!(Address::parse(&format!("{}@example.org", "l".repeat(65))).is_none());
    }

    proptest! {
        #[test]
        fn an_address_is_one_printable_word(
            text in "\\PC{0,40}@\\PC{0,40}|[a-z.\\r\\n<>\" ]{0,30}@[a-z.\\r\\n]{0,30}"
        ) {
            if let Some(address) = Address::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains(['<', '>', '"', ',', '(', ')']));
                prop_assert_eq!(Address::parse(address.as_str()), Some(address.clone()));
            }
        }
    }
}

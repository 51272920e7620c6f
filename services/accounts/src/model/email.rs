//! The syntax of e-mail addresses.
//!
//! Does not check whether an address exists. Invariant: an address is lower-case ASCII of at most 254 characters (RFC
//! 5321 §4.5.3.1) with a dotted domain. Quoted local parts and addresses in other scripts are refused: they are too
//! rare for the risks that they bring.

use crate::error::Error;

/// A syntactically valid address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Parses an address in any case and lower-cases it: no large provider distinguishes `Ada@` from `ada@`, and
    /// neither do users.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_ascii_lowercase();
        let is_valid = email.len() <= 254
            && email.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if is_valid { Ok(Self(email)) } else { Err(Error::InvalidEmail) }
    }

    /// Returns the address, lower-case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
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
    fn addresses_are_lowered_and_checked() {
        assert_eq!(Email::parse(" Ada+Tutti@Example.ORG ").unwrap().as_str(), "ada+tutti@example.org");
        assert!(Email::parse("o'neil@xn--bcher-kva.example").is_ok());
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
        ];
        for wrong in wrong.iter().copied().chain([
            "ada@-x.org",
            "ada@1.2.3.4",
            "a@b@c..org",
            "ädä@example.org",
            "ada@example.org\r\nBcc: x@y.zz",
            &long,
        ]) {
            assert!(Email::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

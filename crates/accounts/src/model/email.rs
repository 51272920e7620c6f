//! E-mail addresses, as far as syntax can tell.
//!
//! Does not know whether anybody reads them. Invariant: an address is lower-case ASCII of at most 254 characters (RFC 5321
//! §4.5.3.1) with a dotted domain. Quoted local parts and addresses in other scripts are refused: too few to be worth their traps.

use crate::error::Error;

/// An address that looks sane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Reads an address in any case. Everything is lowered: no provider of weight tells `Ada@` from `ada@`, and people don't either.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_ascii_lowercase();
        let is_valid = email.len() <= 254 && email.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if is_valid { Ok(Self(email)) } else { Err(Error::InvalidEmail) }
    }

    /// The address, lower-case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 5322 §3.2.3: atoms with dots between them.
fn is_local(local: &str) -> bool {
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte));
    local.len() <= 64 && local.split('.').all(atom)
}

/// RFC 1123 §2.1: at least two labels of letters, digits and inner dashes; the last is no number.
fn is_domain(domain: &str) -> bool {
    let label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(label) && top_level.len() >= 2 && !top_level.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lowered_and_checked() {
        assert_eq!(Email::parse(" Ada+Tutti@Example.ORG ").unwrap().as_str(), "ada+tutti@example.org");
        assert!(Email::parse("o'neil@xn--bcher-kva.example").is_ok());
        let long = format!("{}@example.org", "a".repeat(65));
        let wrong = ["", "ada", "@example.org", "ada@", "ada@example", "a da@example.org", "ada@exa mple.org", ".ada@example.org", "a..b@example.org"];
        for wrong in wrong.iter().copied().chain(["ada@-x.org", "ada@1.2.3.4", "a@b@c..org", "ädä@example.org", "ada@example.org\r\nBcc: x@y.zz", &long]) {
            assert!(Email::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

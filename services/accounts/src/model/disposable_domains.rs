//! Domains whose mailboxes are thrown away: anyone has one without an account, for minutes.
//!
//! Owns the list that comes with the server, as data, and the lookup. Invariant: a domain is on the list with all of
//! its subdomains.

use std::collections::HashSet;

use super::email::Email;

/// A domain a line; `#` begins a comment. The file says where it is from.
const BUNDLED: &str = include_str!("disposable_domains.txt");

/// The domains whose addresses are refused.
#[derive(Debug, Clone)]
pub(crate) struct DisposableDomains(HashSet<String>);

impl DisposableDomains {
    /// Returns the list that comes with the server.
    pub(crate) fn bundled() -> Self {
        Self::parse(BUNDLED)
    }

    /// Returns the list in a text of one domain a line.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Self(lines.filter(|line| !line.is_empty()).map(str::to_ascii_lowercase).collect())
    }

    /// Whether an address is of a domain on the list, or of a part of one.
    pub(crate) fn has(&self, email: &Email) -> bool {
        let mut domain = email.as_str().rsplit_once('@').map(|(_, domain)| domain);
        while let Some(name) = domain {
            if self.0.contains(name) {
                return true;
            }
            domain = name.split_once('.').map(|(_, parent)| parent);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domains_of_the_list_and_their_parts_are_found() {
        let email = |text: &str| Email::parse(text).unwrap();
        let bundled = DisposableDomains::bundled();
        for thrown in ["ada@mailinator.com", "ada@x.y.mailinator.com", "Ada@YOPMAIL.com"] {
            assert!(bundled.has(&email(thrown)), "{thrown}");
        }
        for kept in ["ada@example.org", "ada@notmailinator.com", "ada@mailinator.com.example", "ada@gmail.com"] {
            assert!(!bundled.has(&email(kept)), "{kept}");
        }
        let own = DisposableDomains::parse("# ours\n\nExample.org # a comment\n");
        assert!(own.has(&email("ada@example.org")) && !own.has(&email("ada@mailinator.com")));
    }

    #[test]
    fn every_line_of_the_list_is_a_domain_once() {
        let lines: Vec<&str> = BUNDLED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(lines.is_sorted() && lines.len() == DisposableDomains::bundled().0.len(), "sort it, and no line twice");
        for line in lines {
            assert!(Email::parse(&format!("ada@{line}")).is_ok(), "{line}");
        }
    }
}

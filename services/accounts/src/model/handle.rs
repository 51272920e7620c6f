//! Handles: the unique names in URLs and mentions.
//!
//! Owns their syntax and the reserved handles. Only ASCII is allowed, which excludes look-alikes in other scripts.
//! Invariant: a handle is lower-case, 3–30 of `a-z 0-9 _ . -`, begins and ends with a letter or digit, and is safe as a
//! path segment.

use crate::error::Error;

const LENGTH: std::ops::RangeInclusive<usize> = 3..=30;

/// Handles that could impersonate the operator of the server or hide a path of the page.
const RESERVED: &[&str] = &[
    "abuse",
    "accounts",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "api",
    "assets",
    "billing",
    "bot",
    "channel",
    "contact",
    "current",
    "deleted",
    "docs",
    "everyone",
    "help",
    "here",
    "hostmaster",
    "info",
    "login",
    "logout",
    "mail",
    "me",
    "media",
    "moderation",
    "moderator",
    "mods",
    "news",
    "nobody",
    "noreply",
    "null",
    "official",
    "operator",
    "owner",
    "postmaster",
    "press",
    "root",
    "security",
    "settings",
    "signin",
    "signup",
    "staff",
    "status",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "team",
    "terms",
    "tutti",
    "tuttiapp",
    "tuttiteam",
    "undefined",
    "verified",
    "webmaster",
    "www",
];

/// A handle that meets the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handle(String);

impl Handle {
    /// Parses a handle in any case.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let handle = text.trim().to_ascii_lowercase();
        if !LENGTH.contains(&handle.len()) || !handle.bytes().all(is_allowed) {
            return Err(Error::InvalidHandle(
                "A handle has 3 to 30 characters: letters a–z, digits, and `_`, `.` or `-` between them.",
            ));
        }
        let bytes = handle.as_bytes();
        let has_adjacent_separators = bytes.windows(2).any(|pair| pair.iter().all(|&byte| is_separator(byte)));
        if bytes.first().is_some_and(|&byte| is_separator(byte))
            || bytes.last().is_some_and(|&byte| is_separator(byte))
            || has_adjacent_separators
        {
            return Err(Error::InvalidHandle(
                "A handle begins and ends with a letter or digit, and has no two of `_`, `.` and `-` in a row.",
            ));
        }
        if is_reserved(&handle) {
            return Err(Error::InvalidHandle("This handle is reserved. Choose another one."));
        }
        Ok(Self(handle))
    }

    /// Returns the handle, lower-case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'.' | b'-')
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_separator(byte)
}

fn is_reserved(handle: &str) -> bool {
    let handle_skeleton = skeleton(handle);
    RESERVED.iter().any(|name| skeleton(name) == handle_skeleton)
}

/// Returns a form that is equal for handles that look alike: `Adm1n_` and `a.d.m.i.n` both look like `admin`.
fn skeleton(handle: &str) -> String {
    let normalize = |byte: u8| match byte {
        b'0' => 'o',
        b'1' | b'l' => 'i',
        b'3' => 'e',
        b'4' => 'a',
        b'5' => 's',
        b'7' => 't',
        other => char::from(other),
    };
    handle.bytes().filter(|&byte| !is_separator(byte)).map(normalize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_lowered_and_kept_plain() {
        assert_eq!(Handle::parse(" Ada.Lovelace-1 ").unwrap().as_str(), "ada.lovelace-1");
        let wrong = [
            "",
            "ab",
            &"a".repeat(31),
            "a b",
            "ada!",
            "аda",
            "..",
            "...",
            ".ada",
            "ada-",
            "a..b",
            "a/b",
            "a\0b",
            "ada@x",
            "%2e%2e",
        ];
        for wrong in wrong {
            assert!(Handle::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn confusables_of_reserved_handles_are_refused() {
        for wrong in ["admin", "ADMIN", "adm1n", "a.d.m.i.n", "supp0rt", "t-u-t-t-i", "7u77i"] {
            assert!(Handle::parse(wrong).is_err(), "{wrong:?}");
        }
        for fine in ["adam", "admiral", "supporter", "demo", "ada"] {
            assert!(Handle::parse(fine).is_ok(), "{fine:?}");
        }
    }
}

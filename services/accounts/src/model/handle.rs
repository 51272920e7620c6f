//! Handles: the unique names in URLs and mentions.
//!
//! Owns their syntax, which handles look alike, and the reserved handles. Only ASCII is allowed, so each has one form
//! (NFKC) and no look-alike in another script; those of ASCII (`1` and `l`, `0` and `o`, `rn` and `m`) have the same
//! [`skeleton`], and only one of them can be taken. Invariant: a handle is lower-case, 3–30 of `a-z 0-9 _ . -`, begins
//! and ends with a letter or digit, and is safe as a path segment.

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
    let letters = letters(handle);
    RESERVED.iter().any(|name| self::letters(name) == letters)
}

/// Returns the skeleton of a handle: the form that is equal for handles that look alike (UTS #39, section 4), in lower
/// case, as handles are. `paypal` and `paypa1` have the same one, and so have `modern` and `rnodem`.
pub(crate) fn skeleton(handle: &str) -> String {
    unicode_security::skeleton(handle).collect::<String>().to_ascii_lowercase()
}

/// Returns the letters that a handle can be read as, which is stricter than its skeleton: `Adm1n_` and `a.d.m.i.n` can
/// both be read as `admin`.
fn letters(handle: &str) -> String {
    let letter = |byte: u8| match byte {
        b'l' => 'i',
        b'3' => 'e',
        b'4' => 'a',
        b'5' => 's',
        b'7' => 't',
        other => char::from(other),
    };
    skeleton(handle).bytes().filter(|&byte| !is_separator(byte)).map(letter).collect()
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
            "ａｄａ",
            "ﬁona",
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
        for wrong in ["admin", "ADMIN", "adm1n", "adrnin", "a.d.m.i.n", "supp0rt", "t-u-t-t-i", "7u77i"] {
            assert!(Handle::parse(wrong).is_err(), "{wrong:?}");
        }
        for fine in ["adam", "admiral", "supporter", "demo", "ada"] {
            assert!(Handle::parse(fine).is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn confusable_handles_have_the_same_skeleton() {
        for (one, other) in [
            ("paypal", "paypa1"),
            ("google", "g00gle"),
            ("modern", "rnodem"),
            ("ada", "ada"),
            ("hello-w0rld", "he1lo-world"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} and {other}");
        }
        for (one, other) in [("ada", "a.da"), ("ada_1", "ada-1"), ("anna", "ana"), ("lena", "iena"), ("ada2", "adaz")] {
            assert_ne!(skeleton(one), skeleton(other), "{one} and {other}");
        }
    }
}

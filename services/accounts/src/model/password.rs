//! Passwords: their type, and the rules for new ones.
//!
//! The same password typed on two keyboards is the same: it is put into one form (RFC 8265 §4.2), and is not trimmed.
//! Invariant: a password is never printed, not even by `Debug`.

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

use super::common_passwords::COMMON;
use crate::error::Error;

/// NIST SP 800-63B §5.1.1.2 requires 8. With ten, guessing within the rate limits is hopeless.
const MIN_CHARS: usize = 10;
/// Long enough for any passphrase, and short enough that the first step of hashing is cheap.
const MAX_BYTES: usize = 1_000;
/// Refuses long but weak passwords such as `aaaaaaaaaa` and `ababababab`.
const MIN_DISTINCT_CHARS: usize = 4;

/// A password, in the form of the profile `OpaqueString` (RFC 8265 §4.2.2): every space is U+0020, composed (NFC).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, format = Password, example = "correct horse battery")]
pub(crate) struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl From<String> for Password {
    fn from(sent: String) -> Self {
        // The spaces other than U+0020 (`Zs`).
        let is_space = |c: char| c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
        Self(sent.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect())
    }
}

impl Password {
    /// Returns the password's bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether the password is short enough to be hashed.
    pub(crate) fn fits_limit(&self) -> bool {
        self.0.len() <= MAX_BYTES
    }
}

/// A password that meets the rules for new ones.
#[derive(Debug, Clone)]
pub(crate) struct NewPassword(Password);

impl NewPassword {
    /// Checks a new password. `names` are the handle and the e-mail address, which must not be the password.
    pub(crate) fn validate(password: Password, names: &[&str]) -> Result<Self, Error> {
        let chars = password.0.chars().count();
        if chars < MIN_CHARS {
            return Err(Error::WeakPassword("Choose a password of at least 10 characters."));
        }
        if !password.fits_limit() {
            return Err(Error::WeakPassword("Choose a password of at most 1,000 bytes."));
        }
        let lower = password.0.to_lowercase();
        let local = |name: &str| name.split_once('@').map(|(local, _)| local.to_lowercase());
        if names.iter().any(|name| lower == name.to_lowercase() || Some(&lower) == local(name).as_ref()) {
            return Err(Error::WeakPassword("Choose a password that is not your handle or e-mail address."));
        }
        let distinct_chars: std::collections::HashSet<char> = lower.chars().collect();
        if distinct_chars.len() < MIN_DISTINCT_CHARS || COMMON.contains(&lower.as_str()) {
            return Err(Error::WeakPassword(
                "This password is too common. Choose another one; a few unrelated words make a good one.",
            ));
        }
        Ok(Self(password))
    }

    /// Returns the password.
    pub(crate) fn get(&self) -> &Password {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_password_has_one_form_whatever_the_keyboard_sends() {
        let form = |sent: &str| Password::from(sent.to_owned()).0;
        assert_eq!(form("Fu\u{308}ße am Meer"), "F\u{fc}ße am Meer");
        assert_eq!(form("a\u{a0}b\u{3000}c "), "a b c ");
        assert_eq!(form("Tab\tand Ａ ﬁ stay"), "Tab\tand Ａ ﬁ stay");
    }

    fn validate(text: &str) -> Result<NewPassword, Error> {
        NewPassword::validate(Password(text.to_owned()), &["ada.lovelace", "countess1815@example.org"])
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        let weak = [
            "",
            "short",
            "Ada.Lovelace",
            "COUNTESS1815@example.org",
            "countess1815",
            "Password123",
            "1234567890",
            "aaaaaaaaaaaa",
            "abababababab",
        ];
        for weak in weak {
            assert!(matches!(validate(weak), Err(Error::WeakPassword(_))), "{weak:?}");
        }
        assert!(validate(&"é1x".repeat(334)).is_err(), "1,002 characters of more bytes");
    }

    #[test]
    fn length_counts_and_nothing_else_is_demanded() {
        for fine in ["correct horse battery", "ünïcödé10ch", "  spaces are kept  ", &"xyz9".repeat(250)] {
            assert!(validate(fine).is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(format!("{:?}", validate("correct horse battery").unwrap()), "NewPassword(Password)");
    }

    #[test]
    fn the_table_of_common_passwords_has_only_usable_entries() {
        for common in COMMON {
            assert!(common.chars().count() >= MIN_CHARS && *common == common.to_lowercase(), "{common}");
        }
    }
}

//! Passwords: how they are carried and which may be chosen.
//!
//! A password is a sequence of bytes, taken as it is sent: no trimming, no normalising. Invariant: a password is never printed, not even by `Debug`.

use serde::Deserialize;
use utoipa::ToSchema;

use super::common_passwords::COMMON;
use crate::error::Error;

/// NIST SP 800-63B §5.1.1.2 asks for 8; ten leave guessing at our limits no chance.
const MIN_CHARS: usize = 10;
/// Long enough for any passphrase, short enough that hashing's first step costs nothing.
const MAX_BYTES: usize = 1_000;
/// `aaaaaaaaaa` and `ababababab` are long, not strong.
const MIN_DISTINCT_CHARS: usize = 4;

/// A password as somebody sent it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, example = "correct horse battery")]
pub(crate) struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether anybody's password can be so long; hashing more is refused work.
    pub(crate) fn fits_limit(&self) -> bool {
        self.0.len() <= MAX_BYTES
    }
}

/// A password that somebody may choose.
#[derive(Debug, Clone)]
pub(crate) struct NewPassword(Password);

impl NewPassword {
    /// Checks a choice; `names` are the handle and the address, which must not be the password.
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
            return Err(Error::WeakPassword("This is one of the passwords that everybody tries first. Choose another; a few unrelated words make a good one."));
        }
        Ok(Self(password))
    }

    /// The password.
    pub(crate) fn get(&self) -> &Password {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(text: &str) -> Result<NewPassword, Error> {
        NewPassword::validate(Password(text.to_owned()), &["ada.lovelace", "countess1815@example.org"])
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        let weak = ["", "short", "Ada.Lovelace", "COUNTESS1815@example.org", "countess1815", "Password123", "1234567890", "aaaaaaaaaaaa", "abababababab"];
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
    fn the_table_holds_only_what_it_can_catch() {
        for common in COMMON {
            assert!(common.chars().count() >= MIN_CHARS && *common == common.to_lowercase(), "{common}");
        }
    }
}

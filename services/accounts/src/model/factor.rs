//! Second factors: kinds, names, what a client sends of one, and recovery codes.
//!
//! Invariant: neither a code nor an assertion is printed, not even by `Debug`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authentication::Method;
use super::display_text;

/// The most passkeys of an account.
pub(crate) const MAX_PASSKEYS: usize = 10;
/// The most authenticator apps of an account. Each further one would make a code easier to guess.
pub(crate) const MAX_TOTP: usize = 1;
/// How many recovery codes an account gets.
pub(crate) const RECOVERY_CODES: usize = 10;
/// How long a challenge for a passkey is valid (WebAuthn Level 3 §5.10 recommends 300–600 s for the dialog).
pub(crate) const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long an authenticator app that was begun may be confirmed: the member may have to install the app first.
const PENDING_TOTP_LIFETIME: TimeDelta = TimeDelta::minutes(15);
const MAX_NAME_CHARS: usize = 60;
/// The digits of a recovery code: 32 letters and digits that are not mistaken for each other.
const RECOVERY_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// The random bytes of a recovery code. Five bits of each are used: 80 bits, so that a fast hash is enough.
pub(crate) const RECOVERY_BYTES: usize = 16;

/// A kind of second factor that a member can add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactorKind {
    /// An authenticator app (RFC 6238).
    Totp,
    /// A passkey (WebAuthn).
    Passkey,
}

impl FactorKind {
    /// Returns the stored name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }

    /// Reads the stored name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Totp, Self::Passkey].into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns how long a factor of this kind may be confirmed after it was begun.
    pub(crate) fn pending_lifetime(self) -> TimeDelta {
        match self {
            Self::Totp => PENDING_TOTP_LIFETIME,
            Self::Passkey => CHALLENGE_LIFETIME,
        }
    }

    /// Returns the most factors of this kind that an account may have.
    pub(crate) fn max_count(self) -> usize {
        match self {
            Self::Totp => MAX_TOTP,
            Self::Passkey => MAX_PASSKEYS,
        }
    }

    fn default_name(self) -> &'static str {
        match self {
            Self::Totp => "Authenticator app",
            Self::Passkey => "Passkey",
        }
    }
}

/// A second factor that is in use.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    /// The factor's id.
    pub id: Uuid,
    /// Its kind.
    pub kind: FactorKind,
    /// The name that the member gave it.
    pub name: String,
    /// When the member began to add it.
    pub created_at: DateTime<Utc>,
    /// When it was last accepted.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a client sends to prove a second factor.
pub(crate) enum FactorAnswer {
    /// A code of an authenticator app.
    Totp(String),
    /// The response of a passkey to a challenge, as `PublicKeyCredential.toJSON()` returns it.
    Passkey(Value),
    /// A recovery code.
    Recovery(String),
}

impl FactorAnswer {
    /// Returns the name of the kind, for metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Totp(_) => "totp",
            Self::Passkey(_) => "passkey",
            Self::Recovery(_) => "recovery",
        }
    }
}

impl std::fmt::Debug for FactorAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

/// A factor that was verified and still has to be used up, in the transaction of what it allows.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedFactor {
    /// What it proves.
    pub method: Method,
    /// What uses it up.
    pub spend: Spend,
}

/// What is written so that the same response is not accepted again.
#[derive(Clone)]
pub(crate) enum Spend {
    /// The time step of a code.
    Totp {
        /// The factor.
        factor: Uuid,
        /// The step, counted from 1970.
        step: i64,
    },
    /// The new state of a passkey, with its counter.
    Passkey {
        /// The factor.
        factor: Uuid,
        /// The state that the response was verified against.
        before: Vec<u8>,
        /// The state after it.
        after: Vec<u8>,
    },
    /// The hash of a recovery code.
    Recovery(Vec<u8>),
}

impl std::fmt::Debug for Spend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spend")
    }
}

/// Returns the name of a factor: at most 60 characters, without invisible ones.
pub(crate) fn factor_name(given: Option<&str>, kind: FactorKind) -> String {
    let given = given.unwrap_or_default().trim();
    let name: String = given.chars().filter(|&char| display_text::is_plain(char)).take(MAX_NAME_CHARS).collect();
    display_text::single_line(&name).unwrap_or_else(|_| kind.default_name().to_owned())
}

/// Returns a recovery code from random bytes: four groups of four letters and digits.
pub(crate) fn recovery_code(random: [u8; RECOVERY_BYTES]) -> String {
    let digits: Vec<char> = random
        .iter()
        .filter_map(|byte| RECOVERY_ALPHABET.get(usize::from(byte % 32)))
        .map(|&digit| char::from(digit))
        .collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Returns the one form of a recovery code: lower case, without spaces and hyphens. `None` if it can't be one.
pub(crate) fn normalized_recovery_code(typed: &str) -> Option<String> {
    let is_gap = |char: &char| char.is_whitespace() || matches!(*char, '-' | '\u{2010}'..='\u{2015}');
    if typed.len() > 64 {
        return None;
    }
    let code: String = typed.chars().filter(|char| !is_gap(char)).map(|char| char.to_ascii_lowercase()).collect();
    let is_code = code.len() == RECOVERY_BYTES && code.bytes().all(|byte| RECOVERY_ALPHABET.contains(&byte));
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_they_are_typed() {
        let code = recovery_code(std::array::from_fn(|index| index as u8 * 9));
        assert_eq!(code.len(), 19, "{code}");
        let plain = code.replace('-', "");
        for typed in [code.clone(), plain.clone(), code.to_uppercase(), format!(" {} ", code.replace('-', " "))] {
            assert_eq!(normalized_recovery_code(&typed).as_ref(), Some(&plain), "{typed:?}");
        }
        for wrong in ["", "abc", &format!("{plain}a"), &plain.replace(|char: char| char != 'a', "0"), &"ä".repeat(8)] {
            assert_eq!(normalized_recovery_code(wrong), None, "{wrong:?}");
        }
        assert_eq!(normalized_recovery_code(&" ".repeat(70_000)), None);
    }

    #[test]
    fn factors_always_have_a_name() {
        assert_eq!(factor_name(None, FactorKind::Passkey), "Passkey");
        assert_eq!(factor_name(Some(" \u{202e} "), FactorKind::Totp), "Authenticator app");
        assert_eq!(factor_name(Some(" Ada's key "), FactorKind::Passkey), "Ada's key");
        assert_eq!(factor_name(Some(&"x".repeat(200)), FactorKind::Passkey).len(), 60);
    }

    #[test]
    fn answers_are_never_printed() {
        assert_eq!(format!("{:?}", FactorAnswer::Totp("123456".to_owned())), "totp");
    }
}

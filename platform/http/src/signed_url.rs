//! Signed URLs: a signature in the query grants access until it expires, so that `<img>` and `<video>` work as they
//! are.
//!
//! A signature is `expiry.mac`: seconds since 1970 in base 36 and 128 bits of HMAC-SHA256 over scope, subject and
//! expiry (RFC 2104; truncation as its §5 allows). Invariant: a signature for one subject or scope is never valid for
//! another.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A verified signature for one scope and subject. A response may repeat it to its holder; nothing else can be derived
/// from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlSignature {
    text: String,
    ends_at: DateTime<Utc>,
}

impl UrlSignature {
    /// The text, which needs no escaping in a query.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it expires.
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }

    /// Returns the time that is left at `now`; zero once it has expired.
    pub fn remaining(&self, now: DateTime<Utc>) -> Duration {
        (self.ends_at - now).to_std().unwrap_or_default()
    }
}

/// Signatures expire at a multiple of this, so that a URL stays the same (and cached) for a while.
const EXPIRY_STEP_SECONDS: i64 = 6 * 3600;

/// Makes and verifies signatures.
#[derive(Clone)]
pub struct UrlSigner(std::sync::Arc<[u8; 32]>);

impl std::fmt::Debug for UrlSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlSigner")
    }
}

impl UrlSigner {
    /// Returns a signer with the installation's secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(std::sync::Arc::new(secret))
    }

    /// Returns a signature on `subject` for `scope` that is valid for at least `valid_for` and at most six hours
    /// longer.
    pub fn sign(&self, scope: &str, subject: &str, now: DateTime<Utc>, valid_for: TimeDelta) -> String {
        let end = (now + valid_for).timestamp();
        self.sign_end(scope, subject, end + EXPIRY_STEP_SECONDS - end.rem_euclid(EXPIRY_STEP_SECONDS))
    }

    /// Returns a signature on `subject` for `scope` that expires at `ends_at`, or less than a second before.
    pub fn sign_until(&self, scope: &str, subject: &str, ends_at: DateTime<Utc>) -> String {
        self.sign_end(scope, subject, ends_at.timestamp())
    }

    fn sign_end(&self, scope: &str, subject: &str, end: i64) -> String {
        format!("{}.{}", base36(end.unsigned_abs()), URL_SAFE_NO_PAD.encode(self.mac(scope, subject, end)))
    }

    /// Whether `signature` is valid for `subject` and `scope` now.
    pub fn is_valid(&self, signature: &str, scope: &str, subject: &str, now: DateTime<Utc>) -> bool {
        self.verify(signature, scope, subject, now).is_some()
    }

    /// Returns the signature if it is valid for `subject` and `scope` now, and is spelled exactly as
    /// [`UrlSigner::sign`] spells it.
    pub fn verify(&self, signature: &str, scope: &str, subject: &str, now: DateTime<Utc>) -> Option<UrlSignature> {
        let (digits, mac) = signature.split_once('.')?;
        let (end, mac) = (i64::from_str_radix(digits, 36).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?);
        let is_valid = bool::from(self.mac(scope, subject, end).ct_eq(&mac))
            && end > now.timestamp()
            && base36(end.unsigned_abs()) == digits;
        let ends_at = DateTime::from_timestamp(end, 0).filter(|_| is_valid)?;
        Some(UrlSignature { text: signature.to_owned(), ends_at })
    }

    /// Returns a keyed hash of `subject`: always the same, and no valid signature, as its expiry is in 1970.
    pub fn keyed_hash(&self, scope: &str, subject: &str) -> Vec<u8> {
        self.mac(scope, subject, 0)
    }

    fn mac(&self, scope: &str, subject: &str, end: i64) -> Vec<u8> {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&self.0[..]).expect("HMAC takes keys of any length");
        // The lengths in front make the parts unambiguous.
        for part in [scope.as_bytes(), subject.as_bytes(), &end.to_be_bytes()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes()[..16].to_vec()
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_valid_for_its_own_subject_and_scope_and_not_for_ever() {
        let url_signer = UrlSigner::new([7; 32]);
        let now = Utc::now();
        let signature = url_signer.sign("view", "abc", now, TimeDelta::hours(1));
        assert!(url_signer.is_valid(&signature, "view", "abc", now));
        assert!(!url_signer.is_valid(&signature, "original", "abc", now));
        assert!(!url_signer.is_valid(&signature, "view", "abd", now));
        assert!(!url_signer.is_valid(&signature, "view", "abc", now + TimeDelta::hours(8)));
        assert!(!UrlSigner::new([8; 32]).is_valid(&signature, "view", "abc", now));
        let (ends_at, second) = (now + TimeDelta::minutes(5), TimeDelta::seconds(1));
        let exact = url_signer.sign_until("view", "abc", ends_at);
        assert!(url_signer.is_valid(&exact, "view", "abc", ends_at - second - second));
        assert!(!url_signer.is_valid(&exact, "view", "abc", ends_at));
        for bad in ["", ".", "zz", "zzzzzzzz.", "-1.AAAA", "é.é"] {
            assert!(!url_signer.is_valid(bad, "view", "abc", now), "{bad}");
        }
    }

    #[test]
    fn a_signature_has_one_spelling_and_shows_its_end() {
        let url_signer = UrlSigner::new([7; 32]);
        let now = Utc::now();
        let text = url_signer.sign("view", "abc", now, TimeDelta::hours(1));
        let signature = url_signer.verify(&text, "view", "abc", now).unwrap();
        assert_eq!(signature.text(), text);
        assert!((TimeDelta::hours(1)..=TimeDelta::hours(7)).contains(&(signature.ends_at() - now)));
        assert_eq!(signature.remaining(signature.ends_at()), Duration::ZERO);
        assert!(signature.remaining(now) <= Duration::from_hours(7));
        assert_eq!(url_signer.verify(&text, "view", "abc", signature.ends_at()), None, "it has ended then");
        let (end, mac) = text.split_once('.').unwrap();
        for other in
            [format!("+{text}"), format!("0{text}"), format!("{}.{mac}", end.to_uppercase()), format!("{text}=")]
        {
            assert_eq!(url_signer.verify(&other, "view", "abc", now), None, "{other}");
        }
    }
}

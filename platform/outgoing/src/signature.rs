//! Secrets and signatures as Standard Webhooks (standardwebhooks.com, specification 1.0.0) define them.
//!
//! A signature is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several are separated by spaces.
//! Invariant: a secret is printed by [`Secret::text`] only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The bytes of a secret that Tutti makes: the specification asks for 24 to 64.
pub const SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";
/// How many bytes the specification allows.
const ALLOWED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret of a webhook, which its receiver has too.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Returns the secret of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Reads what [`Self::text`] has written: `whsec_` and the base64 of 24 to 64 bytes. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        ALLOWED_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Returns its bytes, to be encrypted.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns it as its receiver gets it: `whsec_` and base64.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length (RFC 2104 §3)");
        let timestamp = timestamp.to_string();
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        for part in parts {
            mac.update(part);
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Returns the value of `webhook-signature`: a signature by each of the secrets.
pub fn signatures(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_reference_libraries() {
        // The secret, message and signature of the tests of the reference libraries.
        let secret = Secret::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(std::slice::from_ref(&secret), id, timestamp, body), signature);
        let both = signatures(&[secret.clone(), Secret::new([1; SECRET_BYTES])], id, timestamp, body);
        assert!(both.starts_with(&format!("{signature} v1,")), "{both}");
        assert!(Secret::parse(&format!("{}\n", secret.text())) == Some(secret.clone()), "it is read back");
        for wrong in ["", "whsec_", "whsec_AAAA", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::parse(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(
            (secret.text().as_str(), format!("{secret:?}").as_str()),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "Secret")
        );
    }
}

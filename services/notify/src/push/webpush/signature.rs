//! The signature by which push services know this installation (VAPID, RFC 8292).
//!
//! Invariant: a signature is for one origin, and is used for half of the time for which it is valid.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::json;
use url::Url;

use crate::push::options::VapidKey;

/// For how long a signature is valid: at most a day (RFC 8292 §2).
const LIFETIME: TimeDelta = TimeDelta::hours(12);
/// Clients choose the origins; past this, all are forgotten.
const MAX_ORIGINS: usize = 500;

struct Signature {
    header: String,
    made_at: DateTime<Utc>,
}

/// The signatures of this installation.
pub(super) struct Signatures {
    key: EncodingKey,
    public_key: String,
    subject: String,
    made: Mutex<HashMap<String, Signature>>,
}

impl Signatures {
    /// Creates the signatures of a key.
    pub(super) fn new(vapid: &VapidKey) -> Self {
        let (key, public_key) = (vapid.key.clone(), vapid.public_key.clone());
        Self { key, public_key, subject: vapid.subject.clone(), made: Mutex::default() }
    }

    /// Returns the `Authorization` for requests to the origin of an endpoint; `None` if the key can't sign.
    pub(super) fn of(&self, endpoint: &Url, now: DateTime<Utc>) -> Option<String> {
        let origin = endpoint.origin().ascii_serialization();
        let mut made = self.made.lock();
        if let Some(signature) = made.get(&origin).filter(|signature| now - signature.made_at < LIFETIME / 2) {
            return Some(signature.header.clone());
        }
        let claims = json!({ "aud": origin, "exp": (now + LIFETIME).timestamp(), "sub": self.subject });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.key).ok()?;
        let header = format!("vapid t={token}, k={}", self.public_key);
        if made.len() >= MAX_ORIGINS {
            made.clear();
        }
        made.insert(origin, Signature { header: header.clone(), made_at: now });
        Some(header)
    }
}

//! The extractor of [`RequestKey`]: the `Idempotency-Key` of a request.
//!
//! Invariant: an `Idempotency-Key` leaves this module as a hash only, which also has the account that sent it.

use axum::extract::FromRequestParts;
use http::HeaderName;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::Error;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_BYTES: usize = 255;

/// The `Idempotency-Key` of a request, if it has one.
pub(super) struct RequestKey(Option<Vec<u8>>);

impl RequestKey {
    /// Returns the key's hash. The same key of another account is another key.
    pub(super) fn of(self, account: Option<Uuid>) -> Option<Vec<u8>> {
        let account = account.unwrap_or_default();
        self.0.map(|key| Sha256::digest([account.as_bytes().as_slice(), &key].concat()).to_vec())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(key) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        if key.is_empty() || key.len() > MAX_BYTES {
            return Err(Error::BadIdempotencyKey);
        }
        Ok(Self(Some(key.as_bytes().to_vec())))
    }
}

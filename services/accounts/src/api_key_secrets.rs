//! The secrets of API keys: how they are drawn, and drawn again for a repeated request.
//!
//! Without an `Idempotency-Key` a secret is random. With one it follows from the random id of its row, the hash of the
//! `Idempotency-Key` and the installation's secret. So a repeated request gets the same secret, nothing readable is
//! stored for that, and a key that is made anew after it was revoked has another one. Invariant: a secret is returned
//! again only to a request that is the same as the one that made the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use http_server::Problem;
use http_server::auth::hash_api_key;
use http_server::problem::every_role;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{ApiKey, ApiKeyRequest};
use crate::state::Accounts;
use crate::store::api_keys::StoredKey;

/// How long after a key was made the request may be repeated.
pub(crate) const REPEAT_WINDOW: TimeDelta = TimeDelta::days(1);
/// The scopes of the two halves of a secret that follows from a request.
const SCOPES: [&str; 2] = ["accounts.api_key.1", "accounts.api_key.2"];

/// Returns the secret of a new key, which begins with `prefix`.
pub(crate) fn secret(accounts: &Accounts, prefix: &str, id: Uuid, request_key: Option<&[u8]>) -> String {
    let bytes = match request_key {
        None => accounts.context.random.bytes::<32>().to_vec(),
        Some(request_key) => {
            let subject = format!("{id} {}", URL_SAFE_NO_PAD.encode(request_key));
            SCOPES.map(|scope| accounts.context.url_signer.keyed_hash(scope, &subject)).concat()
        }
    };
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns the key that an earlier request with this `Idempotency-Key` made, and its secret. Fails if that was another
/// request.
pub(crate) fn repeat(
    accounts: &Accounts,
    prefix: &str,
    earlier: StoredKey,
    request: &ApiKeyRequest,
    request_key: &[u8],
) -> Result<(ApiKey, String), Error> {
    let StoredKey { key, hash } = earlier;
    let secret = secret(accounts, prefix, key.id, Some(request_key));
    if request.is_for(&key) && hash_api_key(&secret) == hash {
        return Ok((key, secret));
    }
    let detail = "This Idempotency-Key was used for another request. Nothing was done. Use a new key for each new \
                  request.";
    Err(Problem::of(every_role::IDEMPOTENCY_KEY_REUSED, detail).into())
}

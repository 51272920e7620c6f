//! Making an API key.
//!
//! Invariant: an account has at most [`MAX_API_KEYS`] keys, and the secret is in the response only.

use db::Lane;
use http_server::auth::{API_KEY_PREFIX, hash_api_key};

use crate::api_key_secrets::{REPEAT_WINDOW, repeat, secret};
use crate::error::Error;
use crate::model::{ApiKey, ApiKeyRequest, CurrentSession, MAX_API_KEYS, Password};
use crate::password_verification::verify_own_password;
use crate::recent_proof::require_recent_proof;
use crate::state::Accounts;
use crate::store;
use crate::store::api_keys::NewKey;

/// Makes a key of the caller's account. Returns it and its secret. Needs the password, or a recent proof: with a stolen
/// access token alone, a thief could go on for ever. A repeated request with the same `Idempotency-Key` within a day
/// returns the key that the first one made.
pub(crate) async fn create_api_key(
    accounts: &Accounts,
    current: &CurrentSession,
    request: ApiKeyRequest,
    password: Option<&Password>,
    request_key: Option<Vec<u8>>,
) -> Result<(ApiKey, String), Error> {
    let now = accounts.context.clock.now();
    match password {
        Some(password) => drop(verify_own_password(accounts, current, password).await?),
        None => require_recent_proof(accounts, current).await?,
    }
    let (account, id) = (current.account.id, accounts.context.random.uuid_v7(now));
    let drawn = secret(accounts, API_KEY_PREFIX, id, request_key.as_deref());
    let key = request.clone().into_key(id, now);
    let new = NewKey { key: key.clone(), hash: hash_api_key(&drawn), request_key: request_key.clone() };
    let earlier = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if let Some(request_key) = &new.request_key
                && let Some(earlier) = store::api_keys::find_made(tx, account, request_key, now - REPEAT_WINDOW).await?
            {
                return Ok(Some(earlier));
            }
            if store::api_keys::list(tx, account, MAX_API_KEYS).await?.len() >= MAX_API_KEYS {
                return Err(Error::TooManyApiKeys);
            }
            store::api_keys::insert(tx, account, &new).await?;
            Ok::<_, Error>(None)
        })
        .await?;
    match earlier {
        Some(earlier) => {
            repeat(accounts, API_KEY_PREFIX, earlier, &request, request_key.as_deref().unwrap_or_default())
        }
        None => Ok((key, drawn)),
    }
}

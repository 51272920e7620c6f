//! Making an API key.
//!
//! Invariant: an account has at most [`MAX_API_KEYS`] keys, and the secret is in the response only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::Lane;
use http_server::auth::{API_KEY_PREFIX, hash_api_key};

use crate::error::Error;
use crate::model::{ApiKey, ApiKeyRequest, CurrentSession, MAX_API_KEYS, Password};
use crate::password_verification::verify_own_password;
use crate::recent_proof::require_recent_proof;
use crate::state::Accounts;
use crate::store;

/// Makes a key of the caller's account. Returns it and its secret. Needs the password, or a recent proof: with a stolen
/// access token alone, a thief could go on for ever.
pub(crate) async fn create_api_key(
    accounts: &Accounts,
    current: &CurrentSession,
    request: ApiKeyRequest,
    password: Option<&Password>,
) -> Result<(ApiKey, String), Error> {
    let now = accounts.context.clock.now();
    match password {
        Some(password) => drop(verify_own_password(accounts, current, password).await?),
        None => require_recent_proof(accounts, current).await?,
    }
    let random = &accounts.context.random;
    let secret = format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
    let ApiKeyRequest { name, scopes, expires_at } = request;
    let id = random.uuid_v7(now);
    let key = ApiKey { id, name, scopes, created_at: now, expires_at, last_used_at: None };
    let (account, new, hash) = (current.account.id, key.clone(), hash_api_key(&secret));
    accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if store::api_keys::list(tx, account, MAX_API_KEYS).await?.len() >= MAX_API_KEYS {
                return Err(Error::TooManyApiKeys);
            }
            Ok(store::api_keys::insert(tx, account, &new, &hash).await?)
        })
        .await?;
    Ok((key, secret))
}

//! API keys: long-lived secrets of a member's own servers, which the gateway exchanges for short-lived access tokens.
//!
//! Owns the form of a key, the exchange and its cache. Does not own keys (accounts) or what a scope allows (gateway).
//! Invariant: a key leaves this file as its hash only, so no role but the gateway sees one, and none is logged.

use std::time::Duration;

use base::Query;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{SourceError, Verifier};
use crate::problem::{Problem, every_role};

/// What every key begins with. No access token does: their first character is that of a JSON object in base64url.
pub const API_KEY_PREFIX: &str = "tutti_";
/// How long a token is used before the key is exchanged again. Shorter than the token is valid.
const EXCHANGE_LIFETIME: Duration = Duration::from_secs(30);
/// The most keys whose tokens are kept.
const MAX_EXCHANGED_KEYS: u64 = 10_000;
/// The longest text that is hashed. Ours have 49 characters.
pub(super) const MAX_KEY_BYTES: usize = 128;

/// Asks accounts for an access token of the API key with this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindApiKeyToken {
    /// The hash of the key: see [`hash_api_key`].
    pub hash: String,
}

/// An access token of an API key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyToken {
    /// The token.
    pub access_token: String,
}

impl std::fmt::Debug for ApiKeyToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKeyToken")
    }
}

impl Query for FindApiKeyToken {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/api-keys/{hash}";
    type Response = ApiKeyToken;

    fn path(&self) -> String {
        format!("/internal/api-keys/{}", self.hash)
    }
}

/// Returns the hash under which a key is stored: SHA-256 in hexadecimal. Keys are random, so a slow hash would add
/// nothing.
pub fn hash_api_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// The tokens of the keys that this process has exchanged, by the hash of a member's key, or by the path of the query
/// for one of the team.
#[derive(Debug)]
pub(super) struct ExchangedKeys(moka::sync::Cache<String, HeaderValue>);

impl Default for ExchangedKeys {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(MAX_EXCHANGED_KEYS).time_to_live(EXCHANGE_LIFETIME).build())
    }
}

impl ExchangedKeys {
    /// Whether a member's key was exchanged a moment ago.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(&hash_api_key(key))
    }

    /// Returns the `Authorization` that was kept under a name a moment ago.
    pub(super) fn find(&self, name: &str) -> Option<HeaderValue> {
        self.0.get(name)
    }

    /// Keeps an `Authorization` for a moment.
    pub(super) fn insert(&self, name: String, value: HeaderValue) {
        self.0.insert(name, value);
    }
}

impl Verifier {
    /// Replaces an API key in these headers by an access token of it. Does nothing to other headers. An unknown key is
    /// refused with 401.
    pub async fn exchange_api_key(&self, headers: &mut HeaderMap) -> Result<(), Problem> {
        let Some(key) = bearer(headers).filter(|token| token.starts_with(API_KEY_PREFIX)) else { return Ok(()) };
        if key.len() > MAX_KEY_BYTES {
            return Err(unknown_key());
        }
        let hash = hash_api_key(key);
        let value = match self.0.exchanged.find(&hash) {
            Some(value) => value,
            None => self.fetch_api_key_token(hash).await?,
        };
        headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }

    async fn fetch_api_key_token(&self, hash: String) -> Result<HeaderValue, Problem> {
        let Some(source) = self.source() else { return Err(unknown_key()) };
        let found = source.api_key_token(FindApiKeyToken { hash: hash.clone() }).await.map_err(|error| away(&error))?;
        let token = found.ok_or_else(unknown_key)?.access_token;
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| unknown_key())?;
        value.set_sensitive(true);
        self.0.exchanged.insert(hash, value.clone());
        Ok(value)
    }
}

/// Returns the token of an `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn unknown_key() -> Problem {
    Problem::of(
        every_role::AUTH_INVALID_TOKEN,
        "The API key is not valid: it was revoked, has expired, or never existed. Make another one.",
    )
}

pub(super) fn away(error: &SourceError) -> Problem {
    tracing::warn!(%error, "an API key could not be exchanged");
    Problem::unavailable("API keys can't be checked right now. Try again shortly.", Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_the_hash_of_the_key_and_not_the_key() {
        let hash = hash_api_key("tutti_abc");
        assert_eq!(hash.len(), 64);
        let query = FindApiKeyToken { hash: hash.clone() };
        assert_eq!(query.path(), FindApiKeyToken::PATH.replace("{hash}", &hash));
        assert!(!query.path().contains(API_KEY_PREFIX));
    }
}

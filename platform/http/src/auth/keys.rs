//! The keys that verify access tokens, as the accounts role publishes them.
//!
//! Owns which keys count and when they are fetched anew. Invariant: a key comes from the accounts role alone, never
//! from a token's header, and is an Ed25519 key.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;

use super::Verifier;
use crate::problem::Problem;

/// An unknown key id makes the verifier fetch the keys anew, but not more often than this.
const KEYS_REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failed fetch. It is shorter, because the accounts role may be starting.
const KEYS_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The values of a token's `typ` header that are accepted (RFC 8725, section 3.11): our tokens have `JWT`, RFC 9068 has
/// `at+jwt`.
const TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];
/// The longest key id that is looked up. Ours have 32 characters.
const MAX_KEY_ID_BYTES: usize = 64;

/// The keys of this process.
#[derive(Default)]
pub(super) struct Keys {
    by_id: RwLock<HashMap<String, DecodingKey>>,
    /// When the keys were last fetched, and whether that succeeded.
    last_fetch: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Verifier {
    pub(super) fn find_key(&self, kid: &str) -> Option<DecodingKey> {
        self.0.keys.by_id.read().get(kid).cloned()
    }

    pub(super) fn add_keys(&self, set: &JwkSet) {
        let mut keys = self.0.keys.by_id.write();
        // Only keys of the one algorithm: a secret or an RSA key in the set must not make any token valid.
        for jwk in set.keys.iter().filter(|jwk| is_ed25519(jwk)) {
            if let (Some(kid), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                keys.insert(kid.clone(), key);
            }
        }
    }

    /// Fetches the keys, unless that was done just now. Returns whether the accounts role responded with its keys.
    pub(super) async fn fetch_keys(&self) -> bool {
        let mut last_fetch = self.0.keys.last_fetch.lock().await;
        let Some(source) = self.source() else { return true };
        if let Some((at, fetched)) = *last_fetch
            && at.elapsed() < if fetched { KEYS_REFRESH_INTERVAL } else { KEYS_RETRY_INTERVAL }
        {
            return fetched;
        }
        let fetched = match source.fetch().await {
            Ok(Some(set)) => {
                self.add_keys(&set);
                true
            }
            Ok(None) => {
                tracing::warn!("there are no keys that verify access tokens");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the keys that verify access tokens could not be read");
                false
            }
        };
        *last_fetch = Some((Instant::now(), fetched));
        fetched
    }
}

/// Returns the key id of a token's header, if the header has our form. Keys that a header brings along (`jwk`, `jku`,
/// `x5c`) are ignored: keys come from the accounts role alone. A header with extensions that must be understood
/// (`crit`) is refused.
pub(super) fn key_id(header: jsonwebtoken::Header) -> Option<String> {
    let typ = header.typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    let is_known_type = typ.is_some_and(|typ| TOKEN_TYPES.iter().any(|ours| typ.eq_ignore_ascii_case(ours)));
    if header.alg != Algorithm::EdDSA || !is_known_type || header.crit.is_some() {
        return None;
    }
    header.kid.filter(|kid| kid.len() <= MAX_KEY_ID_BYTES)
}

fn is_ed25519(jwk: &Jwk) -> bool {
    matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519)
}

/// Returns the problem of a process that has no keys yet.
pub(super) fn keys_unavailable() -> Problem {
    Problem::unavailable("Access tokens can't be checked right now. Try again shortly.", KEYS_RETRY_INTERVAL)
}

//! Who is asking: access tokens, checked locally by every role.
//!
//! Tokens are Ed25519 JWTs (RFC 7519, RFC 8037) of 15 minutes; their keys come from the accounts role's JWKS.
//! Invariant: a handler learns who asks only through an extractor here, so no unchecked claim gets in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{StatusCode, header};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::peer::Peers;
use crate::problem::Problem;

/// Who issues tokens, and whom they are for: one that names an audience must name this.
pub const ISSUER: &str = "tutti";
/// Where the keys are.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// An unknown key makes us look for new ones, but not more often than this.
const KEYS_REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// Where they could not be read, we try again sooner: the accounts role may be starting.
const KEYS_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Tokens whose signature was checked already; a check costs 50 µs, a look-up less than one.
const MAX_VERIFIED_TOKENS: u64 = 20_000;
/// How far the clocks of two processes may be apart before a token of one seems to come from the future to the other.
const CLOCK_SKEW_SECONDS: i64 = 300;
/// What a token's header may call itself (RFC 8725, section 3.11): ours say `JWT`, RFC 9068 says `at+jwt`.
const TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];
/// Our key ids have 32 characters.
const MAX_KEY_ID_BYTES: usize = 64;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The handle when the token was made.
    pub handle: String,
    /// `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`.
    pub roles: Vec<String>,
    /// Who made it.
    pub iss: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

/// The claims of a token, with those that only its check looks at.
#[derive(Debug, Clone, Deserialize)]
struct VerifiedClaims {
    #[serde(flatten)]
    claims: Claims,
    /// Before this it does not hold, in seconds since 1970.
    nbf: Option<i64>,
    aud: Option<Audience>,
}

/// RFC 7519, section 4.1.3: one audience or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes_issuer(&self) -> bool {
        match self {
            Self::One(name) => name == ISSUER,
            Self::Several(names) => names.iter().any(|name| name == ISSUER),
        }
    }
}

/// Checks tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    clock: Clock,
    peers: Peers,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// When keys were looked for, and whether there was an answer.
    last_fetch: tokio::sync::Mutex<Option<(Instant, bool)>>,
    verified: moka::sync::Cache<String, VerifiedClaims>,
    pinned: Mutex<bool>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// A verifier that asks the accounts role for its keys.
    pub fn new(peers: Peers, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            peers,
            keys: RwLock::default(),
            last_fetch: tokio::sync::Mutex::default(),
            verified: moka::sync::Cache::builder().max_capacity(MAX_VERIFIED_TOKENS).time_to_live(Duration::from_secs(900)).build(),
            pinned: Mutex::new(false),
        }))
    }

    /// Takes these keys and never asks for others (tests of a service alone).
    pub fn fix(&self, keys: &JwkSet) {
        self.add_keys(keys);
        *self.0.pinned.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether the token in these headers was checked before, so that checking it again costs next to nothing.
    pub fn remembers(&self, headers: &http::HeaderMap) -> bool {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '));
        token.is_some_and(|(_, token)| self.0.verified.contains_key(token.trim()))
    }

    /// Checks a token's header, signature, issuer, audience and times.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        if let Some(verified_claims) = self.0.verified.get(token) {
            return self.check_times(verified_claims);
        }
        let kid = jsonwebtoken::decode_header(token).ok().and_then(key_id).ok_or_else(invalid_token)?;
        let key = match self.find_key(&kid) {
            Some(key) => key,
            None => {
                let fetched = Box::pin(self.fetch_keys()).await;
                // A good token must not be called a bad one while nobody can tell: its holder would sign out.
                self.find_key(&kid).ok_or_else(|| if fetched { invalid_token() } else { keys_unavailable() })?
            }
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library only looks at the signature and its algorithm: an `iss` or `aud` of another type than it expects would pass its checks.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let verified_claims = jsonwebtoken::decode::<VerifiedClaims>(token, &key, &validation).map_err(|_| invalid_token())?.claims;
        if verified_claims.claims.iss != ISSUER || verified_claims.aud.as_ref().is_some_and(|audience| !audience.includes_issuer()) {
            return Err(invalid_token());
        }
        self.0.verified.insert(token.to_owned(), verified_claims.clone());
        self.check_times(verified_claims)
    }

    fn check_times(&self, VerifiedClaims { claims, nbf, .. }: VerifiedClaims) -> Result<Claims, Problem> {
        let now = self.0.clock.now().timestamp();
        if claims.exp <= now {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.expired", "The access token has expired. Get a new one from /v1/sessions/refresh."));
        }
        if claims.iat.max(nbf.unwrap_or(i64::MIN)) > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.not_yet_valid", "The access token does not hold yet. Get a new one from /v1/sessions/refresh."));
        }
        Ok(claims)
    }

    fn find_key(&self, kid: &str) -> Option<DecodingKey> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    fn add_keys(&self, set: &JwkSet) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        // Only keys of the one algorithm: a set that held a secret or an RSA key could not make any token of theirs hold.
        for jwk in set.keys.iter().filter(|jwk| is_ed25519(jwk)) {
            if let (Some(kid), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                keys.insert(kid.clone(), key);
            }
        }
    }

    /// Asks for keys, unless that was done just now; answers whether the accounts role said what there are.
    async fn fetch_keys(&self) -> bool {
        let mut last_fetch = self.0.last_fetch.lock().await;
        if *self.0.pinned.lock().unwrap_or_else(PoisonError::into_inner) {
            return true;
        }
        if let Some((at, fetched)) = *last_fetch
            && at.elapsed() < if fetched { KEYS_REFRESH_INTERVAL } else { KEYS_RETRY_INTERVAL }
        {
            return fetched;
        }
        let fetched = match self.0.peers.get_json::<JwkSet>("accounts", JWKS_PATH).await {
            Ok(Some(set)) => {
                self.add_keys(&set);
                true
            }
            Ok(None) => {
                tracing::warn!("the accounts role has no keys");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the accounts role's keys could not be read");
                false
            }
        };
        *last_fetch = Some((Instant::now(), fetched));
        fetched
    }
}

/// The key that a token's header names, if the header is one of ours. What else it brings (`jwk`, `jku`, `x5c`) is never looked at: keys come
/// from the accounts role alone. Extensions that must be understood (`crit`) are not.
fn key_id(header: jsonwebtoken::Header) -> Option<String> {
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

fn invalid_token() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "auth.invalid_token", "The access token is not valid. Sign in again.")
}

fn keys_unavailable() -> Problem {
    Problem::unavailable("Access tokens can't be checked right now. Try again shortly.", KEYS_RETRY_INTERVAL)
}

/// A member who is signed in: `Member` as an extractor refuses everyone else with 401.
#[derive(Debug, Clone)]
pub struct Member(pub Claims);

impl Member {
    /// The account's id.
    pub fn id(&self) -> Uuid {
        self.0.sub
    }

    /// Whether the member has a role.
    pub fn is(&self, role: &str) -> bool {
        self.0.roles.iter().any(|has| has == role)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "Sign in first: this needs an access token in the Authorization header."))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Member {
    type Rejection = Problem;
    /// `None` without a token; a token that doesn't hold is refused all the same.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        if let Some(member) = parts.extensions.get::<Self>() {
            return Ok(Some(member.clone()));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let token = value.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let token = token.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "auth.invalid_token", "Send the access token as `Authorization: Bearer …`."))?;
        let Some(verifier) = parts.extensions.get::<Verifier>().cloned() else {
            return Err(Problem::fault(&std::io::Error::other("the router has no verifier layer")));
        };
        let member = Self(verifier.verify(token).await?);
        parts.extensions.insert(member.clone());
        Ok(Some(member))
    }
}

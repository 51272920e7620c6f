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
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::peer::Peers;
use crate::problem::Problem;

/// Who issues tokens, and whom they are for.
pub const ISSUER: &str = "tutti";
/// Where the keys are.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// An unknown key makes us look for new ones, but not more often than this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Where they could not be read, we try again sooner: the accounts role may be starting.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Tokens whose signature was checked already; a check costs 50 µs, a look-up less than one.
const REMEMBERED: u64 = 20_000;

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

/// Checks tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    clock: Clock,
    peers: Peers,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// When keys were looked for, and whether there was an answer.
    looked: tokio::sync::Mutex<Option<(Instant, bool)>>,
    seen: moka::sync::Cache<String, Claims>,
    fixed: Mutex<bool>,
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
            looked: tokio::sync::Mutex::default(),
            seen: moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(Duration::from_secs(900)).build(),
            fixed: Mutex::new(false),
        }))
    }

    /// Takes these keys and never asks for others (tests of a service alone).
    pub fn fix(&self, keys: &JwkSet) {
        self.learn(keys);
        *self.0.fixed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether the token in these headers was checked before, so that checking it again costs next to nothing.
    pub fn remembers(&self, headers: &http::HeaderMap) -> bool {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '));
        token.is_some_and(|(_, token)| self.0.seen.contains_key(token.trim()))
    }

    /// Checks a token's signature, issuer and time.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        if let Some(claims) = self.0.seen.get(token) {
            return self.in_time(claims);
        }
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid).ok_or_else(invalid)?;
        let key = match self.key(&kid) {
            Some(key) => key,
            None => {
                let answered = Box::pin(self.look_for_keys()).await;
                // A good token must not be called a bad one while nobody can tell: its holder would sign out.
                self.key(&kid).ok_or_else(|| if answered { invalid() } else { unknown() })?
            }
        };
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        // The time is checked below, against our own clock.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| invalid())?.claims;
        self.0.seen.insert(token.to_owned(), claims.clone());
        self.in_time(claims)
    }

    fn in_time(&self, claims: Claims) -> Result<Claims, Problem> {
        if claims.exp > self.0.clock.now().timestamp() {
            return Ok(claims);
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.expired", "The access token has expired. Get a new one from /v1/sessions/refresh."))
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    fn learn(&self, set: &JwkSet) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        for jwk in &set.keys {
            if let (Some(kid), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                keys.insert(kid.clone(), key);
            }
        }
    }

    /// Asks for keys, unless that was done just now; answers whether the accounts role said what there are.
    async fn look_for_keys(&self) -> bool {
        let mut looked = self.0.looked.lock().await;
        if *self.0.fixed.lock().unwrap_or_else(PoisonError::into_inner) {
            return true;
        }
        if let Some((at, answered)) = *looked
            && at.elapsed() < if answered { LOOK_AGAIN } else { TRY_AGAIN }
        {
            return answered;
        }
        let answered = match self.0.peers.get_json::<JwkSet>("accounts", JWKS_PATH).await {
            Ok(Some(set)) => {
                self.learn(&set);
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
        *looked = Some((Instant::now(), answered));
        answered
    }
}

fn invalid() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "auth.invalid_token", "The access token is not valid. Sign in again.")
}

fn unknown() -> Problem {
    Problem::unavailable("Access tokens can't be checked right now. Try again shortly.", TRY_AGAIN)
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

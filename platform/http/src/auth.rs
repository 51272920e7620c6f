//! Access tokens: who sends a request, checked locally by every role.
//!
//! Tokens are Ed25519 JWTs (RFC 7519, RFC 8037) that are valid for 15 minutes; their keys come from the accounts role's
//! JWKS, and every process follows which sessions have ended. Does not own sessions or passwords (accounts). Invariant:
//! a handler learns who the caller is only through an extractor of this file, so it never sees an unchecked claim.

mod ended_sessions;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
pub use ended_sessions::{EndedSession, FindEndedSessions, KEPT, MAX_SESSIONS_PER_RESPONSE};
use futures::future::BoxFuture;
use http::header;
use http::request::Parts;
pub use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::{Problem, every_role};
use base::clock::Clock;
use base::tasks::Tasks;
use ended_sessions::EndedSessions;

/// The issuer and audience of our tokens. A token that names an audience must name this one.
pub const ISSUER: &str = "tutti";
/// The path of the key set.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// An unknown key id makes the verifier fetch the keys anew, but not more often than this.
const KEYS_REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failed fetch. It is shorter, because the accounts role may be starting.
const KEYS_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often a process asks which sessions have ended.
const ENDED_SESSIONS_INTERVAL: Duration = Duration::from_secs(20);
/// Tokens whose signature was verified, kept in a cache: a verification costs 50 µs, a lookup less than one.
const MAX_VERIFIED_TOKENS: u64 = 20_000;
/// How far the clocks of two processes may differ before one considers the other's new tokens not yet valid.
const CLOCK_SKEW_SECONDS: i64 = 300;
/// The values of a token's `typ` header that are accepted (RFC 8725, section 3.11): our tokens have `JWT`, RFC 9068 has
/// `at+jwt`.
const TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];
/// The longest key id that is looked up. Ours have 32 characters.
const MAX_KEY_ID_BYTES: usize = 64;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The handle at the time when the token was issued.
    pub handle: String,
    /// Any of `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`.
    pub roles: Vec<String>,
    /// Whether the member had confirmed an e-mail address at that time.
    #[serde(default)]
    pub confirmed: bool,
    /// The issuer.
    pub iss: String,
    /// When the token was issued, in seconds since 1970.
    pub iat: i64,
    /// When the token expires, in seconds since 1970.
    pub exp: i64,
    /// How the member proved who they are (RFC 8176): `pwd`, `otp`, `hwk`, `swk`, `user`, and `mfa` with two factors.
    #[serde(default)]
    pub amr: Vec<String>,
    /// When they last proved it, in seconds since 1970. A refresh leaves it as it is.
    #[serde(default)]
    pub auth_time: i64,
}

/// The claims of a token whose signature is valid, with those that only the verifier reads.
#[derive(Debug, Clone, Deserialize)]
struct VerifiedClaims {
    #[serde(flatten)]
    claims: Claims,
    /// The token is not valid before this time, in seconds since 1970.
    nbf: Option<i64>,
    aud: Option<Audience>,
}

/// One audience or several (RFC 7519, section 4.1.3).
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

/// Why a source did not respond.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Where the keys that verify access tokens, and the list of ended sessions, come from.
pub trait KeySource: Send + Sync {
    /// Fetches the current keys; `None` if the source has none.
    fn fetch(&self) -> BoxFuture<'_, Result<Option<JwkSet>, SourceError>>;

    /// Fetches the sessions that have ended.
    fn ended_sessions(&self, query: FindEndedSessions) -> BoxFuture<'_, Result<Vec<EndedSession>, SourceError>>;
}

/// Verifies access tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    clock: Clock,
    source: Option<Box<dyn KeySource>>,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// When the keys were last fetched, and whether that succeeded.
    last_fetch: tokio::sync::Mutex<Option<(Instant, bool)>>,
    verified: moka::sync::Cache<String, VerifiedClaims>,
    ended: EndedSessions,
    is_pinned: AtomicBool,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// Returns a verifier that fetches its keys from `source`.
    pub fn new(source: impl KeySource + 'static, clock: Clock) -> Self {
        Self::with(Some(Box::new(source)), clock)
    }

    /// Returns a verifier that knows only these keys and never fetches others. For tests of a single service.
    pub fn pinned(keys: &JwkSet, clock: Clock) -> Self {
        let verifier = Self::with(None, clock);
        verifier.add_keys(keys);
        verifier
    }

    /// Uses these keys and fetches others no more. For tests of a single service.
    pub fn pin_keys(&self, keys: &JwkSet) {
        self.add_keys(keys);
        self.0.is_pinned.store(true, Ordering::Release);
    }

    fn with(source: Option<Box<dyn KeySource>>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            source,
            keys: RwLock::default(),
            last_fetch: tokio::sync::Mutex::default(),
            verified: moka::sync::Cache::builder()
                .max_capacity(MAX_VERIFIED_TOKENS)
                .time_to_live(Duration::from_secs(900))
                .build(),
            ended: EndedSessions::default(),
            is_pinned: AtomicBool::new(false),
        }))
    }

    /// Whether the token in these headers was verified before, so that verifying it again costs next to nothing.
    pub fn has_verified(&self, headers: &http::HeaderMap) -> bool {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split_once(' '));
        token.is_some_and(|(_, token)| self.0.verified.contains_key(token.trim()))
    }

    /// Verifies a token's header, signature, issuer, audience and times.
    pub async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        if let Some(verified_claims) = self.0.verified.get(token) {
            return self.check(verified_claims);
        }
        let kid = jsonwebtoken::decode_header(token).ok().and_then(key_id).ok_or_else(invalid_token)?;
        let key = match self.find_key(&kid) {
            Some(key) => key,
            None => {
                let fetched = Box::pin(self.fetch_keys()).await;
                // Without the keys, a valid token must not be refused as invalid: the client would sign its user out.
                self.find_key(&kid).ok_or_else(|| if fetched { invalid_token() } else { keys_unavailable() })?
            }
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library checks only the signature and its algorithm. An `iss` or `aud` of an unexpected type would pass
        // its own checks.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let verified_claims =
            jsonwebtoken::decode::<VerifiedClaims>(token, &key, &validation).map_err(|_| invalid_token())?.claims;
        if verified_claims.claims.iss != ISSUER
            || verified_claims.aud.as_ref().is_some_and(|audience| !audience.includes_issuer())
        {
            return Err(invalid_token());
        }
        self.0.verified.insert(token.to_owned(), verified_claims.clone());
        self.check(verified_claims)
    }

    /// Asks again and again which sessions have ended, until the process stops.
    pub fn follow_ended_sessions(&self, tasks: &Tasks) {
        let (verifier, own) = (self.clone(), tasks.clone());
        tasks.spawn(async move {
            let mut failures = 0_u32;
            loop {
                match verifier.read_ended_sessions().await {
                    Ok(()) => failures = 0,
                    // The accounts role may be starting.
                    Err(error) if failures > 1 => tracing::warn!(%error, "the list of ended sessions can't be read"),
                    Err(_) => failures += 1,
                }
                if !own.sleep(ENDED_SESSIONS_INTERVAL).await {
                    return;
                }
            }
        });
    }

    /// Asks once which sessions have ended.
    pub async fn read_ended_sessions(&self) -> Result<(), SourceError> {
        let Some(source) = self.0.source.as_ref().filter(|_| !self.0.is_pinned.load(Ordering::Acquire)) else {
            return Ok(());
        };
        let now = self.0.clock.now();
        let ended = source.ended_sessions(self.0.ended.query(now)).await?;
        self.0.ended.add(&ended, now);
        Ok(())
    }

    /// Checks what changes with time: whether the token and its session have ended.
    fn check(&self, VerifiedClaims { claims, nbf, .. }: VerifiedClaims) -> Result<Claims, Problem> {
        let now = self.0.clock.now().timestamp();
        if self.0.ended.contains(&claims.sid) {
            return Err(Problem::of(every_role::AUTH_SESSION_ENDED, "This session has ended. Sign in again."));
        }
        if claims.exp <= now {
            return Err(Problem::of(
                every_role::AUTH_EXPIRED,
                "The access token has expired. Get a new one from /v1/sessions/refresh.",
            ));
        }
        if claims.iat.max(nbf.unwrap_or(i64::MIN)) > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Problem::of(
                every_role::AUTH_NOT_YET_VALID,
                "The access token is not valid yet. Get a new one from /v1/sessions/refresh.",
            ));
        }
        Ok(claims)
    }

    fn find_key(&self, kid: &str) -> Option<DecodingKey> {
        self.0.keys.read().get(kid).cloned()
    }

    fn add_keys(&self, set: &JwkSet) {
        let mut keys = self.0.keys.write();
        // Only keys of the one algorithm: a secret or an RSA key in the set must not make any token valid.
        for jwk in set.keys.iter().filter(|jwk| is_ed25519(jwk)) {
            if let (Some(kid), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                keys.insert(kid.clone(), key);
            }
        }
    }

    /// Fetches the keys, unless that was done just now. Returns whether the accounts role responded with its keys.
    async fn fetch_keys(&self) -> bool {
        let mut last_fetch = self.0.last_fetch.lock().await;
        let Some(source) = self.0.source.as_ref().filter(|_| !self.0.is_pinned.load(Ordering::Acquire)) else {
            return true;
        };
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
    Problem::of(every_role::AUTH_INVALID_TOKEN, "The access token is not valid. Sign in again.")
}

fn keys_unavailable() -> Problem {
    Problem::unavailable("Access tokens can't be checked right now. Try again shortly.", KEYS_RETRY_INTERVAL)
}

/// A signed-in member. As an extractor it refuses every other caller with 401.
#[derive(Debug, Clone)]
pub struct Member(pub Claims);

impl Member {
    /// The account's id.
    pub fn id(&self) -> Uuid {
        self.0.sub
    }

    /// Whether the member has the role `role`.
    pub fn is(&self, role: &str) -> bool {
        self.0.roles.iter().any(|has| has == role)
    }

    /// Returns the member, or the 401 that asks a caller without a token to sign in.
    pub fn required(member: Option<Self>) -> Result<Self, Problem> {
        member.ok_or_else(|| {
            Problem::of(
                every_role::AUTH_REQUIRED,
                "Sign in first: this needs an access token in the Authorization header.",
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::required(<Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Member {
    type Rejection = Problem;
    /// `None` without a token; an invalid token is refused all the same.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        if let Some(member) = parts.extensions.get::<Self>() {
            return Ok(Some(member.clone()));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let token = token.ok_or_else(|| {
            Problem::of(every_role::AUTH_INVALID_TOKEN, "Send the access token as `Authorization: Bearer …`.")
        })?;
        let Some(verifier) = parts.extensions.get::<Verifier>().cloned() else {
            return Err(Problem::fault(&std::io::Error::other("the router has no verifier layer")));
        };
        let member = Self(verifier.verify(token).await?);
        parts.extensions.insert(member.clone());
        Ok(Some(member))
    }
}

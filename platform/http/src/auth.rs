//! Access tokens: who sends a request, checked locally by every role.
//!
//! Tokens are Ed25519 JWTs (RFC 7519, RFC 8037) that are valid for 15 minutes; their keys come from the accounts role's
//! JWKS, and every process follows which sessions have ended and which accounts are suspended. Does not own sessions or
//! passwords (accounts). Invariant: a handler learns who the caller is only through an extractor of this file, so it
//! never sees an unchecked claim.

mod account_rules;
mod api_keys;
mod ended_sessions;
mod follow;
mod keys;
mod offered_token;
mod suspended;
mod team_keys;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use account_rules::{AccountRule, AccountRules, Denial, FindAccountRules, MAX_RULES_PER_RESPONSE, suspended};
pub use api_keys::{API_KEY_PREFIX, ApiKeyToken, FindApiKeyToken, hash_api_key};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
pub use ended_sessions::{EndedSession, FindEndedSessions, KEPT, MAX_SESSIONS_PER_RESPONSE};
use futures::future::BoxFuture;
use http::request::Parts;
pub use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Validation};
pub use offered_token::take_offered_token;
use serde::{Deserialize, Serialize};
pub use suspended::{APPEALS_SCOPE, MaybeSuspended, appeals_only};
pub use team_keys::{ACT_FOR_MEMBERS, FindTeamKeyToken, NO_MEMBER, ON_BEHALF_OF, TEAM_KEY_PREFIX, TEAM_ROLE};
use uuid::Uuid;

use crate::problem::{Problem, every_role};
use account_rules::TokenRules;
use api_keys::{ExchangedKeys, bearer};
use base::clock::Clock;
use ended_sessions::EndedSessions;
use keys::{Keys, key_id, keys_unavailable};

/// The issuer and audience of our tokens. A token that names an audience must name this one.
pub const ISSUER: &str = "tutti";
/// The path of the key set.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// Tokens whose signature was verified, kept in a cache: a verification costs 50 µs, a lookup less than one.
const MAX_VERIFIED_TOKENS: u64 = 20_000;
/// How far the clocks of two processes may differ before one considers the other's new tokens not yet valid.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The handle at the time when the token was issued.
    pub handle: String,
    /// Any of `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`; or [`TEAM_ROLE`] alone.
    pub roles: Vec<String>,
    /// Whether the member had confirmed an e-mail address at that time.
    #[serde(default)]
    pub confirmed: bool,
    /// Grows when the account loses a role or is suspended, so that tokens from before can be refused.
    #[serde(default)]
    pub version: u64,
    /// What the token may be used for, such as `media:read`; empty for a member's own token, which may be used for
    /// everything. Only tokens of API keys have a scope, and those of a member who is suspended ([`APPEALS_SCOPE`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
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
    /// Whether the session was opened at the operators' listener.
    #[serde(default)]
    pub operators: bool,
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

/// Where the keys that verify access tokens, and the lists of those that count no more, come from.
pub trait KeySource: Send + Sync {
    /// Fetches the current keys; `None` if the source has none.
    fn fetch(&self) -> BoxFuture<'_, Result<Option<JwkSet>, SourceError>>;

    /// Fetches the sessions that have ended.
    fn ended_sessions(&self, query: FindEndedSessions) -> BoxFuture<'_, Result<Vec<EndedSession>, SourceError>>;

    /// Fetches the accounts that are suspended or have lost a role.
    fn account_rules(&self, query: FindAccountRules) -> BoxFuture<'_, Result<AccountRules, SourceError>>;

    /// Fetches an access token of an API key; `None` if there is no such key.
    fn api_key_token(&self, query: FindApiKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>>;

    /// Fetches an access token of a key of the team; `None` if there is no such key, or no such member.
    fn team_key_token(&self, query: FindTeamKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>>;
}

/// Verifies access tokens.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    clock: Clock,
    source: Option<Box<dyn KeySource>>,
    keys: Keys,
    verified: moka::sync::Cache<String, VerifiedClaims>,
    ended: EndedSessions,
    rules: TokenRules,
    exchanged: ExchangedKeys,
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
            keys: Keys::default(),
            verified: moka::sync::Cache::builder()
                .max_capacity(MAX_VERIFIED_TOKENS)
                .time_to_live(Duration::from_secs(900))
                .build(),
            ended: EndedSessions::default(),
            rules: TokenRules::default(),
            exchanged: ExchangedKeys::default(),
            is_pinned: AtomicBool::new(false),
        }))
    }

    /// Whether the token or API key in these headers was verified before, so that verifying it again costs next to
    /// nothing.
    pub fn has_verified(&self, headers: &http::HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| {
            if token.starts_with(API_KEY_PREFIX) {
                self.0.exchanged.contains(token)
            } else if token.starts_with(TEAM_KEY_PREFIX) {
                self.has_exchanged_team_key(headers, token)
            } else {
                self.0.verified.contains_key(token)
            }
        })
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

    /// Checks again what changes with time: whether the account is suspended, and whether the token or its session has
    /// ended. For streams, which outlive the check of their request.
    pub fn check_again(&self, claims: &Claims) -> Result<(), Problem> {
        let now = self.0.clock.now();
        self.0.rules.check(claims, now)?;
        if self.0.ended.contains(&claims.sid) {
            return Err(Problem::of(every_role::AUTH_SESSION_ENDED, "This session has ended. Sign in again."));
        }
        if claims.exp <= now.timestamp() {
            return Err(Problem::of(
                every_role::AUTH_EXPIRED,
                "The access token has expired. Get a new one from /v1/sessions/refresh.",
            ));
        }
        Ok(())
    }

    /// Checks what changes with time.
    fn check(&self, VerifiedClaims { claims, nbf, .. }: VerifiedClaims) -> Result<Claims, Problem> {
        self.check_again(&claims)?;
        let latest = self.0.clock.now().timestamp().saturating_add(CLOCK_SKEW_SECONDS);
        if claims.iat.max(nbf.unwrap_or(i64::MIN)) > latest {
            return Err(Problem::of(
                every_role::AUTH_NOT_YET_VALID,
                "The access token is not valid yet. Get a new one from /v1/sessions/refresh.",
            ));
        }
        Ok(claims)
    }
}

fn invalid_token() -> Problem {
    Problem::of(every_role::AUTH_INVALID_TOKEN, "The access token is not valid. Sign in again.")
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
        member.ok_or_else(sign_in_first)
    }
}

fn sign_in_first() -> Problem {
    Problem::of(every_role::AUTH_REQUIRED, "Sign in first: this needs an access token in the Authorization header.")
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::required(<Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Member {
    type Rejection = Problem;
    /// `None` without a token; an invalid token is refused all the same, and so is one that is for appeals only.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        let caller = <MaybeSuspended as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.map(MaybeSuspended::into_member).transpose()
    }
}

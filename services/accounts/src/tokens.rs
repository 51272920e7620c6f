//! Refresh tokens: their format and their succession. Access tokens are signed by [`crate::signing_keys`].
//!
//! A token consists of 16 bytes that identify its family (one sign-in) and 32 bytes of secret. Only the SHA-256 of each
//! is stored; they are random, so a slow hash would add nothing. The successor of a secret is its HMAC-SHA256 under a
//! key that is stored in the session's row only. So a client that repeats a request whose response was lost gets the
//! same successor again, and no readable token is stored for that. Invariant: a client that knows the family's id held
//! one of its tokens, so a wrong secret beside it means that an old token is being reused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_server::auth::{APPEALS_SCOPE, Claims, ISSUER, TEAM_ROLE};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::{ACCESS_TOKEN_LIFETIME, API_KEY_TOKEN_LIFETIME, Account, ApiKey, Authentication, Roles};

const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// The result of a sign-in or refresh.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The account that is signed in.
    pub account: Account,
    /// The access token.
    pub access_token: String,
    /// For how many seconds it is valid: [`ACCESS_TOKEN_LIFETIME`], or until its session ends.
    pub expires_in: i64,
    /// The refresh token for the next pair.
    pub refresh_token: String,
}

/// What an access token says of its session.
#[derive(Debug, Clone)]
pub(crate) struct TokenSession {
    /// The session's id.
    pub id: Uuid,
    /// What its member has proven, and when.
    pub authentication: Authentication,
    /// Whether it was opened at the operators' listener.
    pub operators: bool,
    /// When the session ends at the latest, if it does: no token of it is valid for longer.
    pub ends_at: Option<DateTime<Utc>>,
    /// Whether its account is suspended, so that the token is for an appeal only.
    pub is_for_appeals: bool,
}

/// Returns the claims of an access token for this session.
pub(crate) fn claims(account: &Account, session: &TokenSession, now: DateTime<Utc>) -> Claims {
    let expires_at = now + ACCESS_TOKEN_LIFETIME;
    Claims {
        sub: account.id.0,
        sid: session.id,
        handle: account.handle.clone(),
        roles: account.roles.names(),
        confirmed: account.email_confirmed_at.is_some(),
        version: account.standing.version,
        scope: session.is_for_appeals.then(|| APPEALS_SCOPE.to_owned()).into_iter().collect(),
        iss: ISSUER.to_owned(),
        iat: now.timestamp(),
        exp: session.ends_at.map_or(expires_at, |ends_at| ends_at.min(expires_at)).timestamp(),
        amr: session.authentication.names(),
        auth_time: session.authentication.at.timestamp(),
        operators: session.operators,
    }
}

/// Returns the claims of an access token for an API key. Its roles are those of every member, and it proves nothing of
/// who uses it.
pub(crate) fn api_key_claims(account: &Account, key: ApiKey, now: DateTime<Utc>) -> Claims {
    let ends_at = (now + API_KEY_TOKEN_LIFETIME).min(key.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC));
    let session = TokenSession {
        id: key.id,
        authentication: Authentication::by(&[], key.created_at),
        operators: false,
        ends_at: Some(ends_at),
        is_for_appeals: false,
    };
    Claims { roles: Roles::for_new_account().names(), scope: key.scopes, ..claims(account, &session, now) }
}

/// Returns the claims of an access token for an API key of the team that acts for no member. They name no account, and
/// have no role of one.
pub(crate) fn team_key_claims(key: ApiKey, now: DateTime<Utc>) -> Claims {
    Claims {
        sub: key.id,
        sid: key.id,
        handle: TEAM_ROLE.to_owned(),
        roles: vec![TEAM_ROLE.to_owned()],
        confirmed: false,
        version: 0,
        scope: key.scopes,
        iss: ISSUER.to_owned(),
        iat: now.timestamp(),
        exp: key.expires_at.map_or(now + API_KEY_TOKEN_LIFETIME, |at| at.min(now + API_KEY_TOKEN_LIFETIME)).timestamp(),
        amr: Vec::new(),
        auth_time: key.created_at.timestamp(),
        operators: false,
    }
}

/// A refresh token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    family: [u8; FAMILY_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken")
    }
}

impl RefreshToken {
    /// Returns the first token of a new family, from random bytes.
    pub(crate) fn new(family: [u8; FAMILY_BYTES], secret: [u8; SECRET_BYTES]) -> Self {
        Self { family, secret }
    }

    /// Parses a token that a client sent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (family, secret) = bytes.split_at_checked(FAMILY_BYTES)?;
        Some(Self { family: family.try_into().ok()?, secret: secret.try_into().ok()? })
    }

    /// Returns the text that the client gets: 64 characters.
    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.family.as_slice(), self.secret.as_slice()].concat())
    }

    /// Returns the hash of the family's id, as it is stored.
    pub(crate) fn family_hash(&self) -> Vec<u8> {
        sha256(&self.family)
    }

    /// Returns the hash of the secret, as it is stored.
    pub(crate) fn secret_hash(&self) -> Vec<u8> {
        sha256(&self.secret)
    }

    /// Returns the successor of this token.
    pub(crate) fn successor(&self, chain_key: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(chain_key).expect("HMAC takes keys of any length (RFC 2104 §3)");
        mac.update(&self.secret);
        Self { family: self.family, secret: mac.finalize().into_bytes().into() }
    }
}

/// Returns the SHA-256 under which tokens and idempotency keys are stored.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_malformed_ones_are_refused() {
        let token = RefreshToken::new([1; FAMILY_BYTES], [2; SECRET_BYTES]);
        assert_eq!(token.encode().len(), 64);
        assert_eq!(RefreshToken::parse(&token.encode()), Some(token));
        for wrong in ["", "x", "ä", &"A".repeat(63), &"A".repeat(65), &"A".repeat(68), &"=".repeat(64)] {
            assert_eq!(RefreshToken::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_successor_is_always_the_same_and_needs_the_key() {
        let token = RefreshToken::new([1; FAMILY_BYTES], [2; SECRET_BYTES]);
        let next = token.successor(b"key");
        assert_eq!(next, token.successor(b"key"));
        assert_ne!(next, token.successor(b"other"));
        assert_eq!(next.family_hash(), token.family_hash());
        assert_ne!(next.secret_hash(), token.secret_hash());
    }
}

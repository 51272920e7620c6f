//! The narrow token of a member who is suspended or banned: with it they read what was decided about them, appeal it
//! and take their data along.
//!
//! Its scope is [`APPEALS_SCOPE`] alone, which no API key can have. Owns the one extractor that accepts it. Invariant:
//! [`Member`] refuses such a token, so it reaches only the handlers that ask for a [`MaybeSuspended`] by name; an
//! operation that says nothing of it is closed.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::header;
use http::request::Parts;
use uuid::Uuid;

use super::api_keys::bearer;
use super::{Claims, Member, Verifier, team_keys};
use crate::problem::{Problem, every_role};

/// The scope of a narrow token.
pub const APPEALS_SCOPE: &str = "appeals";

impl Claims {
    /// Whether these are the claims of a narrow token.
    pub fn are_for_appeals(&self) -> bool {
        self.scope.iter().any(|scope| scope == APPEALS_SCOPE)
    }
}

/// A signed-in member, or one who is suspended and has signed in for an appeal. As an extractor it refuses every other
/// caller with 401.
#[derive(Debug, Clone)]
pub struct MaybeSuspended(pub Claims);

impl MaybeSuspended {
    /// The account's id.
    pub fn id(&self) -> Uuid {
        self.0.sub
    }

    /// Returns the member, or the 403 of a narrow token.
    pub fn into_member(self) -> Result<Member, Problem> {
        if self.0.are_for_appeals() { Err(appeals_only()) } else { Ok(Member(self.0)) }
    }
}

/// Returns the problem of a narrow token at an operation that is not for it.
pub fn appeals_only() -> Problem {
    Problem::of(
        every_role::AUTH_SUSPENDED,
        "You have signed in for an appeal: read `/v1/me/decisions`, send `/v1/appeals`, or ask for `/v1/me/export`. \
         Sign in again for anything else once the account is in use again.",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeSuspended {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.ok_or_else(super::sign_in_first)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for MaybeSuspended {
    type Rejection = Problem;
    /// `None` without a token; an invalid token is refused all the same.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(Some(caller.clone()));
        }
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        let token = bearer(&parts.headers).ok_or_else(|| {
            Problem::of(every_role::AUTH_INVALID_TOKEN, "Send the access token as `Authorization: Bearer …`.")
        })?;
        let Some(verifier) = parts.extensions.get::<Verifier>().cloned() else {
            return Err(Problem::fault(&std::io::Error::other("the router has no verifier layer")));
        };
        let caller = Self(verifier.verify(token).await?);
        if team_keys::is_of_team(&caller.0) {
            return Err(Problem::of(every_role::AUTH_SCOPE, "A key of the team is no member."));
        }
        parts.extensions.insert(caller.clone());
        Ok(Some(caller))
    }
}

//! The extractor of the caller's account and session.
//!
//! Other roles accept an access token for its 15 minutes, unless they have learned that it counts no more. Invariant:
//! this role reads it: after a session has ended or an account was suspended, it refuses the tokens at once. One for
//! appeals is accepted by [`AuthenticatedOrSuspended`] only.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use contract::AccountId;
use http::request::Parts;
use http_server::Problem;
use http_server::auth::{MaybeSuspended, Member};
use http_server::problem::every_role;

use crate::error::Error;
use crate::model::CurrentSession;
use crate::queries;
use crate::state::Accounts;

/// The caller's account and session. Callers who are not signed in get 401.
#[derive(Debug)]
pub(super) struct Authenticated(pub CurrentSession);

impl FromRequestParts<Accounts> for Authenticated {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, Error> {
        let member = <Member as FromRequestParts<Accounts>>::from_request_parts(parts, accounts).await?;
        Self::of(accounts, &member).await
    }
}

impl OptionalFromRequestParts<Accounts> for Authenticated {
    type Rejection = Error;
    /// `None` without a token; one that does not count is refused all the same.
    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Option<Self>, Error> {
        match <Member as OptionalFromRequestParts<Accounts>>::from_request_parts(parts, accounts).await? {
            Some(member) => Self::of(accounts, &member).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Authenticated {
    async fn of(accounts: &Accounts, member: &Member) -> Result<Self, Error> {
        // No scope is for these operations, so the gateway has refused such a token before.
        if !member.0.scope.is_empty() {
            return Err(Problem::of(every_role::AUTH_SCOPE, "An API key can't be used for the account itself.").into());
        }
        queries::current_session(accounts, AccountId(member.id()), member.0.sid).await.map(Self)
    }
}

/// The account and session of a caller who may be suspended, with a token for appeals. Any other caller is as with
/// [`Authenticated`].
#[derive(Debug)]
pub(super) struct AuthenticatedOrSuspended(pub CurrentSession);

impl FromRequestParts<Accounts> for AuthenticatedOrSuspended {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, Error> {
        let caller = <MaybeSuspended as FromRequestParts<Accounts>>::from_request_parts(parts, accounts).await?;
        Self::of(accounts, caller).await
    }
}

impl OptionalFromRequestParts<Accounts> for AuthenticatedOrSuspended {
    type Rejection = Error;
    /// As for [`Authenticated`].
    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Option<Self>, Error> {
        match <MaybeSuspended as OptionalFromRequestParts<Accounts>>::from_request_parts(parts, accounts).await? {
            Some(caller) => Self::of(accounts, caller).await.map(Some),
            None => Ok(None),
        }
    }
}

impl AuthenticatedOrSuspended {
    async fn of(accounts: &Accounts, caller: MaybeSuspended) -> Result<Self, Error> {
        if caller.0.are_for_appeals() {
            let (account, session) = (AccountId(caller.id()), caller.0.sid);
            return queries::current_session_of_any(accounts, account, session).await.map(Self);
        }
        let Authenticated(current) = Authenticated::of(accounts, &caller.into_member()?).await?;
        Ok(Self(current))
    }
}

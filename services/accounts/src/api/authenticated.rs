//! The extractor of the caller's account and session.
//!
//! Other roles accept an access token for its 15 minutes. This role also checks that its session has not ended.
//! Invariant: after a session has ended, this role refuses its tokens.

use axum::extract::FromRequestParts;
use contract::AccountId;
use http::request::Parts;
use http_server::auth::Member;

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
        queries::current_session(accounts, AccountId(member.id()), member.0.sid).await.map(Self)
    }
}

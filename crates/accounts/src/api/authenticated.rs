//! Somebody who is signed in, proved by the token and by the session behind it.
//!
//! Other roles believe a token for its 15 minutes; this one looks whether its session has ended. Invariant: after a session has ended,
//! nothing here answers to its tokens.

use axum::extract::FromRequestParts;
use contract::AccountId;
use http::request::Parts;
use kit::auth::Member;

use crate::accounts::Accounts;
use crate::error::Error;
use crate::model::CurrentSession;

/// The extractor: refuses everybody else with 401.
#[derive(Debug)]
pub(super) struct Authenticated(pub CurrentSession);

impl FromRequestParts<Accounts> for Authenticated {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, accounts: &Accounts) -> Result<Self, Error> {
        let member = <Member as FromRequestParts<Accounts>>::from_request_parts(parts, accounts).await?;
        accounts.current(AccountId(member.id()), member.0.sid).await.map(Self)
    }
}

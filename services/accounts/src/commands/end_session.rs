//! Ending one session.
//!
//! Invariant: a member ends only their own sessions.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::CurrentSession;
use crate::state::Accounts;
use crate::store;

/// Ends one of the caller's sessions. Fails with [`Error::NoSuchSession`] if the caller has no such session.
pub(crate) async fn end_session(accounts: &Accounts, current: &CurrentSession, session: Uuid) -> Result<(), Error> {
    let (account, now) = (current.account.id, accounts.context.clock.now());
    let removed = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| store::sessions::remove(tx, account, session, now).await)
        .await?;
    if removed { Ok(()) } else { Err(Error::NoSuchSession) }
}

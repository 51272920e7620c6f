//! Signing out everywhere.
//!
//! Invariant: sessions of other accounts stay.

use db::Lane;

use crate::error::Error;
use crate::model::CurrentSession;
use crate::state::Accounts;
use crate::store;

/// Ends all sessions of the caller's account, the caller's own included.
pub(crate) async fn end_all_sessions(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let (account, now) = (current.account.id, accounts.context.clock.now());
    accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| store::sessions::remove_all(tx, account, now).await)
        .await?;
    Ok(())
}

//! Removing a second factor.
//!
//! Invariant: an account without second factors has no recovery codes and no role, and a mail tells the member of a
//! factor that was in use, in the same transaction.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::mails::{self, FactorChange};
use crate::model::CurrentSession;
use crate::recent_proof::require_recent_factor;
use crate::state::Accounts;
use crate::store;

/// Removes one of the caller's factors, and with the last one the recovery codes. Needs a recent proof by a second
/// factor. Sessions stay. Fails with [`Error::LastFactorOfRole`] for the last one of an account that has a role.
pub(crate) async fn remove_factor(accounts: &Accounts, current: &CurrentSession, id: Uuid) -> Result<(), Error> {
    require_recent_factor(accounts, current).await?;
    let account = current.account.id;
    let (mail, member) = (accounts.context.mail.clone(), current.account.clone());
    let removed = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            let before = store::factors::list(tx, account).await?;
            let is_last = !before.is_empty() && before.iter().all(|factor| factor.id == id);
            if is_last {
                // Read in the lane of the account, in which roles are given as well.
                let member = store::accounts::find_by_id(tx, account).await?.ok_or(Error::SessionEnded)?;
                if member.roles.are_granted() {
                    return Err(Error::LastFactorOfRole);
                }
            }
            let removed = store::factors::remove(tx, account, id).await?;
            if removed && is_last {
                store::recovery_codes::remove_all(tx, account).await?;
            }
            if let Some(factor) = before.iter().find(|factor| removed && factor.id == id) {
                mail.enqueue(tx, mails::factor_changed(&mail, &member, FactorChange::Removed(&factor.name))).await?;
            }
            Ok::<_, Error>(removed)
        })
        .await?;
    if removed { Ok(()) } else { Err(Error::NoSuchFactor) }
}

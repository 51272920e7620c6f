//! Recording what accounts says of an account.
//!
//! Invariant: what is newer stays, whatever the order of the events; an account that was erased gets no row.

use contract::accounts::{Profile, StandingChanged};
use db::Lane;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::state::Notify;
use crate::store::people;

/// Records a profile.
pub(crate) async fn record_profile(notify: &Notify, profile: Profile) -> Result<(), Error> {
    let account = profile.account;
    let written = notify.context.db.write(Lane::of(&account), async move |tx| {
        if people::list_erased(tx, &[account]).await?.is_empty() {
            people::set_profile(tx, &profile).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// Records a standing. What an account did that is shown to nobody from now on is told to nobody any more.
pub(crate) async fn record_standing(notify: &Notify, standing: StandingChanged) -> Result<(), Error> {
    let (account, now) = (standing.account, notify.context.clock.now());
    let person = notify
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if people::list_erased(tx, &[account]).await?.is_empty() {
                people::set_standing(tx, &standing).await?;
            }
            Ok::<_, Error>(people::list(tx, &[account]).await?.pop())
        })
        .await?;
    if person.is_some_and(|person| person.is_hidden(now)) {
        withdraw(notify, &Withdrawn::OfActor(account)).await?;
    }
    Ok(())
}

//! Muting a post or a thread, and ending it.
//!
//! Invariant: a member has a bounded number of mutes. Notices that are there stay.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Notify;
use crate::store::{people, settings};

/// Posts and threads that a member may mute.
const MAX_MUTES: u64 = 1_000;

/// Mutes a post or a thread for a member. Does nothing if it is muted, or if the account was erased meanwhile.
pub(crate) async fn mute(notify: &Notify, member: AccountId, subject: Uuid) -> Result<(), Error> {
    let now = notify.context.clock.now();
    notify
        .context
        .db
        .write(Lane::of(&member), async move |tx| {
            let subject = subject.to_string();
            let is_muted = !settings::list_mutes(tx, &[member], std::slice::from_ref(&subject)).await?.is_empty();
            if is_muted || !people::list_erased(tx, &[member]).await?.is_empty() {
                return Ok(());
            }
            if settings::count_mutes(tx, member).await? >= MAX_MUTES {
                return Err(Error::TooManyMutes(MAX_MUTES));
            }
            Ok(settings::mute(tx, member, &subject, now).await?)
        })
        .await
}

/// Ends a mute. Does nothing if there is none.
pub(crate) async fn unmute(notify: &Notify, member: AccountId, subject: Uuid) -> Result<(), Error> {
    let subject = subject.to_string();
    let written =
        notify.context.db.write(Lane::of(&member), async move |tx| settings::unmute(tx, member, &subject).await);
    Ok(written.await?)
}

//! Removing from devices what was read elsewhere.
//!
//! A browser is told nothing: it must show something for each push. Invariant: it changes nothing but pushes that a
//! provider has taken, in small steps.

use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::state::Notify;
use crate::store::pushes;
use crate::store::pushes::ReadNotices;

/// Rows of one transaction.
const BATCH_ROWS: usize = 200;
/// A device that is off for longer learns it when the app reads the list.
const TTL: TimeDelta = TimeDelta::hours(12);

/// Withdraws the shown pushes of notices that their member has read or removed.
pub(crate) async fn withdraw_pushes(notify: &Notify, member: AccountId, read: ReadNotices) -> Result<(), Error> {
    if !notify.push.can_withdraw() {
        return Ok(());
    }
    let now = notify.context.clock.now();
    loop {
        let read = read.clone();
        let withdrawn = notify
            .context
            .db
            .write(Lane::of(&member), async move |tx| {
                pushes::withdraw(tx, member, &read, (now, now + TTL), BATCH_ROWS).await
            })
            .await?;
        if withdrawn > 0 {
            notify.push.recorded.notify_waiters();
        }
        if withdrawn < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}

//! Removing from devices what was read elsewhere, or is gone.
//!
//! A browser is told nothing: it must show something for each push. Invariant: it changes nothing but pushes that a
//! provider has taken, in small steps; what is sent looks at the history again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Notify;
use crate::store::pushes;
use crate::store::pushes::ReadNotices;

/// Rows of one transaction.
const BATCH_ROWS: usize = 200;
/// Shown pushes that are looked at for the members of one step. Those of a week are fewer, but for members with very
/// many devices, of whom the app removes the others when it reads the list.
const MAX_SHOWN: usize = 2_000;
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

/// Withdraws those of some shown pushes, by their members and notices, that were read or are gone by now.
pub(crate) async fn withdraw_over(notify: &Notify, shown: &[(AccountId, Uuid)]) -> Result<(), Error> {
    if shown.is_empty() {
        return Ok(());
    }
    let found = notify.history.find_each(shown).await?;
    let unread = found.into_iter().filter(|(_, notice)| !notice.is_read).map(|(member, notice)| (member, notice.id));
    let unread: BTreeSet<(AccountId, Uuid)> = unread.collect();
    let mut over: BTreeMap<AccountId, Vec<Uuid>> = BTreeMap::new();
    for (member, notice) in shown.iter().copied().filter(|shown| !unread.contains(shown)) {
        over.entry(member).or_default().push(notice);
    }
    for (member, notices) in over {
        withdraw_pushes(notify, member, ReadNotices::Ids(notices)).await?;
    }
    Ok(())
}

/// Withdraws what devices of members show of notices that are gone.
pub(super) async fn withdraw_gone(notify: &Notify, members: &[AccountId]) -> Result<(), Error> {
    if members.is_empty() || !notify.push.can_withdraw() {
        return Ok(());
    }
    let shown = pushes::list_shown(notify.context.db.read(), members, MAX_SHOWN).await?;
    withdraw_over(notify, &shown).await
}

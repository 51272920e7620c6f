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
/// A notice that is not there any more may have grown. Its next push takes the place of the one that is shown, within
/// this time, so that a device is not told to remove what it is just being shown.
const GROWTH_PAUSE: TimeDelta = TimeDelta::seconds(30);
/// Shown pushes that are looked at for the members of one step. Those of a week are fewer, but for members with very
/// many devices, of whom the app removes the others when it reads the list.
const MAX_SHOWN: usize = 2_000;
/// A device that is off for longer learns it when the app reads the list.
const TTL: TimeDelta = TimeDelta::hours(12);

/// Withdraws the shown pushes of notices that their member has read or removed.
pub(crate) async fn withdraw_pushes(notify: &Notify, member: AccountId, read: ReadNotices) -> Result<(), Error> {
    withdraw_after(notify, member, read, TimeDelta::zero()).await
}

/// Withdraws shown pushes of a member after a pause.
async fn withdraw_after(notify: &Notify, member: AccountId, read: ReadNotices, pause: TimeDelta) -> Result<(), Error> {
    if !notify.push.can_withdraw() {
        return Ok(());
    }
    let due_at = notify.context.clock.now() + pause;
    loop {
        let read = read.clone();
        let withdrawn = notify
            .context
            .db
            .write(Lane::of(&member), async move |tx| {
                pushes::withdraw(tx, member, &read, (due_at, due_at + TTL), BATCH_ROWS).await
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
    let found: BTreeMap<(AccountId, Uuid), bool> = notify
        .history
        .find_each(shown)
        .await?
        .into_iter()
        .map(|(member, notice)| ((member, notice.id), notice.is_read))
        .collect();
    let (mut read, mut gone) = (BTreeMap::<AccountId, Vec<Uuid>>::new(), BTreeMap::<AccountId, Vec<Uuid>>::new());
    for (member, notice) in shown.iter().copied().collect::<BTreeSet<_>>() {
        match found.get(&(member, notice)) {
            Some(true) => read.entry(member).or_default().push(notice),
            Some(false) => {}
            None => gone.entry(member).or_default().push(notice),
        }
    }
    for (member, notices) in read {
        withdraw_pushes(notify, member, ReadNotices::Ids(notices)).await?;
    }
    for (member, notices) in gone {
        withdraw_after(notify, member, ReadNotices::Ids(notices), GROWTH_PAUSE).await?;
    }
    Ok(())
}

/// Withdraws whatever devices show of notices that were read or are gone: what a process was killed before it could do.
pub(crate) async fn withdraw_left(notify: &Notify) -> Result<(), Error> {
    if !notify.push.can_withdraw() {
        return Ok(());
    }
    let mut after = (AccountId(Uuid::nil()), Uuid::nil());
    loop {
        let shown = pushes::list_shown_after(notify.context.db.read(), after, BATCH_ROWS).await?;
        let Some(&last) = shown.last() else { return Ok(()) };
        withdraw_over(notify, &shown).await?;
        after = last;
    }
}

/// Withdraws what devices of members show of notices that are gone.
pub(super) async fn withdraw_gone(notify: &Notify, members: &[AccountId]) -> Result<(), Error> {
    if members.is_empty() || !notify.push.can_withdraw() {
        return Ok(());
    }
    let shown = pushes::list_shown(notify.context.db.read(), members, MAX_SHOWN).await?;
    withdraw_over(notify, &shown).await
}

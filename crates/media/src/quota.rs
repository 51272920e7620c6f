//! Quotas: what each member may keep, send and read, with room reserved while bytes arrive.
//!
//! What stands in the database is the truth and is checked again in the transaction that accepts an item or begins an upload; the
//! reservations here refuse early, before bytes are sent in vain. Invariant: uploads of one member that run side by side here never
//! promise more room than there is.

mod lists;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Db, Tx};
use kit::{Clock, Context};

use crate::config::Config;
use crate::error::Error;
use crate::store::uploads::{self, Open};
use crate::store::usage::{self, Addition, Most, Usage};

/// Members whose usage is remembered; beyond, it is read anew.
const REMEMBERED: u64 = 10_000;
/// How long it is remembered without being looked at: another process may change it.
const IDLE: Duration = Duration::from_secs(10);

/// Everybody's accounts.
#[derive(Clone)]
pub(crate) struct Quota {
    accounts: moka::future::Cache<AccountId, Arc<Mutex<Account>>>,
    db: Db,
    clock: Clock,
    most: Most,
    /// What they may read at once.
    pub lists: Arc<lists::Lists>,
}

/// One member's account.
#[derive(Debug)]
struct Account {
    used: Usage,
    reserved: Open,
}

/// Whether one more item of `bytes` fits beside what is `used` and what is `taken` by uploads that have not ended.
pub(crate) fn check(used: &Usage, taken: Open, bytes: u64, most: Most, now: DateTime<Utc>) -> Result<(), Error> {
    if used.closed {
        return Err(Error::Closed);
    }
    let hour_ends = used.hour_began_at + TimeDelta::hours(1);
    if hour_ends > now && used.hour_uploads + taken.uploads >= most.uploads_per_hour {
        let wait = (hour_ends - now).to_std().unwrap_or(Duration::from_mins(1));
        return Err(Error::QuotaRate { most: most.uploads_per_hour, wait });
    }
    if used.items + taken.uploads >= most.items {
        return Err(Error::QuotaItems(most.items));
    }
    room(used, taken, bytes, most)
}

fn room(used: &Usage, taken: Open, bytes: u64, most: Most) -> Result<(), Error> {
    let used = used.bytes.saturating_add(taken.bytes);
    if used.saturating_add(bytes) > most.bytes { Err(Error::QuotaBytes { used, most: most.bytes }) } else { Ok(()) }
}

/// Counts an item in the transaction that makes it, or says what stands against it.
pub(crate) async fn spend(tx: &Tx, addition: &Addition, most: Most, now: DateTime<Utc>) -> Result<Usage, Error> {
    if let Some(used) = usage::add(tx, addition, most, now).await? {
        return Ok(used);
    }
    let used = usage::find(tx, addition.owner).await?.unwrap_or_else(|| Usage::none(now));
    let open = uploads::open(tx, addition.owner, addition.upload.as_deref()).await?;
    // Open uploads take room, but are counted only when they are items.
    check(&used, Open { uploads: 0, ..open }, addition.bytes, most, now)?;
    Err(Error::QuotaBytes { used: used.bytes, most: most.bytes })
}

impl Quota {
    pub(crate) fn new(context: &Context, config: &Config) -> Self {
        Self {
            accounts: moka::future::Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build(),
            db: context.db.clone(),
            clock: context.clock.clone(),
            lists: Arc::new(lists::Lists::new(config)),
            most: Most { bytes: config.quota_bytes, items: config.quota_items, uploads_per_hour: config.quota_uploads_per_hour },
        }
    }

    /// What may not be passed.
    pub(crate) fn most(&self) -> Most {
        self.most
    }

    /// Reserves room for one item of `bytes` (0 where the size is not known yet: then [`Reservation::grow`]).
    pub(crate) async fn reserve(&self, owner: AccountId, bytes: u64) -> Result<Reservation, Error> {
        // Of several that come at once, one reads and all share what it found.
        let read = async {
            let now = self.clock.now();
            let used = usage::find(self.db.read(), owner).await?.unwrap_or_else(|| Usage::none(now));
            Ok::<_, kit::db::Error>(Arc::new(Mutex::new(Account { used, reserved: Open::default() })))
        };
        let account = self.accounts.try_get_with(owner, read).await.map_err(Error::Shared)?;
        {
            let mut held = account.lock().unwrap_or_else(PoisonError::into_inner);
            check(&held.used, held.reserved, bytes, self.most, self.clock.now())?;
            held.reserved.bytes += bytes;
            held.reserved.uploads += 1;
        }
        Ok(Reservation { account, bytes, most: self.most })
    }

    /// Notes that an item is gone.
    pub(crate) async fn removed(&self, owner: AccountId, bytes: u64) {
        if let Some(account) = self.accounts.get(&owner).await {
            let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
            account.used.bytes = account.used.bytes.saturating_sub(bytes);
            account.used.items = account.used.items.saturating_sub(1);
        }
    }
}

/// Room for one item, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<Mutex<Account>>,
    bytes: u64,
    most: Most,
}

impl Reservation {
    /// Makes sure that the item may have `bytes` in all.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        room(&account.used, account.reserved, more, self.most)?;
        account.reserved.bytes += more;
        self.bytes = bytes;
        Ok(())
    }

    /// The item is in the library; `now_used` is what the database says.
    pub(crate) fn spend(self, now_used: Usage) {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        // Answers may overtake each other: the one that has counted more uploads is the newer.
        if now_used.items >= account.used.items || now_used.hour_began_at > account.used.hour_began_at {
            account.used = now_used;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.reserved.bytes -= self.bytes;
        account.reserved.uploads -= 1;
    }
}

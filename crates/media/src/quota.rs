//! Quotas: what each member may keep and send, with room reserved while bytes arrive.
//!
//! What stands in the database is the truth and is checked again when an item is accepted; the reservations here
//! refuse early, before bytes are sent in vain. Invariant: uploads of one member that run side by side here never promise more
//! room than there is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::Db;
use kit::{Clock, Context};

use crate::config::Config;
use crate::error::Error;
use crate::store::usage::{self, Most, Usage};

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
    most_per_hour: u64,
}

/// One member's account.
#[derive(Debug)]
struct Account {
    used: Usage,
    reserved_bytes: u64,
    reserved_items: u64,
}

impl Quota {
    pub(crate) fn new(context: &Context, config: &Config) -> Self {
        Self {
            accounts: moka::future::Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build(),
            db: context.db.clone(),
            clock: context.clock.clone(),
            most: Most { bytes: config.quota_bytes, items: config.quota_items },
            most_per_hour: config.quota_uploads_per_hour,
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
            let used = usage::find(&self.db, owner).await?.unwrap_or(Usage { bytes: 0, items: 0, hour_began_at: now, hour_uploads: 0 });
            Ok::<_, kit::db::Error>(Arc::new(Mutex::new(Account { used, reserved_bytes: 0, reserved_items: 0 })))
        };
        let account = self.accounts.try_get_with(owner, read).await.map_err(Error::Shared)?;
        {
            let mut held = account.lock().unwrap_or_else(PoisonError::into_inner);
            held.check(self.clock.now(), bytes, self.most, self.most_per_hour)?;
            held.reserved_bytes += bytes;
            held.reserved_items += 1;
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

impl Account {
    fn check(&self, now: DateTime<Utc>, bytes: u64, most: Most, most_per_hour: u64) -> Result<(), Error> {
        let hour_ends = self.used.hour_began_at + TimeDelta::hours(1);
        if hour_ends > now && self.used.hour_uploads + self.reserved_items >= most_per_hour {
            return Err(Error::QuotaRate { most: most_per_hour, wait: (hour_ends - now).to_std().unwrap_or(Duration::from_mins(1)) });
        }
        if self.used.items + self.reserved_items >= most.items {
            return Err(Error::QuotaItems(most.items));
        }
        self.room(bytes, most)
    }

    fn room(&self, bytes: u64, most: Most) -> Result<(), Error> {
        let used = self.used.bytes + self.reserved_bytes;
        if used.saturating_add(bytes) > most.bytes { Err(Error::QuotaBytes { used, most: most.bytes }) } else { Ok(()) }
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
        account.room(more, self.most)?;
        account.reserved_bytes += more;
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
        account.reserved_bytes -= self.bytes;
        account.reserved_items -= 1;
    }
}

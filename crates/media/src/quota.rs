//! Quotas: how much each member may store, send and read, with reservations while bytes arrive.
//!
//! The database is the source of truth. The transaction that accepts an item or creates an upload checks the quota
//! again; the reservations here refuse early, before a client sends bytes in vain. Invariant: concurrent uploads of one
//! member in this process never reserve more than the quota leaves.

mod list_limiter;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Db, Tx};
use kit::{Clock, Context};

use crate::config::Config;
use crate::error::Error;
use crate::store::uploads::{self, OpenUploads};
use crate::store::usage::{self, Charge, QuotaLimits, Usage};

/// Members whose usage is cached; that of others is read from the database.
const MAX_CACHED_MEMBERS: u64 = 10_000;
/// How long an unused entry is cached: another process may change the usage.
const CACHE_TTI: Duration = Duration::from_secs(10);

/// The quotas of all members.
#[derive(Clone)]
pub(crate) struct Quota {
    members: moka::future::Cache<AccountId, Arc<Mutex<MemberUsage>>>,
    db: Db,
    clock: Clock,
    limits: QuotaLimits,
    /// Limits the library pages that are read at once.
    pub lists: Arc<list_limiter::ListLimiter>,
}

/// The usage of one member, with reservations.
#[derive(Debug)]
struct MemberUsage {
    used: Usage,
    reserved: OpenUploads,
}

/// Checks whether one more item of `bytes` fits beside what is `used` and what `open` uploads reserve.
pub(crate) fn check(
    used: &Usage,
    open: OpenUploads,
    bytes: u64,
    limits: QuotaLimits,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if used.closed {
        return Err(Error::AccountClosed);
    }
    let hour_ends = used.hour_began_at + TimeDelta::hours(1);
    if hour_ends > now && used.hour_uploads + open.uploads >= limits.uploads_per_hour {
        let wait = (hour_ends - now).to_std().unwrap_or(Duration::from_mins(1));
        return Err(Error::QuotaRate { max: limits.uploads_per_hour, wait });
    }
    if used.items + open.uploads >= limits.items {
        return Err(Error::QuotaItems(limits.items));
    }
    check_bytes(used, open, bytes, limits)
}

fn check_bytes(used: &Usage, open: OpenUploads, bytes: u64, limits: QuotaLimits) -> Result<(), Error> {
    let used = used.bytes.saturating_add(open.bytes);
    if used.saturating_add(bytes) > limits.bytes { Err(Error::QuotaBytes { used, max: limits.bytes }) } else { Ok(()) }
}

/// Charges an item in the transaction that creates it. Returns the exceeded limit as an error.
pub(crate) async fn charge(tx: &Tx, charge: &Charge, limits: QuotaLimits, now: DateTime<Utc>) -> Result<Usage, Error> {
    if let Some(used) = usage::add_item(tx, charge, limits, now).await? {
        return Ok(used);
    }
    let used = usage::find(tx, charge.owner).await?.unwrap_or_else(|| Usage::none(now));
    let others = uploads::sum_open(tx, charge.owner, charge.upload.as_deref()).await?;
    // Open uploads reserve bytes, but count as items only when they are complete.
    check(&used, OpenUploads { uploads: 0, ..others }, charge.bytes, limits, now)?;
    Err(Error::QuotaBytes { used: used.bytes, max: limits.bytes })
}

impl Quota {
    pub(crate) fn new(context: &Context, config: &Config) -> Self {
        Self {
            members: moka::future::Cache::builder().max_capacity(MAX_CACHED_MEMBERS).time_to_idle(CACHE_TTI).build(),
            db: context.db.clone(),
            clock: context.clock.clone(),
            lists: Arc::new(list_limiter::ListLimiter::new(config)),
            limits: QuotaLimits {
                bytes: config.quota_bytes,
                items: config.quota_items,
                uploads_per_hour: config.quota_uploads_per_hour,
            },
        }
    }

    /// Returns the limits of a member.
    pub(crate) fn limits(&self) -> QuotaLimits {
        self.limits
    }

    /// Reserves `bytes` for one item. Where the size is not known yet, `bytes` is 0 and [`Reservation::grow`] follows.
    pub(crate) async fn reserve(&self, owner: AccountId, bytes: u64) -> Result<Reservation, Error> {
        // Of several concurrent requests, one reads and all share the result.
        let read = async {
            let now = self.clock.now();
            let used = usage::find(self.db.read(), owner).await?.unwrap_or_else(|| Usage::none(now));
            Ok::<_, kit::db::Error>(Arc::new(Mutex::new(MemberUsage { used, reserved: OpenUploads::default() })))
        };
        let member = self.members.try_get_with(owner, read).await.map_err(Error::SharedDb)?;
        {
            let mut usage = member.lock().unwrap_or_else(PoisonError::into_inner);
            check(&usage.used, usage.reserved, bytes, self.limits, self.clock.now())?;
            usage.reserved.bytes += bytes;
            usage.reserved.uploads += 1;
        }
        Ok(Reservation { member, bytes, limits: self.limits })
    }

    /// Subtracts a removed item from the cached usage.
    pub(crate) async fn item_removed(&self, owner: AccountId, bytes: u64) {
        if let Some(member) = self.members.get(&owner).await {
            let mut member = member.lock().unwrap_or_else(PoisonError::into_inner);
            member.used.bytes = member.used.bytes.saturating_sub(bytes);
            member.used.items = member.used.items.saturating_sub(1);
        }
    }
}

/// A reservation for one item, released when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    member: Arc<Mutex<MemberUsage>>,
    bytes: u64,
    limits: QuotaLimits,
}

impl Reservation {
    /// Grows the reservation to `bytes` in all.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
        check_bytes(&member.used, member.reserved, more, self.limits)?;
        member.reserved.bytes += more;
        self.bytes = bytes;
        Ok(())
    }

    /// Ends the reservation after the item was charged; `now_used` is the usage in the database.
    pub(crate) fn commit(self, now_used: Usage) {
        let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
        // Results may arrive out of order. The one that has counted more uploads is the newer.
        if now_used.items >= member.used.items || now_used.hour_began_at > member.used.hour_began_at {
            member.used = now_used;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
        member.reserved.bytes -= self.bytes;
        member.reserved.uploads -= 1;
    }
}

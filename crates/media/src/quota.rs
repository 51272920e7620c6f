//! Quotas: what each member may keep, send and read, with room reserved while bytes arrive.
//!
//! What stands in the database is the truth and is checked again in the transaction that accepts an item or begins an upload; the
//! reservations here refuse early, before bytes are sent in vain. Invariant: uploads of one member that run side by side here never
//! promise more room than there is.

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

/// Members whose usage is remembered; beyond, it is read anew.
const MAX_CACHED_MEMBERS: u64 = 10_000;
/// How long it is remembered without being looked at: another process may change it.
const CACHE_TTI: Duration = Duration::from_secs(10);

/// Everybody's accounts.
#[derive(Clone)]
pub(crate) struct Quota {
    members: moka::future::Cache<AccountId, Arc<Mutex<MemberUsage>>>,
    db: Db,
    clock: Clock,
    limits: QuotaLimits,
    /// What they may read at once.
    pub lists: Arc<list_limiter::ListLimiter>,
}

/// One member's account.
#[derive(Debug)]
struct MemberUsage {
    used: Usage,
    reserved: OpenUploads,
}

/// Whether one more item of `bytes` fits beside what is `used` and what is `open` by uploads that have not ended.
pub(crate) fn check(used: &Usage, open: OpenUploads, bytes: u64, limits: QuotaLimits, now: DateTime<Utc>) -> Result<(), Error> {
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

/// Counts an item in the transaction that makes it, or says what stands against it.
pub(crate) async fn charge(tx: &Tx, charge: &Charge, limits: QuotaLimits, now: DateTime<Utc>) -> Result<Usage, Error> {
    if let Some(used) = usage::add_item(tx, charge, limits, now).await? {
        return Ok(used);
    }
    let used = usage::find(tx, charge.owner).await?.unwrap_or_else(|| Usage::none(now));
    let others = uploads::sum_open(tx, charge.owner, charge.upload.as_deref()).await?;
    // Open uploads take room, but are counted only when they are items.
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
            limits: QuotaLimits { bytes: config.quota_bytes, items: config.quota_items, uploads_per_hour: config.quota_uploads_per_hour },
        }
    }

    /// What may not be passed.
    pub(crate) fn limits(&self) -> QuotaLimits {
        self.limits
    }

    /// Reserves room for one item of `bytes` (0 where the size is not known yet: then [`Reservation::grow`]).
    pub(crate) async fn reserve(&self, owner: AccountId, bytes: u64) -> Result<Reservation, Error> {
        // Of several that come at once, one reads and all share what it found.
        let read = async {
            let now = self.clock.now();
            let used = usage::find(self.db.read(), owner).await?.unwrap_or_else(|| Usage::none(now));
            Ok::<_, kit::db::Error>(Arc::new(Mutex::new(MemberUsage { used, reserved: OpenUploads::default() })))
        };
        let member = self.members.try_get_with(owner, read).await.map_err(Error::SharedDb)?;
        {
            let mut held = member.lock().unwrap_or_else(PoisonError::into_inner);
            check(&held.used, held.reserved, bytes, self.limits, self.clock.now())?;
            held.reserved.bytes += bytes;
            held.reserved.uploads += 1;
        }
        Ok(Reservation { member, bytes, limits: self.limits })
    }

    /// Notes that an item is gone.
    pub(crate) async fn item_removed(&self, owner: AccountId, bytes: u64) {
        if let Some(member) = self.members.get(&owner).await {
            let mut member = member.lock().unwrap_or_else(PoisonError::into_inner);
            member.used.bytes = member.used.bytes.saturating_sub(bytes);
            member.used.items = member.used.items.saturating_sub(1);
        }
    }
}

/// Room for one item, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    member: Arc<Mutex<MemberUsage>>,
    bytes: u64,
    limits: QuotaLimits,
}

impl Reservation {
    /// Makes sure that the item may have `bytes` in all.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
        check_bytes(&member.used, member.reserved, more, self.limits)?;
        member.reserved.bytes += more;
        self.bytes = bytes;
        Ok(())
    }

    /// The item is in the library; `now_used` is what the database says.
    pub(crate) fn commit(self, now_used: Usage) {
        let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
        // Answers may overtake each other: the one that has counted more uploads is the newer.
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

//! Reservations of quota while bytes arrive: they refuse early, before a client sends bytes in vain.
//!
//! The database is the source of truth: the transaction that accepts an item or creates an upload checks the quota
//! again ([`crate::model::quota`] has the rule). Invariant: concurrent uploads of one member in this process never
//! reserve more than the quota leaves.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use contract::AccountId;
use db::Db;
use parking_lot::Mutex;
use service::Context;

use crate::config::Config;
use crate::error::Error;
use crate::model::quota::{OpenUploads, QuotaLimits, Usage, check, check_bytes};
use crate::store::usage;

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
}

/// The usage of one member, with reservations.
#[derive(Debug)]
struct MemberUsage {
    used: Usage,
    reserved: OpenUploads,
}

impl Quota {
    pub(crate) fn new(context: &Context, config: &Config) -> Self {
        Self {
            members: moka::future::Cache::builder().max_capacity(MAX_CACHED_MEMBERS).time_to_idle(CACHE_TTI).build(),
            db: context.db.clone(),
            clock: context.clock.clone(),
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
            Ok::<_, db::Error>(Arc::new(Mutex::new(MemberUsage { used, reserved: OpenUploads::default() })))
        };
        let member = self.members.try_get_with(owner, read).await.map_err(Error::SharedDb)?;
        if self.take(&member, bytes).is_err() {
            // The entry may be old, and another process may have removed items since.
            let used = usage::find(self.db.read(), owner).await?.unwrap_or_else(|| Usage::none(self.clock.now()));
            member.lock().used = used;
            self.take(&member, bytes)?;
        }
        Ok(Reservation { member, bytes, limits: self.limits })
    }

    fn take(&self, member: &Mutex<MemberUsage>, bytes: u64) -> Result<(), Error> {
        let mut usage = member.lock();
        check(&usage.used, usage.reserved, bytes, self.limits, self.clock.now())?;
        usage.reserved.bytes += bytes;
        usage.reserved.uploads += 1;
        Ok(())
    }

    /// Subtracts a removed item from the cached usage.
    pub(crate) async fn item_removed(&self, owner: AccountId, bytes: u64) {
        if let Some(member) = self.members.get(&owner).await {
            let mut member = member.lock();
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
        let mut member = self.member.lock();
        check_bytes(&member.used, member.reserved, more, self.limits)?;
        member.reserved.bytes += more;
        self.bytes = bytes;
        Ok(())
    }

    /// Ends the reservation after the item was charged; `now_used` is the usage in the database.
    pub(crate) fn commit(self, now_used: Usage) {
        let mut member = self.member.lock();
        // Results may arrive out of order. The one that has counted more uploads is the newer.
        if now_used.items >= member.used.items || now_used.hour_began_at > member.used.hour_began_at {
            member.used = now_used;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut member = self.member.lock();
        member.reserved.bytes -= self.bytes;
        member.reserved.uploads -= 1;
    }
}

//! The state that all handlers of media share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use service::BootError;
use service::Context;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::ingest::{HeaderBudget, ReadSlots};
use crate::list_limiter::ListLimiter;
use crate::metrics::Metrics;
use crate::model::quiet_hours::QuietHours;
use crate::object_keys::KeyPool;
use crate::queries::picture_list::PictureList;
use crate::quota::Quota;
use crate::upload_locks::UploadLocks;

/// Files that are inspected at once. The work is bound by processors, so more would only take threads.
const MAX_CONCURRENT_INSPECTIONS: usize = 16;

/// Claims that write at once in this process. Each may hold a hundred locks, of which PostgreSQL has some thousands for
/// all connections together (`max_locks_per_transaction`).
const MAX_CONCURRENT_CLAIMS: usize = 4;

/// The shared state. Clones refer to the same state.
#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) object_keys: KeyPool,
    pub(crate) quota: Quota,
    /// Limits the library pages that are read at once.
    pub(crate) list_limiter: ListLimiter,
    /// Limits the pages of public items that visitors read at once, apart from those of members.
    pub(crate) public_list_limiter: ListLimiter,
    pub(crate) header_budget: HeaderBudget,
    pub(crate) upload_permits: Arc<Semaphore>,
    pub(crate) read_slots: ReadSlots,
    pub(crate) inspections: Semaphore,
    pub(crate) claim_permits: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) upload_locks: UploadLocks,
    /// What may not be shown here.
    pub(crate) picture_list: PictureList,
    /// The hours of the night shift; `None` if it is off.
    pub(crate) night: Option<QuietHours>,
}

impl std::ops::Deref for Media {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Builds the state and starts the removal of orphaned objects.
pub(crate) async fn build(context: Context) -> Result<Media, BootError> {
    let config: Config = context.config.section("media")?;
    let object_keys = KeyPool::open(&context).await?;
    let media = Media(Arc::new(Inner {
        quota: Quota::new(&context, &config),
        list_limiter: ListLimiter::new(&config),
        public_list_limiter: ListLimiter::for_visitors(&config),
        header_budget: HeaderBudget::new(config.header_budget_bytes),
        upload_permits: Arc::new(Semaphore::new(config.max_concurrent_uploads)),
        read_slots: ReadSlots::new(config.max_concurrent_body_reads),
        inspections: Semaphore::new(MAX_CONCURRENT_INSPECTIONS),
        claim_permits: Semaphore::new(MAX_CONCURRENT_CLAIMS),
        upload_locks: UploadLocks::default(),
        picture_list: PictureList::default(),
        night: config.night()?,
        metrics: Metrics::new(&context.metrics),
        object_keys,
        context,
        config,
    }));
    media.object_keys.orphans().start(&media.context.tasks);
    Ok(media)
}

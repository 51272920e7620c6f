//! The state that all handlers of media share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use kit::Context;
use kit::service::BootError;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::{ingest, metrics, object_keys, quota, uploads};

/// The shared state. Clones refer to the same state.
#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) object_keys: object_keys::KeyPool,
    pub(crate) quota: quota::Quota,
    pub(crate) header_budget: ingest::HeaderBudget,
    pub(crate) upload_permits: Arc<Semaphore>,
    pub(crate) read_slots: ingest::ReadSlots,
    pub(crate) inspections: Semaphore,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) upload_locks: uploads::UploadLocks,
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
    let object_keys = object_keys::KeyPool::open(&context).await?;
    let media = Media(Arc::new(Inner {
        quota: quota::Quota::new(&context, &config),
        header_budget: ingest::HeaderBudget::new(config.header_budget_bytes),
        upload_permits: Arc::new(Semaphore::new(config.max_concurrent_uploads)),
        read_slots: ingest::ReadSlots::new(config.max_concurrent_body_reads),
        inspections: Semaphore::new(ingest::MAX_CONCURRENT_INSPECTIONS),
        upload_locks: uploads::UploadLocks::default(),
        metrics: metrics::Metrics::new(&context.metrics),
        object_keys,
        context,
        config,
    }));
    media.object_keys.orphans().start(&media.context.tasks);
    Ok(media)
}

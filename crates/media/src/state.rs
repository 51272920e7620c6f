//! What every handler of the role shares, and how it is put together.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use kit::Context;
use kit::service::BootError;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::{figures, ingest, keys, quota, uploads};

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Media(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) keys: keys::Keys,
    pub(crate) quota: quota::Quota,
    pub(crate) heads: ingest::HeadMemory,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) turns: ingest::Turns,
    pub(crate) inspections: Semaphore,
    pub(crate) figures: figures::Figures,
    pub(crate) holds: uploads::Holds,
}

impl std::ops::Deref for Media {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Puts it together.
pub(crate) async fn build(context: Context) -> Result<Media, BootError> {
    let config: Config = context.config.section("media")?;
    let keys = keys::Keys::open(&context).await?;
    let media = Media(Arc::new(Inner {
        quota: quota::Quota::new(&context, &config),
        heads: ingest::HeadMemory::new(config.head_memory_bytes),
        places: Arc::new(Semaphore::new(config.uploads_at_once)),
        turns: ingest::Turns::new(config.bodies_at_once),
        inspections: Semaphore::new(ingest::INSPECTIONS),
        holds: uploads::Holds::default(),
        figures: figures::Figures::new(&context.metrics),
        keys,
        context,
        config,
    }));
    media.keys.orphans().start(&media.context.tasks);
    Ok(media)
}

//! The state of a worker: what the commands, the tasks and the handlers of this process share.
//!
//! Owns the detected programs and the register of running tasks. Invariant: while a task of an item runs here, the
//! item's deletion cancels it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use contract::MediaId;
use objects::Orphans;
use objects::orphans::Policy;
use parking_lot::Mutex;
use screening::classifier::{Classifier, Picture};
use service::BootError;
use service::Context;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::classifier::ClassifierSettings;
use crate::config::Config;
use crate::ffmpeg::{ToolOptions, Tools};
use crate::metrics::Metrics;
use crate::store;
use crate::work::permits::Permits;
use crate::work::staging::Staging;

/// Objects of a process that never came back are removed after this time. A task that takes this long for one batch of
/// files is not alive.
const ABANDONED: TimeDelta = TimeDelta::hours(6);

/// A worker; clones share their state.
#[derive(Clone)]
pub(crate) struct Worker(Arc<Inner>);

pub(crate) struct Inner {
    pub context: Context,
    pub config: Config,
    pub staging: Staging,
    pub orphans: Orphans,
    tools: OnceCell<Arc<Tools>>,
    pub classifiers: ClassifierSettings,
    pictures: OnceCell<Option<Arc<dyn Classifier<Picture>>>>,
    pub metrics: Metrics,
    pub permits: Permits,
    running: Mutex<HashMap<MediaId, RunningItem>>,
}

/// An item with running tasks.
struct RunningItem {
    cancel: CancellationToken,
    tasks: usize,
}

impl std::ops::Deref for Worker {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Registers that a task of an item is running here, until it is dropped.
pub(crate) struct Running {
    worker: Worker,
    media: MediaId,
    /// Cancelled when the item is gone.
    pub cancel: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.worker.running.lock();
        if let Some(item) = running.get_mut(&self.media) {
            item.tasks -= 1;
            if item.tasks == 0 {
                running.remove(&self.media);
            }
        }
    }
}

impl Worker {
    /// Returns a worker with the identity that this instance's folder holds.
    pub async fn open(context: Context, config: Config) -> Result<Self, BootError> {
        let policy = Policy { columns: store::NAMES, abandoned_after: ABANDONED };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy)
            .await
            .map_err(|error| BootError::Io("the identity of this instance".into(), error))?;
        let metrics = Metrics::new(&context.metrics);
        let classifiers = ClassifierSettings::of(&context)?;
        let staging = Staging::new(context.scratch(), config.max_staging_bytes);
        Ok(Self(Arc::new(Inner {
            context,
            config,
            staging,
            orphans,
            tools: OnceCell::new(),
            classifiers,
            pictures: OnceCell::new(),
            permits: Permits::new(metrics.clone()),
            metrics,
            running: Mutex::default(),
        })))
    }

    /// Starts the sweeps of unreferenced objects and of local copies, and detects the programs.
    pub fn start(&self) {
        let tasks = &self.context.tasks;
        self.orphans.start(tasks);
        let (copies, stop) = (self.staging.clone(), tasks.token());
        tasks.spawn(async move { copies.sweep(stop).await });
        let detector = self.clone();
        tasks.spawn(async move {
            if !detector.tools().await.works {
                tracing::warn!(
                    "ffmpeg or ffprobe cannot be run, so nothing can be converted: install them (see `tutti doctor`), \
                     or list the folders of their libraries in transcode.sandbox_readable"
                );
            }
            detector.pictures().await;
        });
    }

    /// The programs, detected when they are first needed, so that the start does not wait for that.
    pub async fn tools(&self) -> Arc<Tools> {
        let find = || async {
            let config = &self.config;
            let options = ToolOptions {
                ffmpeg: &config.ffmpeg,
                ffprobe: &config.ffprobe,
                heif_convert: &config.heif_convert,
                launcher: config.launcher(),
                memory_bytes: config.total_memory_bytes,
                folder: &self.context.folder,
            };
            let tools = Tools::find(options).await;
            if let Some(launcher) = &tools.launcher {
                launcher.warn();
            }
            Arc::new(tools)
        };
        self.tools.get_or_init(find).await.clone()
    }

    /// The classifier of pictures, if there is one. Its model is started when the first picture comes.
    pub async fn pictures(&self) -> Option<Arc<dyn Classifier<Picture>>> {
        let open = || async {
            let tools = self.tools().await;
            self.classifiers.open(&tools, &self.context.folder).await
        };
        self.pictures.get_or_init(open).await.clone()
    }

    /// Registers a task of an item that is about to run here.
    pub fn register(&self, media: &MediaId) -> Running {
        let mut running = self.running.lock();
        let item = running
            .entry(media.clone())
            .or_insert_with(|| RunningItem { cancel: self.context.tasks.token().child_token(), tasks: 0 });
        // Tasks of an attempt that failed may still be ending when an operator has the item retried.
        if item.cancel.is_cancelled() {
            item.cancel = self.context.tasks.token().child_token();
        }
        item.tasks += 1;
        Running { worker: self.clone(), media: media.clone(), cancel: item.cancel.clone() }
    }

    /// Cancels all tasks of an item here.
    pub fn cancel(&self, media: &MediaId) {
        self.staging.remove(media);
        if let Some(item) = self.running.lock().get(media) {
            item.cancel.cancel();
        }
    }
}

//! The background tasks of a process, and how they end.
//!
//! Invariant: every task that outlives a request is spawned here, so that shutdown can wait for it.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The nice level of background work: a tenth of the processor time of an ordinary thread if both want the same core.
const BACKGROUND_NICE: i32 = 10;

/// Runs heavy work (pixels) on a thread of its own; `None` if it panicked or no thread could be started. Callers bound
/// how many run at once.
///
/// An allocator keeps what a thread has freed for that thread, so big work that wanders over a pool's idle threads
/// leaves some in each: 5,000 photos left 700 MiB (measured, see `bench/RESULTS.md`). A thread that ends returns all of
/// it, and costs some 30 µs.
pub async fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    on_thread(0, work).await
}

/// As [`on_own_thread`], for work that no request waits for: it takes the processor time that others leave.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    on_thread(BACKGROUND_NICE, work).await
}

/// As [`on_own_thread`], at a nice level of 0 to 19.
pub async fn on_thread<T: Send + 'static>(nice: i32, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (result_sender, result) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("heavy".into()).spawn(move || {
        if nice > 0 {
            // Linux applies it to the calling thread alone. If it is refused, the work is done all the same.
            let _ = rustix::process::setpriority_process(None, nice);
        }
        // The caller may be gone.
        let _ = result_sender.send(work());
    });
    thread.ok()?;
    result.await.ok()
}

/// Spawns background tasks and ends them together.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Spawns a task that must end soon after [`Tasks::stopping`] resolves.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Resolves when the process begins to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the process is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The token behind [`Tasks::stopping`], for `select!` and children.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Sleeps for `time`, or less if the process begins to stop. Returns `true` if the sleep was complete.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stopping() => false,
        }
    }

    /// Tells every task to end and waits for them at most `grace`. Returns `true` if all ended.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

//! Group sync: files that wait for the disk together are made durable together.
//!
//! One file is synced with `fsync` of itself and its folder. Many at once cost the disk one `syncfs(2)` for all of
//! them, which waits for everything written before it on that file system and (since Linux 5.8) reports errors met
//! since the descriptor was opened. Invariant: a caller's sync began after its last byte had been written.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

/// From this number of files on, one `syncfs` is cheaper than an `fsync` each (measured; see `bench/RESULTS.md`).
const MIN_GROUP_FILES: usize = 6;
const MAX_WAITING: usize = 8192;

struct Request {
    file: Arc<File>,
    folder: PathBuf,
    result: oneshot::Sender<std::io::Result<()>>,
}

#[derive(Clone)]
pub(super) struct Syncer(mpsc::Sender<Request>);

impl Syncer {
    /// Starts the thread that syncs; it ends with the last `Syncer`.
    pub(super) fn start(root: &Path) -> std::io::Result<Self> {
        let (requests, mut waiting) = mpsc::channel::<Request>(MAX_WAITING);
        let root = File::open(root)?;
        std::thread::Builder::new().name("objects-sync".into()).spawn(move || {
            let mut group = Vec::new();
            while waiting.blocking_recv_many(&mut group, MAX_WAITING) > 0 {
                sync(&root, std::mem::take(&mut group));
            }
        })?;
        Ok(Self(requests))
    }

    /// Returns when `file` and its entry in `folder` are on the disk.
    pub(super) async fn sync(&self, file: Arc<File>, folder: PathBuf) -> std::io::Result<()> {
        let (result, received) = oneshot::channel();
        let gone = || std::io::Error::other("the sync thread is gone");
        self.0.send(Request { file, folder, result }).await.map_err(|_| gone())?;
        received.await.map_err(|_| gone())?
    }
}

fn sync(root: &File, group: Vec<Request>) {
    if group.len() >= MIN_GROUP_FILES {
        match rustix::fs::syncfs(root) {
            Ok(()) => return group.into_iter().for_each(|request| drop(request.result.send(Ok(())))),
            // Which file failed is unknown: each is synced for itself.
            Err(error) => tracing::warn!(%error, files = group.len(), "a group sync failed; syncing one by one"),
        }
    }
    let mut folders = BTreeSet::new();
    let synced: Vec<_> = group
        .into_iter()
        .map(|request| {
            let mut result = request.file.sync_all();
            if result.is_ok() && !folders.contains(&request.folder) {
                result =
                    File::open(&request.folder).and_then(|folder| folder.sync_all()).and_then(|()| root.sync_all());
                if result.is_ok() {
                    folders.insert(request.folder);
                }
            }
            (request.result, result)
        })
        .collect();
    synced.into_iter().for_each(|(sender, result)| drop(sender.send(result)));
}

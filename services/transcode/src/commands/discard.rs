//! Removes objects that no row references.

use contract::ObjectKey;

use crate::state::Worker;

/// Removes unreferenced objects; the sweep removes those that cannot be removed now.
pub(crate) async fn discard(worker: &Worker, objects: &[ObjectKey]) {
    if let Err(error) = worker.orphans.remove(objects).await {
        tracing::warn!(%error, "unreferenced objects could not be removed; the sweep removes them later");
    }
}

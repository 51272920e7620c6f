//! Objects that become durable together, for a caller that stores many and acknowledges none of them by itself.
//!
//! One wait for the disk serves hundreds of objects. What a power cut leaves of those that were not synced may be
//! whole, torn or missing: the caller compares it with what it should be, or stores it again. Invariant: when
//! [`Batch::sync`] returns, every object that was finished before the call survives a power cut.

use super::{Barrier, Error, ObjectKey, Objects, Writer};

/// See the module.
pub struct Batch {
    store: Objects,
    /// None if each object is durable when it is finished.
    barrier: Option<Box<dyn Barrier>>,
}

impl Batch {
    pub(super) fn new(store: Objects, barrier: Option<Box<dyn Barrier>>) -> Self {
        Self { store, barrier }
    }

    /// Starts an object of the batch under this key. [`Writer::finish`] completes it, and [`Batch::sync`] makes it
    /// durable.
    pub async fn create_as(&self, key: ObjectKey) -> Result<Writer, Error> {
        Ok(self.store.create_as(key).await?.in_batch())
    }

    /// Makes durable what was finished before the call; more may be stored afterwards, and meanwhile. After an error,
    /// nothing that was finished since the last success may count as stored.
    pub async fn sync(&self) -> Result<(), Error> {
        match &self.barrier {
            Some(barrier) => barrier.sync().await,
            None => Ok(()),
        }
    }
}

//! Queries to `media` and `transcode`, for facts whose events have not arrived.
//!
//! Invariant: at most [`MAX_CONCURRENT_QUERIES`] run at once, however many readers miss.

use contract::MediaId;
use contract::media::{FindReceived, Received};
use contract::transcode::{FindPlayback, Published};
use peer::Peers;
use tokio::sync::Semaphore;

use crate::error::Error;

/// Requests to peers at once.
const MAX_CONCURRENT_QUERIES: usize = 32;

/// The queries.
pub(crate) struct PeerQueries {
    peers: Peers,
    permits: Semaphore,
}

impl PeerQueries {
    pub fn new(peers: Peers) -> Self {
        Self { peers, permits: Semaphore::new(MAX_CONCURRENT_QUERIES) }
    }

    /// Returns the item as `media` has it now; `None` if there is none.
    pub async fn find_received(&self, id: &MediaId) -> Result<Option<Received>, Error> {
        let _permit = self.permits.acquire().await.map_err(|_| Error::Busy)?;
        Ok(self.peers.ask(&FindReceived(id.clone())).await?)
    }

    /// Returns everything that `transcode` has published of an item. `None` also where it does not respond: for a photo
    /// nothing published is the normal state.
    pub async fn find_published(&self, id: &MediaId) -> Option<Published> {
        let _permit = self.permits.acquire().await.ok()?;
        match self.peers.ask(&FindPlayback(id.clone())).await {
            Ok(found) => found.filter(|found| found.id == *id),
            Err(error) => {
                tracing::debug!(media.id = %id, %error, "transcode did not respond");
                None
            }
        }
    }
}

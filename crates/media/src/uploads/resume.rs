//! Resumes an upload from its last checkpoint.
//!
//! Invariant: the hash continues from exactly the bytes that are stored. Where its saved state cannot be read, the
//! bytes are hashed again.

use codec::header::HEADER_BYTES;
use codec::sniff::Kind;
use futures::TryStreamExt as _;
use kit::objects::Checkpoint;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256};

use crate::Media;
use crate::error::Error;
use crate::ingest::{Ingest, Probe};
use crate::store;
use crate::store::uploads::Upload;

/// Returns the serialized state of a hash.
pub(super) fn hash_state(hash: &Sha256) -> Vec<u8> {
    hash.serialize().to_vec()
}

fn parse_hash_state(state: &[u8]) -> Option<Sha256> {
    let state: &SerializedState<Sha256> = state.try_into().ok()?;
    Sha256::deserialize(state).ok()
}

impl Media {
    /// Returns the ingest of an upload, from the offset in its row.
    pub(super) async fn resume_ingest(&self, upload: &Upload) -> Result<Ingest, Error> {
        let Some(checkpoint) = upload.checkpoint.clone() else {
            return Ingest::begin(self, upload.owner, Some(upload.length)).await;
        };
        let resumed = self.restore(upload, checkpoint.clone()).await;
        if let Err(Error::Objects(kit::objects::Error::Missing)) = resumed {
            tracing::error!(upload.id = upload.id, "the stored bytes of an upload are missing; it starts again");
            let (fence, lost, now) = (upload.fence(), checkpoint.key, self.context.clock.now());
            let reset = self.context.db.write(move |tx| {
                Box::pin(async move {
                    store::uploads::reset(tx, &fence).await?;
                    // Some of it may still exist.
                    store::objects::orphan_unless_referenced(tx, &lost, now).await
                })
            });
            let reset: Result<bool, kit::db::Error> = reset.await;
            reset?;
            return Err(Error::WrongOffset(0));
        }
        resumed
    }

    async fn restore(&self, upload: &Upload, checkpoint: Checkpoint) -> Result<Ingest, Error> {
        let saved_hash = upload.hash_state.as_deref().and_then(parse_hash_state);
        // A header that may have more to tell is probed again.
        let must_reprobe =
            upload.format.is_none_or(|format| format.kind() == Kind::Photo) && checkpoint.bytes <= HEADER_BYTES as u64;
        let (hash, probe) = match saved_hash {
            Some(hash) if !must_reprobe => (hash, Probe::deferred(upload.format)),
            saved_hash => {
                let mut hash = Sha256::new();
                let mut probe =
                    if must_reprobe { Probe::new(&self.header_budget) } else { Probe::deferred(upload.format) };
                let mut chunks = self.context.objects.read_back(&checkpoint).await?;
                while let Some(chunk) = chunks.try_next().await? {
                    if saved_hash.is_none() {
                        hash.update(&chunk);
                    }
                    probe.push(&self.config, &chunk, upload.length)?;
                }
                (saved_hash.unwrap_or(hash), probe)
            }
        };
        Ingest::resume(self, upload.owner, upload.length, checkpoint, hash, probe).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_continues_from_its_saved_state() {
        let data: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        for cut in [0, 1, 63, 64, 65, 999] {
            let mut first = Sha256::new();
            first.update(&data[..cut]);
            let mut second = parse_hash_state(&hash_state(&first)).unwrap();
            second.update(&data[cut..]);
            assert_eq!(second.finalize(), Sha256::digest(&data));
        }
        assert!(parse_hash_state(b"nonsense").is_none());
    }
}

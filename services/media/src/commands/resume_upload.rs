//! Resumes an upload from its last checkpoint.
//!
//! Invariant: the hash continues from exactly the bytes that are stored. Where its saved state cannot be read, the
//! bytes are hashed again.

use codec::header::HEADER_BYTES;
use codec::sniff::Kind;
use futures::TryStreamExt as _;
use objects::Checkpoint;
use sha2::{Digest as _, Sha256};

use super::reset_upload::reset_upload;
use crate::Media;
use crate::error::Error;
use crate::ingest::{Ingest, Probe};
use crate::model::hash_state;
use crate::store::uploads::Upload;

/// Returns the ingest of an upload, from the offset in its row.
pub(super) async fn resume_upload(media: &Media, upload: &Upload) -> Result<Ingest, Error> {
    let Some(checkpoint) = upload.checkpoint.clone() else {
        return Ingest::begin(media, upload.owner, Some(upload.length)).await;
    };
    let resumed = restore(media, upload, checkpoint.clone()).await;
    if let Err(Error::Objects(objects::Error::Missing)) = resumed {
        tracing::error!(upload.id = upload.id, "the stored bytes of an upload are missing; it starts again");
        reset_upload(media, upload, checkpoint.key).await?;
        return Err(Error::WrongOffset(0));
    }
    resumed
}

async fn restore(media: &Media, upload: &Upload, checkpoint: Checkpoint) -> Result<Ingest, Error> {
    let saved_hash = upload.hash_state.as_deref().and_then(hash_state::from_column);
    // A header that may have more to tell is probed again.
    let must_reprobe =
        upload.format.is_none_or(|format| format.kind() == Kind::Photo) && checkpoint.bytes <= HEADER_BYTES as u64;
    let (hash, probe) = match saved_hash {
        Some(hash) if !must_reprobe => (hash, Probe::deferred(upload.format)),
        saved_hash => {
            let mut hash = Sha256::new();
            let mut probe =
                if must_reprobe { Probe::new(&media.header_budget) } else { Probe::deferred(upload.format) };
            let mut chunks = media.context.objects.read_back(&checkpoint).await?;
            while let Some(chunk) = chunks.try_next().await? {
                if saved_hash.is_none() {
                    hash.update(&chunk);
                }
                probe.push(&media.config, &chunk, upload.length)?;
            }
            (saved_hash.unwrap_or(hash), probe)
        }
    };
    Ingest::resume(media, upload.owner, upload.length, checkpoint, hash, probe).await
}

//! Completes an upload: what it stored becomes an item.
//!
//! Invariant: an upload whose bytes are refused is removed, as resuming it cannot help.

use http_server::Effect;

use super::remove_upload::remove_upload;
use super::resume_upload::resume_upload;
use crate::Media;
use crate::error::Error;
use crate::ingest::{CommitRequest, Ingest, commit};
use crate::model::Item;
use crate::store::uploads::Upload;

/// Completes an upload with an ingest that has all its bytes. Returns the new item.
pub(super) async fn complete_upload(upload: &Upload, ingest: Ingest) -> Result<Item, Error> {
    let request = CommitRequest {
        owner: upload.owner,
        details: upload.details.clone(),
        digest: None,
        upload: Some(upload.fence()),
        // The upload was begun by another request, and completes once.
        effect: Effect::default(),
    };
    commit(ingest, request).await
}

/// Completes an upload whose bytes are all durable already.
pub(super) async fn complete_stored(media: &Media, upload: &Upload) -> Result<(), Error> {
    let ended = match resume_upload(media, upload).await {
        Ok(ingest) => complete_upload(upload, ingest).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = &ended
        && error.is_final()
    {
        remove_upload(media, &upload.id, upload.owner).await?;
    }
    ended
}

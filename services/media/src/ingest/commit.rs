//! Completes an upload: makes its bytes durable, inspects the whole file, and has the item created.
//!
//! Invariant: a commit runs in a task of its own, so a client that disconnects in the last moment changes nothing
//! (but with an `Idempotency-Key`, which is free from then on: then there is no item).
//! Either all of it happens or none, and objects that no row names are removed.

use base::Trace;
use chrono::{DateTime, Utc};
use codec::scrub::ScanIndex;
use codec::sniff::{Format, Kind};
use contract::media::{Kind as ItemKind, Patch};
use contract::{AccountId, MediaId, ObjectKey};
use http_server::Effect;
use sha2::Digest as _;

use super::inspect::{FileInfo, ProbeResult, inspect};
use super::{Destination, Ingest, UploadPermit};
use crate::Media;
use crate::commands::{CompletedUpload, NewItem, create_item, orphan_unreferenced, remove_orphan};
use crate::error::Error;
use crate::model::quota::Usage;
use crate::model::sensitivity::Marks;
use crate::model::{Item, ItemDetails, State};
use crate::object_keys::PooledKey;
use crate::quota::Reservation;
use crate::store;
use crate::store::uploads::Fence;

/// What an upload is committed with.
pub(crate) struct CommitRequest {
    pub owner: AccountId,
    pub details: ItemDetails,
    /// The SHA-256 that the client announced.
    pub digest: Option<[u8; 32]>,
    /// The resumable upload that this completes, if any.
    pub upload: Option<Fence>,
    /// What the request that sent the file does.
    pub effect: Effect,
}

/// Commits an upload whose bytes have all arrived. Returns the new item.
pub(crate) async fn commit(ingest: Ingest, request: CommitRequest) -> Result<Item, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let tasks = ingest.media.context.tasks.clone();
    tasks.spawn(Trace::within(Trace::current(), async move {
        // The caller may have gone; the item exists all the same.
        let _ = sender.send(check_and_commit(ingest, request).await);
    }));
    receiver.await.map_err(|_| Error::TaskFailed)?
}

/// An upload whose bytes are durable.
struct StoredUpload {
    object: ObjectKey,
    key: PooledKey,
    /// The object that the row of the upload names: the same one, or the one that it was made from.
    checkpointed: Option<ObjectKey>,
    bytes: u64,
    sha256: String,
    format: Option<Format>,
    frames: Option<u32>,
    scans: ScanIndex,
    scan_count: Option<u32>,
    media: Media,
    reservation: Reservation,
    /// Released when the commit ends.
    _permit: UploadPermit,
}

async fn check_and_commit(mut ingest: Ingest, request: CommitRequest) -> Result<Item, Error> {
    if let Err(error) = check(&mut ingest, &request).await {
        ingest.discard().await;
        return Err(error);
    }
    let (media, owner, checkpointed) = (ingest.media.clone(), ingest.owner, ingest.checkpointed_object());
    let committed = store_and_record(ingest, request).await;
    if committed.is_err()
        && let Some(checkpointed) = checkpointed
    {
        // Another request may have taken over the upload and removed it while this one still wrote.
        orphan_unreferenced(&media, owner, checkpointed).await;
    }
    committed
}

async fn store_and_record(ingest: Ingest, request: CommitRequest) -> Result<Item, Error> {
    let mut stored = finish_object(ingest).await?;
    match record(&mut stored, request).await {
        Ok((item, usage)) => {
            let StoredUpload { key, object, checkpointed, reservation, media, .. } = stored;
            reservation.commit(usage);
            if key.is_for(&object) && item.object == object {
                key.release();
            } else {
                key.discard().await;
            }
            if let Some(checkpointed) = checkpointed.filter(|key| *key != item.object) {
                // The item's transaction has recorded it as an orphan.
                remove_orphan(&media, checkpointed).await;
            }
            media.metrics.item_accepted(item.kind.as_str(), item.bytes);
            tracing::info!(media.id = %item.id, kind = ?item.kind, size_bytes = item.bytes, "an item was accepted");
            Ok(item)
        }
        // Whether the row was written is unknown: the sweep checks.
        Err(error @ Error::Db(_)) => {
            stored.key.release();
            Err(error)
        }
        Err(error) => {
            stored.key.discard().await;
            Err(error)
        }
    }
}

async fn check(ingest: &mut Ingest, request: &CommitRequest) -> Result<(), Error> {
    if ingest.bytes == 0 {
        return Err(Error::EmptyFile);
    }
    if ingest.expected.is_some_and(|expected| ingest.bytes < expected) {
        return Err(Error::Incomplete);
    }
    ingest.probe.finish(&ingest.media.config)?;
    if request.digest.is_some_and(|digest| digest[..] != ingest.hash.clone().finalize()[..]) {
        return Err(Error::DigestMismatch);
    }
    let sha256 = hex::encode(ingest.hash.clone().finalize());
    if store::blocked_media::is_blocked(ingest.media.context.db.read(), &sha256).await? {
        return Err(Error::Blocked);
    }
    if matches!(ingest.destination, Destination::Buffering(_)) { ingest.open_object().await } else { Ok(()) }
}

async fn finish_object(ingest: Ingest) -> Result<StoredUpload, Error> {
    let Ingest { media, probe, hash, destination, bytes, reservation, permit, .. } = ingest;
    let (writer, mut key, checkpointed) = match destination {
        Destination::Owned(writer, key) => (writer, key, None),
        Destination::Checkpointed(writer, key) => {
            let checkpointed = writer.key().clone();
            (writer, key, Some(checkpointed))
        }
        Destination::Buffering(_) => return Err(Error::TaskFailed),
    };
    key.mark_written();
    let object = writer.finish().await?.key;
    if !key.is_for(&object) {
        key.mark_unused();
    }
    Ok(StoredUpload {
        object,
        key,
        checkpointed,
        bytes,
        sha256: hex::encode(hash.finalize()),
        format: probe.format(),
        frames: probe.frames(),
        scan_count: probe.scan_count(),
        scans: probe.into_scans(),
        media,
        reservation,
        _permit: permit,
    })
}

async fn record(stored: &mut StoredUpload, request: CommitRequest) -> Result<(Item, Usage), Error> {
    let probed = ProbeResult {
        format: stored.format,
        frames: stored.frames,
        scan_count: stored.scan_count,
        scans: std::mem::take(&mut stored.scans),
    };
    let media = &stored.media;
    let info = inspect(media, &stored.object, stored.bytes, probed).await?;
    let now = media.context.clock.now();
    let (item, scrub) = new_item(stored, &request, info, now);
    let checkpointed = stored.checkpointed.clone();
    let new = NewItem {
        item,
        scrub,
        claim_by: request.details.claim_later.then(|| now + media.config.unclaimed_ttl()),
        has_leased_key: stored.key.is_for(&stored.object),
        upload: request.upload.map(|fence| CompletedUpload { fence, checkpointed }),
        effect: request.effect,
    };
    create_item(media, new).await
}

fn new_item(
    stored: &StoredUpload,
    request: &CommitRequest,
    info: FileInfo,
    now: DateTime<Utc>,
) -> (Item, Option<Vec<Patch>>) {
    let kind = match info.kind {
        Kind::Photo => ItemKind::Photo,
        Kind::Audio => ItemKind::Audio,
        Kind::Video => ItemKind::Video,
    };
    let item = Item {
        id: MediaId::new(&stored.media.context.random),
        owner: request.owner,
        name: request.details.name.clone(),
        description: request.details.description.clone(),
        alt: request.details.alt.clone(),
        kind,
        format: info.format.extension().to_owned(),
        content_type: info.format.content_type_as(info.kind).to_owned(),
        state: State::Received,
        visibility: request.details.visibility,
        bytes: stored.bytes,
        sha256: stored.sha256.clone(),
        object: stored.object.clone(),
        has_scrub: info.scrub.is_some(),
        width: info.width,
        height: info.height,
        duration_ms: info.duration_ms,
        orientation: info.orientation,
        tags: request.details.tags.clone(),
        taken_at: info.taken_at,
        camera: info.camera,
        thumbhash: None,
        assets: Vec::new(),
        captions: Vec::new(),
        percent: None,
        remaining_ms: None,
        failure: None,
        claimed: !request.details.claim_later,
        subject: None,
        trashed: None,
        withheld: None,
        marks: Marks::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    (item, info.scrub)
}

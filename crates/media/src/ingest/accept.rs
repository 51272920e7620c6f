//! The end of an upload: durable bytes, a second look, then row, quota and event in one transaction.
//!
//! Invariant: it runs in a task of its own, so a sender that vanishes in the last moment changes nothing: either all of it
//! happens or none, and what is not named by a row is removed.

use codec::scrub::Scans;
use codec::sniff::{Format, Kind};
use contract::media::{Kind as Sort, Patch};
use contract::{AccountId, MediaId, ObjectKey};
use kit::db::Tx;
use kit::objects::orphans;
use sha2::Digest as _;

use super::inspect::{Found, Seen, inspect};
use super::{Ingest, Place, Taken};
use crate::Media;
use crate::error::Error;
use crate::jobs::{reconsider, remove_orphan};
use crate::keys::HeldKey;
use crate::model::{Details, Item, State};
use crate::quota::{self, Reservation};
use crate::store;
use crate::store::uploads::Fence;
use crate::store::usage::Addition;

/// How an upload ends.
pub(crate) struct Finish {
    pub owner: AccountId,
    pub details: Details,
    /// What the sender says the SHA-256 is.
    pub digest: Option<[u8; 32]>,
    /// The resumable upload that this completes.
    pub upload: Option<Fence>,
}

/// Accepts an upload whose bytes have all arrived.
pub(crate) async fn accept(ingest: Ingest, finish: Finish) -> Result<Item, Error> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let tasks = ingest.media.context.tasks.clone();
    tasks.spawn(async move {
        // Whoever asked may have gone; the item stands all the same.
        let _ = answer.send(run(ingest, finish).await);
    });
    answered.await.map_err(|_| Error::Worker)?
}

/// The bytes, safe.
struct Safe {
    object: ObjectKey,
    held: HeldKey,
    /// What an upload's row names: the same object, or what it was made of.
    unfinished: Option<ObjectKey>,
    bytes: u64,
    sha256: String,
    format: Option<Format>,
    frames: Option<u32>,
    scans: Scans,
    scan_count: Option<u32>,
    media: Media,
    reservation: Reservation,
    /// Given back when all is done.
    _taken: Taken,
}

async fn run(mut ingest: Ingest, finish: Finish) -> Result<Item, Error> {
    if let Err(error) = checks(&mut ingest, &finish).await {
        ingest.discard().await;
        return Err(error);
    }
    let (media, unfinished) = (ingest.media.clone(), ingest.unfinished());
    let ended = end(ingest, finish).await;
    if ended.is_err()
        && let Some(unfinished) = unfinished
    {
        // Another request may have gone on with the upload and removed it while this one still wrote.
        reconsider(&media, unfinished).await;
    }
    ended
}

async fn end(ingest: Ingest, finish: Finish) -> Result<Item, Error> {
    let mut safe = secure(ingest).await?;
    match record(&mut safe, finish).await {
        Ok((item, usage)) => {
            let Safe { held, object, unfinished, reservation, media, .. } = safe;
            reservation.spend(usage);
            if held.is(&object) && item.object == object {
                held.settle();
            } else {
                held.discard().await;
            }
            if let Some(unfinished) = unfinished.filter(|key| *key != item.object) {
                // Its row as an orphan was written with the item.
                remove_orphan(&media, unfinished).await;
            }
            media.figures.accepted(item.kind.as_str(), item.bytes);
            tracing::info!(media.id = %item.id, kind = ?item.kind, size_bytes = item.bytes, "an item was accepted");
            Ok(item)
        }
        // Whether the row was written, nobody may know: the sweep looks.
        Err(error @ Error::Db(_)) => {
            safe.held.settle();
            Err(error)
        }
        Err(error) => {
            safe.held.discard().await;
            Err(error)
        }
    }
}

async fn checks(ingest: &mut Ingest, finish: &Finish) -> Result<(), Error> {
    if ingest.bytes == 0 {
        return Err(Error::Empty);
    }
    if ingest.expected.is_some_and(|expected| ingest.bytes < expected) {
        return Err(Error::Incomplete);
    }
    ingest.look.end(&ingest.media.config)?;
    if finish.digest.is_some_and(|digest| digest[..] != ingest.hash.clone().finalize()[..]) {
        return Err(Error::DigestMismatch);
    }
    if matches!(ingest.place, Place::Waiting(_)) { ingest.open().await } else { Ok(()) }
}

async fn secure(ingest: Ingest) -> Result<Safe, Error> {
    let Ingest { media, look, hash, place, bytes, reservation, place_taken, .. } = ingest;
    let (writer, mut held, unfinished) = match place {
        Place::Own(writer, held) => (writer, held, None),
        Place::Kept(writer, held) => {
            let unfinished = writer.key().clone();
            (writer, held, Some(unfinished))
        }
        Place::Waiting(_) => return Err(Error::Worker),
    };
    held.ends();
    let object = writer.finish().await?.key;
    if !held.is(&object) {
        held.ended_elsewhere();
    }
    Ok(Safe {
        object,
        held,
        unfinished,
        bytes,
        sha256: hex::encode(hash.finalize()),
        format: look.format(),
        frames: look.frames(),
        scan_count: look.scan_count(),
        scans: look.into_scans(),
        media,
        reservation,
        _taken: place_taken,
    })
}

async fn record(safe: &mut Safe, finish: Finish) -> Result<(Item, store::usage::Usage), Error> {
    let seen = Seen { format: safe.format, frames: safe.frames, scan_count: safe.scan_count, scans: std::mem::take(&mut safe.scans) };
    let found = inspect(&safe.media, &safe.object, safe.bytes, seen).await?;
    let now = safe.media.context.clock.now();
    let claim_by = finish.details.claim_later.then(|| now + safe.media.config.unclaimed_for());
    let (mut item, scrub) = new_item(safe, &finish, found, now);
    let (most, unfinished, is_new) = (safe.media.quota.most(), safe.unfinished.clone(), safe.held.is(&safe.object));
    safe.media
        .context
        .db
        .write(move |tx| {
            Box::pin(async move {
                let upload = finish.upload.as_ref().map(|fence| fence.id.clone());
                let usage = quota::spend(tx, &Addition { owner: item.owner, bytes: item.bytes, upload }, most, now).await?;
                let named = store::items::insert(tx, &item, scrub.as_deref(), claim_by).await?;
                let stored = std::mem::replace(&mut item.object, named);
                if is_new && item.object == stored {
                    orphans::named_all(tx, &[stored]).await?;
                }
                if let Some(fence) = &finish.upload {
                    complete(tx, fence, &item, unfinished.as_ref(), now).await?;
                }
                tx.publish(&item.received(scrub), now)?;
                Ok::<_, Error>((item, usage))
            })
        })
        .await
}

/// Notes on the upload that it became this item, unless somebody else has gone on with it.
async fn complete(tx: &Tx, fence: &Fence, item: &Item, unfinished: Option<&ObjectKey>, now: chrono::DateTime<chrono::Utc>) -> Result<(), Error> {
    if !store::uploads::complete(tx, fence, &item.id).await? {
        return Err(Error::TakenOver);
    }
    if let Some(unfinished) = unfinished.filter(|key| **key != item.object) {
        store::objects::orphan_unless_named(tx, unfinished, now).await?;
    }
    Ok(())
}

fn new_item(safe: &Safe, finish: &Finish, found: Found, now: chrono::DateTime<chrono::Utc>) -> (Item, Option<Vec<Patch>>) {
    let kind = match found.kind {
        Kind::Photo => Sort::Photo,
        Kind::Audio => Sort::Audio,
        Kind::Video => Sort::Video,
    };
    let item = Item {
        id: MediaId::random(),
        owner: finish.owner,
        name: finish.details.name.clone(),
        kind,
        format: found.format.extension().to_owned(),
        content_type: found.format.content_type_as(found.kind).to_owned(),
        state: State::Received,
        visibility: finish.details.visibility,
        bytes: safe.bytes,
        sha256: safe.sha256.clone(),
        object: safe.object.clone(),
        has_scrub: found.scrub.is_some(),
        width: found.width,
        height: found.height,
        duration_ms: found.duration_ms,
        orientation: found.orientation,
        tags: finish.details.tags.clone(),
        taken_at: found.taken_at,
        camera: found.camera,
        thumbhash: None,
        assets: Vec::new(),
        percent: None,
        remaining_ms: None,
        failure: None,
        claimed: !finish.details.claim_later,
        subject: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    (item, found.scrub)
}

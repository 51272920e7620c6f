//! Stores a photo in fewer bytes.
//!
//! Invariant: the new original has the pixels, the size, the orientation and the metadata of the old one, and the same
//! overlays can hide them; it is durable before a row names it. All items of the owner that share the object change in
//! one transaction, with their quota and their events. If the owner has the new bytes already, the items share that
//! object.

use base::Transient as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use codec::pixels::{self, Interrupt};
use codec::scrub::ScanIndex;
use codec::sniff::Format;
use contract::media::Recompressed;
use contract::{MediaId, ObjectKey};
use db::Lane;
use db::schedule::Run;
use objects::orphans;
use sha2::{Digest as _, Sha256};

use crate::Media;
use crate::error::Error;
use crate::ingest::{FileInfo, ProbeResult, inspect};
use crate::item_topic::notify;
use crate::model::{Item, State};
use crate::object_keys::PooledKey;
use crate::store;
use crate::store::night_shift::NewOriginal;

/// Items that may share an object; one that more items share stays as it is.
const MAX_ITEMS: usize = 50;

/// What came of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recompression {
    /// It stays as it is.
    Kept,
    /// It has other bytes now: so many for the photo, instead of so many.
    Replaced {
        /// Before.
        before: u64,
        /// Now.
        after: u64,
    },
    /// It is being changed, and examined another night.
    Postponed,
}

/// Cancels the work on another thread when its caller is gone.
struct CancelOnDrop(Interrupt);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Stores a photo in fewer bytes, if that is possible. Can be dropped at any time.
pub(crate) async fn recompress_item(media: &Media, run: &Run, item: &Item) -> Result<Recompression, Error> {
    let sharing = store::night_shift::list_by_object(media.context.db.read(), item.owner, &item.object).await?;
    if sharing.is_empty() || sharing.iter().any(|item| item.state != State::Ready) {
        return Ok(Recompression::Postponed);
    }
    let original = match media.context.objects.get(&item.object, item.bytes).await {
        Ok(original) => original,
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => {
            tracing::error!(media.id = %item.id, object = %item.object, %error, "an original can't be read");
            return keep(media, item).await;
        }
    };
    let new = if sharing.len() > MAX_ITEMS { None } else { shorter(item, original).await? };
    let Some(new) = new else { return keep(media, item).await };
    let mut key = media.object_keys.acquire().await?;
    match store_and_replace(media, run, item, &sharing, &mut key, new).await {
        Ok(Stored::Replaced { after, is_named }) => {
            if is_named {
                key.release();
            } else {
                key.discard().await;
            }
            sharing.iter().for_each(|item| notify(media, &item.id));
            Ok(Recompression::Replaced { before: item.bytes, after })
        }
        Ok(Stored::Differs) => {
            key.discard().await;
            tracing::warn!(media.id = %item.id, "a recompressed photo has other metadata; it stays as it was");
            keep(media, item).await
        }
        Ok(Stored::Moved) => {
            key.discard().await;
            Ok(Recompression::Postponed)
        }
        // Whether the rows were written is unknown: the sweep checks.
        Err(error @ Error::Db(_)) => {
            key.release();
            Err(error)
        }
        Err(error) => {
            key.discard().await;
            if error.is_transient() {
                return Err(error);
            }
            tracing::warn!(media.id = %item.id, %error, "a recompressed photo was refused; it stays as it was");
            keep(media, item).await
        }
    }
}

/// Returns the photo in fewer bytes.
async fn shorter(item: &Item, original: Bytes) -> Result<Option<Bytes>, Error> {
    let (sha256, cancel) = (item.sha256.clone(), CancelOnDrop(Interrupt::default()));
    let interrupt = cancel.0.clone();
    let made = base::tasks::in_background(move || {
        let is_intact = hex::encode(Sha256::digest(&original)) == sha256;
        is_intact.then(|| pixels::recompress(&original, &interrupt))
    });
    match made.await.ok_or(Error::TaskFailed)? {
        Some(Ok(made)) => Ok(made.map(Bytes::from)),
        Some(Err(error)) => {
            tracing::error!(media.id = %item.id, %error, "a photo was not recompressed");
            Ok(None)
        }
        None => {
            tracing::error!(media.id = %item.id, object = %item.object, "an original does not have its digest");
            Ok(None)
        }
    }
}

/// Marks an item as examined.
async fn keep(media: &Media, item: &Item) -> Result<Recompression, Error> {
    let (id, now) = (item.id.clone(), media.context.clock.now());
    let lane = Lane::of(&item.owner).and(&id);
    media.context.db.write(lane, async move |tx| store::night_shift::set_examined(tx, &id, now).await).await?;
    Ok(Recompression::Kept)
}

/// What became of new bytes.
enum Stored {
    /// Items have them, under the new key or under one that the owner has already.
    Replaced { after: u64, is_named: bool },
    /// They are not those of the same photo.
    Differs,
    /// Other items have the object now, or none.
    Moved,
}

async fn store_and_replace(
    media: &Media,
    run: &Run,
    item: &Item,
    sharing: &[Item],
    key: &mut PooledKey,
    new: Bytes,
) -> Result<Stored, Error> {
    let (bytes, sha256) = (new.len() as u64, hex::encode(Sha256::digest(&new)));
    let mut writer = key.create_object().await?;
    writer.write(new).await?;
    let object = writer.finish().await?.key;
    let format: Format = item.format.parse().map_err(|_| db::Error::Corrupt("an item's format"))?;
    let probed = ProbeResult { format: Some(format), frames: None, scan_count: None, scans: ScanIndex::default() };
    let info = inspect(media, &object, bytes, probed).await?;
    if !is_same_photo(item, &info) {
        return Ok(Stored::Differs);
    }
    let original = NewOriginal { object, bytes, sha256, scrub: info.scrub };
    replace(media, run, item, sharing, original).await
}

/// Whether a file states of itself what the item has.
fn is_same_photo(item: &Item, info: &FileInfo) -> bool {
    let seconds = |at: DateTime<Utc>| at.timestamp();
    (info.width, info.height, info.orientation) == (item.width, item.height, item.orientation)
        && info.taken_at.map(seconds) == item.taken_at.map(seconds)
        && info.camera == item.camera
        && info.scrub.is_some() == item.has_scrub
}

async fn replace(media: &Media, run: &Run, item: &Item, sharing: &[Item], new: NewOriginal) -> Result<Stored, Error> {
    let ids: Vec<MediaId> = sharing.iter().map(|item| item.id.clone()).collect();
    let lane = ids.iter().fold(Lane::of(&item.owner), Lane::and);
    let (run, owner, old, now) = (run.clone(), item.owner, item.object.clone(), media.context.clock.now());
    let before = item.bytes;
    media
        .context
        .db
        .write(lane, async move |tx| {
            run.fence(tx).await?;
            let sharing = store::night_shift::list_by_object(tx, owner, &old).await?;
            if !sharing.iter().map(|item| &item.id).eq(&ids) {
                return Ok(Stored::Moved);
            }
            let same = store::night_shift::find_same(tx, owner, &new.sha256).await?;
            let is_named = same.is_none();
            let new = NewOriginal { object: same.unwrap_or_else(|| new.object.clone()), ..new };
            let items = store::night_shift::replace(tx, owner, &old, &new, now).await?;
            store::usage::change_bytes(tx, owner, items * before, items * new.bytes).await?;
            if is_named {
                orphans::mark_all_referenced(tx, std::slice::from_ref(&new.object)).await?;
            }
            for id in ids {
                tx.publish(&event(id, &old, &new), now)?;
            }
            Ok::<_, Error>(Stored::Replaced { after: new.bytes, is_named })
        })
        .await
}

fn event(id: MediaId, old: &ObjectKey, new: &NewOriginal) -> Recompressed {
    Recompressed {
        id,
        replaced: old.clone(),
        object: new.object.clone(),
        bytes: new.bytes,
        sha256: new.sha256.clone(),
        scrub: new.scrub.clone(),
    }
}

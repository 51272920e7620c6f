//! Adding to the list of pictures that may not be shown here, and removing from it, as operators do.
//!
//! Invariant: each is in the audit trail, by counts and ids. An import may be sent again: what is listed stays as it
//! is, so one that was interrupted is completed.

use db::{Lane, chunk_size};
use http_server::operators::{Act, Actor};
use screening::pdq::Pdq;
use serde_json::json;
use uuid::Uuid;

use crate::Media;
use crate::error::Error;
use crate::store::listed_pictures::{self, IMPORTED, LANE, ListedPicture, NewEntry};

/// The entries of the list from which on none is imported. A comparison reads all of them.
const MAX_ENTRIES: u64 = 200_000;
/// The most entries of one transaction.
const BATCH: usize = 256;

/// Adds hashes to the list, and returns how many of them were not on it.
pub(crate) async fn list_pictures(
    media: &Media,
    actor: Actor,
    hashes: &[Pdq],
    note: &str,
    reason: &str,
) -> Result<u64, Error> {
    let (db, random) = (&media.context.db, &media.context.random);
    let before = listed_pictures::count(db.read()).await?;
    let now = media.context.clock.now();
    let act = Act::new(actor, "media.pictures_listed", now).because(reason);
    let mut act = Some(act.change(json!(null), json!({ "hashes": hashes.len(), "note": note })));
    let (mut added, mut left) = (0, hashes);
    while !left.is_empty() {
        let (batch, rest) = left.split_at(chunk_size(left.len()).min(BATCH));
        left = rest;
        if before + added >= MAX_ENTRIES {
            return Err(Error::HashListFull(MAX_ENTRIES));
        }
        let entries = batch.iter().map(|hash| NewEntry { id: random.uuid_v7(now), hash: *hash });
        let (entries, note, act) = (entries.collect::<Vec<_>>(), note.to_owned(), act.take());
        added += db
            .write(Lane::of(LANE), async move |tx| {
                if let Some(act) = act {
                    act.record(tx)?;
                }
                Ok::<_, Error>(listed_pictures::insert_all(tx, &entries, IMPORTED, &note, now).await?)
            })
            .await?;
    }
    tracing::info!(hashes = hashes.len(), added, "hashes of pictures were listed");
    Ok(added)
}

/// Removes an entry from the list. The items that are like it and no other are shown again soon.
pub(crate) async fn unlist_picture(media: &Media, actor: Actor, id: Uuid, reason: &str) -> Result<(), Error> {
    let act = Act::new(actor, "media.picture_unlisted", media.context.clock.now()).on("listed_picture", id);
    let act = act.because(reason);
    media
        .context
        .db
        .write(Lane::of(LANE), async move |tx| {
            let ListedPicture { hash, origin, note, .. } =
                listed_pictures::remove(tx, id).await?.ok_or(Error::NoSuchListedPicture)?;
            let before = json!({ "hash": hash.to_string(), "origin": origin, "note": note });
            Ok(act.change(before, json!(null)).record(tx)?)
        })
        .await
}

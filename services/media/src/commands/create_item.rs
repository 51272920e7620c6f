//! Creates an item: its row, its quota charge, its event, and the end of the upload that it was, in one transaction.
//!
//! Invariant: all of it happens or none, after the bytes are durable. What a limited member sends is private.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use contract::media::{Patch, Visibility};
use db::{Lane, Tx};
use http_server::Effect;
use objects::orphans;

use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::model::quota::{self, OpenUploads, QuotaLimits, Usage};
use crate::store;
use crate::store::uploads::Fence;
use crate::store::usage::Charge;

/// An item whose bytes are durable.
#[derive(Debug, Clone)]
pub(crate) struct NewItem {
    pub item: Item,
    /// The overlays that hide its metadata.
    pub scrub: Option<Vec<Patch>>,
    /// When it is removed unless it was claimed.
    pub claim_by: Option<DateTime<Utc>>,
    /// Whether this process has leased the key of its object, which no row names yet.
    pub has_leased_key: bool,
    /// The resumable upload that it was, if any.
    pub upload: Option<CompletedUpload>,
    /// What the request that sent its bytes does.
    pub effect: Effect,
}

/// The upload that an item was.
#[derive(Debug, Clone)]
pub(crate) struct CompletedUpload {
    pub fence: Fence,
    /// The object that its row names.
    pub checkpointed: Option<ObjectKey>,
}

/// Creates an item. Where the owner has the same bytes already, the item shares their object. Returns it, and the
/// usage of its owner with it. [`Error::TakenOver`] where another request has taken over the upload.
pub(crate) async fn create_item(media: &Media, new: NewItem) -> Result<(Item, Usage), Error> {
    let (limits, now) = (media.quota.limits(), new.item.created_at);
    let lane = Lane::of(&new.item.owner);
    let lane = match &new.upload {
        Some(upload) => lane.and(&upload.fence.id),
        None => lane,
    };
    media
        .context
        .db
        .write(lane, async move |tx| {
            let NewItem { mut item, scrub, claim_by, has_leased_key, upload, effect } = new;
            let fenced = upload.as_ref().map(|upload| upload.fence.id.clone());
            let charged = Charge { owner: item.owner, bytes: item.bytes, upload: fenced };
            if !store::standings::find(tx, item.owner).await?.may_publish(now) {
                item.visibility = Visibility::Private;
            }
            let usage = charge(tx, &charged, limits, now).await?;
            let named = store::items::insert(tx, &item, scrub.as_deref(), claim_by).await?;
            let stored = std::mem::replace(&mut item.object, named);
            if has_leased_key && item.object == stored {
                orphans::mark_all_referenced(tx, &[stored]).await?;
            }
            if let Some(upload) = &upload {
                end_upload(tx, upload, &item, now).await?;
            }
            tx.publish(&item.received(scrub), now)?;
            effect.created(tx, format!("/v1/media/{}", item.id)).await?;
            Ok::<_, Error>((item, usage))
        })
        .await
}

/// Charges the item. Returns the exceeded limit as an error.
async fn charge(tx: &Tx, charge: &Charge, limits: QuotaLimits, now: DateTime<Utc>) -> Result<Usage, Error> {
    if let Some(used) = store::usage::add_item(tx, charge, limits, now).await? {
        return Ok(used);
    }
    let used = store::usage::find(tx, charge.owner).await?.unwrap_or_else(|| Usage::none(now));
    let others = store::uploads::sum_open(tx, charge.owner, charge.upload.as_deref()).await?;
    // Open uploads reserve bytes, but count as items only when they are complete.
    quota::check(&used, OpenUploads { uploads: 0, ..others }, charge.bytes, limits, now)?;
    Err(Error::QuotaBytes { used: used.bytes, max: limits.bytes })
}

/// Marks the upload as completed by this item, unless another request has taken it over.
async fn end_upload(tx: &Tx, upload: &CompletedUpload, item: &Item, now: DateTime<Utc>) -> Result<(), Error> {
    if !store::uploads::set_completed(tx, &upload.fence, &item.id).await? {
        return Err(Error::TakenOver);
    }
    if let Some(checkpointed) = upload.checkpointed.as_ref().filter(|key| **key != item.object) {
        store::objects::orphan_unless_referenced(tx, checkpointed, now).await?;
    }
    Ok(())
}

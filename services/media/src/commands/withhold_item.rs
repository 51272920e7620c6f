//! Withholding items that are like a picture that may not be shared here, and showing them again.
//!
//! The verdict goes to moderation in the transaction that withholds an item, with a case. Invariant: an item is
//! withheld by one verdict at a time, and what a moderator has let go is compared no more. It gets back the visibility
//! that it had, unless its owner may not publish any more.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::media::Visibility;
use contract::moderation::{Decided, Thing};
use db::{Lane, Tx};
use screening::pdq::Variants;
use uuid::Uuid;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::model::known_picture::item_of;
use crate::queries::picture_list;
use crate::store::{self, withheld};

/// How often it is read which other decision refuses the bytes of an item, before the event waits: each time, that must
/// have changed in between.
const MAX_ROUNDS: usize = 8;

/// Withholds an item if one of its pictures is on the list.
pub(crate) async fn withhold_listed(media: &Media, id: &MediaId, pictures: Vec<Variants>) -> Result<(), Error> {
    if pictures.is_empty() {
        return Ok(());
    }
    let list = media.picture_list.current(media.context.db.read()).await?;
    if list.is_empty() {
        return Ok(());
    }
    let found = base::tasks::in_background(move || picture_list::find(&list, &pictures)).await;
    match found.ok_or(Error::TaskFailed)? {
        Some(entry) => withhold_like(media, id, entry).await,
        None => Ok(()),
    }
}

/// Withholds an item that is like an entry of the list, and has moderation told of the verdict.
pub(super) async fn withhold_like(media: &Media, id: &MediaId, entry: Uuid) -> Result<(), Error> {
    let Some(item) = store::items::find(media.context.db.read(), id).await? else { return Ok(()) };
    let (now, item_id) = (media.context.clock.now(), id.clone());
    let verdict = media.context.random.uuid_v7(now);
    let is_withheld = media
        .context
        .db
        .write(lane_of(&item), async move |tx| {
            let set = withheld::set_withheld(tx, &item_id, verdict, Some(entry), now).await?;
            let Some(item) = set else { return Ok(false) };
            tx.publish(&item.changed(), now)?;
            tx.publish(&item.screened(verdict, now), now)?;
            Ok::<_, Error>(true)
        })
        .await?;
    if is_withheld {
        tracing::info!(media.id = %id, entry.id = %entry, "an item is like a listed picture and is withheld");
        notify(media, id);
    }
    Ok(())
}

/// Withholds the items that a decision names, which their owners appeal with that decision.
pub(super) async fn withhold_decided(media: &Media, id: &MediaId, decision: Uuid) -> Result<(), Error> {
    let Some(item) = store::items::find(media.context.db.read(), id).await? else { return Ok(()) };
    let (now, item_id) = (media.context.clock.now(), id.clone());
    let is_withheld = media
        .context
        .db
        .write(lane_of(&item).and(&decision), async move |tx| {
            if store::blocked_media::is_undone(tx, decision).await? {
                return Ok(false);
            }
            let Some(item) = withheld::set_withheld(tx, &item_id, decision, None, now).await? else { return Ok(false) };
            tx.publish(&item.changed(), now)?;
            Ok::<_, Error>(true)
        })
        .await?;
    if is_withheld {
        notify(media, id);
    }
    Ok(())
}

/// Keeps a withheld item so, whatever becomes of the list: a moderator has decided about it.
pub(crate) async fn settle_verdict(media: &Media, decided: &Decided) -> Result<(), Error> {
    let Some(id) = item_of(&decided.thing).filter(|_| decided.removes) else { return Ok(()) };
    let Some(item) = store::items::find(media.context.db.read(), &id).await? else { return Ok(()) };
    let db = &media.context.db;
    db.write(lane_of(&item), async move |tx| Ok(withheld::set_entry(tx, &id, None).await?)).await
}

/// Shows an item again that a verdict withholds, and compares it no more: a moderator has let it go.
pub(crate) async fn release_verdict(media: &Media, thing: &Thing, verdict: Uuid) -> Result<(), Error> {
    let Some(id) = item_of(thing) else { return Ok(()) };
    let Some(item) = store::items::find(media.context.db.read(), &id).await? else { return Ok(()) };
    let (now, item_id) = (media.context.clock.now(), id.clone());
    let is_released =
        media.context.db.write(lane_of(&item), async move |tx| release(tx, &item_id, verdict, true, now).await).await?;
    if is_released {
        notify(media, &id);
    }
    Ok(())
}

/// Sets the `entry` that a withheld item is like now; without one, it is shown again. An item that a moderator has
/// decided about meanwhile stays withheld.
pub(super) async fn change_entry(media: &Media, item: &Item, entry: Option<Uuid>) -> Result<(), Error> {
    let Some(verdict) = item.withheld.as_ref().map(|reason| reason.verdict) else { return Ok(()) };
    let (now, id) = (media.context.clock.now(), item.id.clone());
    let is_released = media
        .context
        .db
        .write(lane_of(item), async move |tx| {
            let reason = store::items::find(tx, &id).await?.and_then(|item| item.withheld);
            if reason.is_none_or(|reason| reason.verdict != verdict || reason.entry.is_none()) {
                return Ok(false);
            }
            if entry.is_some() {
                withheld::set_entry(tx, &id, entry).await?;
                return Ok(false);
            }
            release(tx, &id, verdict, false, now).await
        })
        .await?;
    if is_released {
        notify(media, &item.id);
    }
    Ok(())
}

/// Shows an item again that an undone decision withholds; or leaves it withheld by another decision that refuses its
/// bytes, in one transaction: what is broken off in between would be shown for good.
pub(super) async fn release_decided(media: &Media, item: &Item, decision: Uuid) -> Result<(), Error> {
    for _ in 0..MAX_ROUNDS {
        let other = store::blocked_media::find_decision(media.context.db.read(), &item.sha256).await?;
        // With its lane, the other one is not undone meanwhile.
        let lane = other.iter().fold(lane_of(item), Lane::and);
        let (now, id, sha256) = (media.context.clock.now(), item.id.clone(), item.sha256.clone());
        let is_settled = media
            .context
            .db
            .write(lane, async move |tx| {
                if store::blocked_media::find_decision(tx, &sha256).await? != other {
                    return Ok(false);
                }
                match other {
                    Some(other) => withheld::set_decision(tx, &id, decision, other).await?,
                    None => {
                        release(tx, &id, decision, true, now).await?;
                    }
                }
                Ok::<_, Error>(true)
            })
            .await?;
        if is_settled {
            notify(media, &item.id);
            return Ok(());
        }
    }
    Err(db::Error::Conflict.into())
}

async fn release(tx: &Tx, id: &MediaId, verdict: Uuid, is_exempt: bool, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(item) = store::items::find(tx, id).await? else { return Ok(false) };
    let Some(reason) = item.withheld.filter(|reason| reason.verdict == verdict) else { return Ok(false) };
    let may_publish = store::standings::find(tx, item.owner).await?.may_publish(now);
    let visibility = if may_publish { reason.visibility } else { Visibility::Private };
    let Some(item) = withheld::set_released(tx, id, visibility, is_exempt, now).await? else { return Ok(false) };
    tx.publish(&item.changed(), now)?;
    Ok(true)
}

fn lane_of(item: &Item) -> Lane {
    Lane::of(&item.owner).and(&item.id)
}

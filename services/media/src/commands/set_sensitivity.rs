//! Records how sensitive the picture of an item is: a classifier's score, or a moderator's mark.
//!
//! Invariant: the change is published in the transaction that makes it, so every copy of it is mended; what is known
//! already changes nothing and is not published again.

use contract::MediaId;
use contract::transcode::Classified;
use db::Lane;
use http_server::operators::{Act, Actor};
use screening::classifier::Score;
use serde_json::json;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::store;

/// Stores a classifier's score.
pub(crate) async fn set_nudity(media: &Media, event: Classified) -> Result<(), Error> {
    let Classified { id, nudity, model } = event;
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let changed = media
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            let nudity = Score::of_thousandths(nudity);
            let changed = store::sensitivity::set_nudity(tx, &item_id, nudity, &model, now).await?;
            if let Some(item) = &changed {
                tx.publish(&item.sensitivity_changed(), now)?;
            }
            Ok::<_, Error>(changed.is_some())
        })
        .await?;
    if changed {
        notify(media, &id);
    }
    Ok(())
}

/// Stores whether a moderator takes the picture of an item for sensitive, and returns the item; `None` leaves that to
/// the classifier and the owner.
pub(crate) async fn set_moderator_mark(
    media: &Media,
    id: &MediaId,
    is_sensitive: Option<bool>,
    actor: Actor,
    reason: &str,
) -> Result<(Item, u32), Error> {
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let act = Act::new(actor, "media.marked", now).on("media", id).because(reason);
    let marked = media
        .context
        .db
        .write(Lane::of(id), async move |tx| {
            let before = store::items::find(tx, &item_id).await?.ok_or(Error::NotFound)?;
            let retries = store::operator_items::find_retries(tx, &[&item_id]).await?;
            let retries = retries.get(item_id.as_str()).copied().unwrap_or_default();
            let changed = store::sensitivity::set_moderator_mark(tx, &item_id, is_sensitive, now).await?;
            let Some(item) = changed else { return Ok((before, retries)) };
            act.change(json!({ "sensitive": before.marks.moderator }), json!({ "sensitive": is_sensitive }))
                .record(tx)?;
            tx.publish(&item.sensitivity_changed(), now)?;
            Ok::<_, Error>((item, retries))
        })
        .await?;
    notify(media, id);
    Ok(marked)
}

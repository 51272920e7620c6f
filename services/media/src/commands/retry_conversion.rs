//! Has the conversion of an item that failed go on, for an operator.
//!
//! Invariant: the item's state, the event for transcode and the operator's act are one transaction, so a second call
//! finds an item that has not failed.

use contract::MediaId;
use contract::media::Retried;
use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::json;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::{Item, State};
use crate::store;

/// Has the conversion of an item go on. Returns the item as it is now, and how often that was done with it.
pub(crate) async fn retry_conversion(
    media: &Media,
    id: &MediaId,
    actor: Actor,
    reason: &str,
) -> Result<(Item, u32), Error> {
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let act = Act::new(actor, "media.retried", now).on("media", id).because(reason);
    let retried = media
        .context
        .db
        .write(Lane::of(id), async move |tx| {
            let before = store::items::find(tx, &item_id).await?.ok_or(Error::NotFound)?;
            let item = store::operator_items::set_retried(tx, &item_id, now).await?.ok_or(Error::NotFailed)?;
            let retries = store::operator_items::find_retries(tx, &[&item_id]).await?;
            let retry = retries.get(item_id.as_str()).copied().unwrap_or_default();
            let code = before.failure.map(|failure| failure.code);
            act.change(
                json!({ "state": State::Failed.as_str(), "error": code }),
                json!({ "state": item.state.as_str(), "error": null }),
            )
            .record(tx)?;
            tx.publish(&Retried { id: item.id.clone(), owner: item.owner, retry }, now)?;
            Ok::<_, Error>((item, retry))
        })
        .await?;
    notify(media, id);
    Ok(retried)
}

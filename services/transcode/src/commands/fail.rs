//! Fails an item.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::transcode::Failed;
use db::Tx;

use super::{find_open, lanes};
use crate::error::Error;
use crate::fair_queue;
use crate::model::{RejectReason, State};
use crate::state::Worker;
use crate::store;

/// Fails an item and announces it, once.
pub(crate) async fn fail(worker: &Worker, media: &MediaId, reason: RejectReason) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::item_and_queue(&media), async move |tx| fail_in(tx, &media, &reason, now).await)
        .await
}

/// The same in the caller's transaction.
pub(crate) async fn fail_in(tx: &Tx, media: &MediaId, reason: &RejectReason, now: DateTime<Utc>) -> Result<(), Error> {
    let retry = find_open(tx, media).await?.retries;
    let detail = reason.to_string();
    fair_queue::dequeue(tx, media).await?;
    store::set_state(tx, media, State::Failed, Some((reason.code(), &detail)), now).await?;
    let code = reason.code().to_owned();
    tx.publish(&Failed { id: media.clone(), code, detail, retry: Some(retry) }, now)?;
    Ok(())
}

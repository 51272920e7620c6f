//! Announces what a classifier has scored.
//!
//! Invariant: of a deleted item nothing is announced.

use contract::MediaId;
use contract::transcode::Classified;
use screening::classifier::Score;

use super::lanes;
use crate::error::Error;
use crate::state::Worker;
use crate::store;

/// Announces the score of an item.
pub(crate) async fn record_score(worker: &Worker, media: &MediaId, nudity: Score, model: &str) -> Result<(), Error> {
    let classified = Classified { id: media.clone(), nudity: nudity.thousandths(), model: model.to_owned() };
    let now = worker.context.clock.now();
    worker
        .context
        .db
        .write(lanes::item(media), async move |tx| {
            if store::find_job(tx, &classified.id).await?.is_some() {
                tx.publish(&classified, now)?;
            }
            Ok::<_, Error>(())
        })
        .await
}

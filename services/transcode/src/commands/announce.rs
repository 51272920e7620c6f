//! Records and announces outputs of a task that is still running.

use contract::MediaId;

use super::enqueue::enqueue_next;
use super::outputs::{Outputs, announce_playable, record};
use super::{discard, find_open, lanes};
use crate::error::Error;
use crate::state::Worker;

/// Records and announces outputs, and removes redundant objects at once. Returns whether a player can start.
///
/// The first outputs with which a player can start open the item's other tasks. `playable` says that this has happened,
/// as an earlier call returned; then only the item's own lane is needed.
pub(crate) async fn announce(
    worker: &Worker,
    media: &MediaId,
    outputs: Outputs,
    playable: bool,
) -> Result<bool, Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    let lane = if playable { lanes::item(&media) } else { lanes::item_and_queue(&media) };
    let (redundant, playable) = worker
        .context
        .db
        .write(lane, async move |tx| {
            let job = find_open(tx, &media).await?;
            let redundant = record(tx, &media, &outputs, now).await?;
            if playable {
                return Ok::<_, Error>((redundant, true));
            }
            let playable = announce_playable(tx, &job, now).await?;
            enqueue_next(tx, &job, playable, now).await?;
            Ok((redundant, playable))
        })
        .await?;
    worker.permits.wake();
    discard(worker, &redundant).await;
    Ok(playable)
}

//! Ending the case of a thing that social has decided about by itself.
//!
//! Invariant: it ends a case that is open and has this report; one that was decided here stays as it is.

use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::{cases, reports};

/// Ends the open case of a report. Social has told its author, and its act is in the audit trail.
pub(crate) async fn close_elsewhere(moderation: &Moderation, report: Uuid) -> Result<(), Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
    let Some(id) = reports::find_case(sql, report).await? else { return Ok(()) };
    let Some(case) = cases::find(sql, id).await? else { return Ok(()) };
    let lane = lane_of(&case.thing);
    moderation.context.db.write(lane, async move |tx| Ok(cases::set_decided(tx, id, now).await.map(drop)?)).await
}

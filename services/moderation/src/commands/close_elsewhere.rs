//! Ending the case of a thing that social has decided about by itself.
//!
//! Social has told its author, and its act is in the audit trail. Invariant: a case that was decided here stays as it
//! is, and its reporters are told of that decision only.

use contract::moderation::ReportAnswered;
use contract::social::talk::{ReportClosed, ReportDecision};

use super::lane_of;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::{cases, decisions, reports};

/// Ends the case of a report that social has closed, and tells who had sent it.
pub(crate) async fn close_elsewhere(moderation: &Moderation, closed: ReportClosed) -> Result<(), Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
    let Some(id) = reports::find_case(sql, closed.id).await? else { return Ok(()) };
    let Some(case) = cases::find(sql, id).await? else { return Ok(()) };
    moderation
        .context
        .db
        .write(lane_of(&case.thing), async move |tx| {
            if decisions::find_of_case(tx, id).await?.is_some() {
                return Ok(());
            }
            cases::set_decided(tx, id, now).await?;
            if reports::set_one_answered(tx, closed.id, now).await? {
                let is_upheld = closed.decision == ReportDecision::Remove;
                let ReportClosed { id: report, reporter, at, .. } = closed;
                tx.publish(&ReportAnswered { report, reporter, is_upheld, at }, now)?;
            }
            Ok(())
        })
        .await
}

//! Ending the case of a thing that social has decided about by itself.
//!
//! Social has told its author, and its act is in the audit trail. Invariant: a case that was decided here stays as it
//! is, and its reporters are told of that decision only; a report that arrives after its end opens no case.

use contract::moderation::ReportAnswered;
use contract::social::talk::{ReportClosed, ReportDecision};
use db::Lane;
use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::{cases, decisions, erasure, reports};

/// Ends the case of a report that social has closed, and tells who had sent it.
pub(crate) async fn close_elsewhere(moderation: &Moderation, closed: ReportClosed) -> Result<(), Error> {
    let sql = moderation.context.db.read();
    let case = match reports::find_case(sql, closed.id).await? {
        Some(case) => Some(case),
        None => close_unknown(moderation, closed.clone()).await?,
    };
    match case {
        Some(case) => close_known(moderation, closed, case).await,
        None => Ok(()),
    }
}

/// Closes a report that has not arrived: the two events have no order. Returns its case if it has arrived meanwhile.
async fn close_unknown(moderation: &Moderation, closed: ReportClosed) -> Result<Option<Uuid>, Error> {
    let now = moderation.context.clock.now();
    moderation
        .context
        .db
        .write(Lane::of(&closed.id), async move |tx| {
            if let Some(case) = reports::find_case(tx, closed.id).await? {
                return Ok(Some(case));
            }
            let is_erased = erasure::is_one_erased(tx, closed.reporter, closed.reporter).await?;
            if !is_erased && reports::insert_closed(tx, closed.id, now).await? {
                tx.publish(&answer(&closed), now)?;
            }
            Ok(None)
        })
        .await
}

async fn close_known(moderation: &Moderation, closed: ReportClosed, id: Uuid) -> Result<(), Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
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
                tx.publish(&answer(&closed), now)?;
            }
            Ok(())
        })
        .await
}

fn answer(closed: &ReportClosed) -> ReportAnswered {
    let is_upheld = closed.decision == ReportDecision::Remove;
    ReportAnswered { report: closed.id, reporter: closed.reporter, is_upheld, at: closed.at }
}

//! Telling those who have reported something what was decided about it.
//!
//! Invariant: each is told once, in the transaction that marks their report.

use contract::AccountId;
use contract::moderation::{Decided, ReportAnswered};

use super::lane_of;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::reports;

/// Reports per transaction, each with an event.
const BATCH: usize = 100;

/// Answers every report of a case.
pub(crate) async fn answer_reporters(moderation: &Moderation, decided: &Decided) -> Result<(), Error> {
    let now = moderation.context.clock.now();
    let (case, is_upheld, at) = (decided.case, decided.action.is_adverse(), decided.at);
    loop {
        let answered = moderation
            .context
            .db
            .write(lane_of(&decided.thing), async move |tx| {
                let reports = reports::set_answered(tx, case, now, BATCH).await?;
                for report in &reports {
                    let reporter = AccountId(report.reporter);
                    tx.publish(&ReportAnswered { report: report.id, reporter, is_upheld, at }, now)?;
                }
                Ok::<_, Error>(reports.len())
            })
            .await?;
        if answered < BATCH {
            return Ok(());
        }
    }
}

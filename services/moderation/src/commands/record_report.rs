//! Taking a report into the queue.
//!
//! Invariant: a report is in one case, however often its event arrives; the evidence is that of the first report.

use contract::moderation::{Evidence, Reported};
use screening::fingerprint::Fingerprint;
use screening::text::Normalised;

use super::lane_of;
use crate::error::Error;
use crate::model::{Case, CaseState, urgency_of};
use crate::state::Moderation;
use crate::store::{cases, counts, erasure, reports};

/// Adds a report to the open case of its thing, or opens one. Does nothing if one of the two members was erased, or if
/// the role that has the thing has closed the report meanwhile: it was decided about.
pub(crate) async fn record_report(moderation: &Moderation, report: Reported) -> Result<(), Error> {
    let now = moderation.context.clock.now();
    let id = moderation.context.random.uuid_v7(now);
    let is_new = moderation
        .context
        .db
        .write(lane_of(&report.thing).and(&report.id), async move |tx| {
            let is_known = reports::find_case(tx, report.id).await?.is_some();
            let is_closed = reports::is_closed(tx, report.id).await?;
            if is_known || is_closed || erasure::is_one_erased(tx, report.owner, report.reporter).await? {
                return Ok(false);
            }
            let urgency = urgency_of(report.reason);
            let case = match cases::find_open(tx, &report.thing).await? {
                Some(open) => {
                    cases::add_report(tx, open.id, urgency).await?;
                    open.id
                }
                None => {
                    // What a role of another release sends may be longer.
                    let Evidence { text, media, place } = report.evidence.clone();
                    let evidence = Evidence::of(&text, media, place);
                    let case = Case {
                        id,
                        thing: report.thing.clone(),
                        owner: report.owner,
                        reason: report.reason,
                        urgency,
                        fingerprint: Fingerprint::of(&Normalised::of(&evidence.text)),
                        evidence,
                        state: CaseState::Open,
                        report_count: 1,
                        is_held: false,
                        appeal: None,
                        claim: None,
                        created_at: now,
                        decided_at: None,
                    };
                    cases::insert(tx, &case).await?;
                    id
                }
            };
            reports::insert(tx, case, &report).await?;
            counts::add(tx, &format!("reported.{}", report.reason.as_str()), now).await?;
            Ok::<_, Error>(true)
        })
        .await?;
    if is_new {
        moderation.metrics.reports.inc();
    }
    Ok(())
}

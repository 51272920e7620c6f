//! Keeping the verdict of a check, so that its sender can read and appeal it. What it holds comes into the queue.
//!
//! Invariant: a member has `max_verdicts` of them at most that no moderator has decided about, and as many cases of
//! what is held, whatever they send; a verdict has one case at most, which has its id.

use contract::moderation::{Action, Evidence, Screened};
use contract::social::talk::ReportReason;
use screening::fingerprint::Fingerprint;
use screening::text::Normalised;

use super::lane_of;
use crate::error::Error;
use crate::model::{Case, CaseState, DecisionRow, HELD_URGENCY, NewDecision};
use crate::state::Moderation;
use crate::store::{cases, counts, decisions, erasure};

/// Records a verdict, and opens a case of what it holds. Does nothing if it is known, if its member was erased, or if
/// the member has as many as are kept.
pub(crate) async fn record_verdict(moderation: &Moderation, verdict: Screened) -> Result<(), Error> {
    let (now, max) = (moderation.context.clock.now(), moderation.config.max_verdicts);
    moderation
        .context
        .db
        .write(lane_of(&verdict.thing).and(&verdict.owner), async move |tx| {
            let owner = verdict.owner;
            if erasure::is_one_erased(tx, owner, owner).await? {
                return Ok(());
            }
            let waiting = if verdict.is_held {
                cases::count_held(tx, owner, max).await?
            } else {
                decisions::count_screened(tx, owner, max).await?
            };
            if waiting >= u64::from(max) {
                return Ok(());
            }
            let Evidence { text, media, place } = verdict.evidence;
            let row = DecisionRow {
                id: verdict.id,
                case: None,
                thing: verdict.thing,
                owner,
                decision: NewDecision {
                    action: Action::Screened,
                    reason: ReportReason::Other,
                    statement: verdict.statement,
                    until: None,
                    removes: false,
                    blocked_media: Vec::new(),
                },
                check: Some(verdict.check.clone()),
                evidence: Evidence::of(&text, media, place),
                decided_by: None,
                decided_at: verdict.at,
                overturned_at: None,
                refusal: None,
            };
            if !decisions::insert(tx, &row).await? {
                return Ok(());
            }
            counts::add(tx, &format!("screened.{}", verdict.check), now).await?;
            if verdict.is_held {
                let case = Case {
                    id: row.id,
                    thing: row.thing,
                    owner,
                    reason: row.decision.reason,
                    urgency: HELD_URGENCY,
                    fingerprint: Fingerprint::of(&Normalised::of(&row.evidence.text)),
                    evidence: row.evidence,
                    state: CaseState::Open,
                    report_count: 0,
                    is_held: true,
                    appeal: None,
                    claim: None,
                    created_at: now,
                    decided_at: None,
                };
                cases::insert(tx, &case).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

//! Keeping the verdict of a check, so that its sender can read and appeal it. What it holds comes into the queue.
//!
//! Invariant: a member has `max_verdicts` of them at most that no moderator has decided about, and as many cases of
//! what is held, whatever they send; what is held beyond that makes the oldest be refused; a verdict has one case at
//! most, which has its id.

use chrono::{DateTime, Utc};
use contract::moderation::{Action, Evidence, Screened};
use contract::social::talk::ReportReason;
use db::Tx;
use screening::fingerprint::Fingerprint;
use screening::text::Normalised;

use super::refuse_held::{find_oldest, refuse, refuse_case};
use super::{lane_key, lane_of};
use crate::error::Error;
use crate::model::{Case, CaseState, DecisionRow, HELD_URGENCY, NewDecision};
use crate::state::Moderation;
use crate::store::{cases, counts, decisions, erasure};

/// Records a verdict, and opens a case of what it holds. Does nothing if it is known, or if its member was erased, or
/// of something that is not held if the member has as many as are kept.
pub(crate) async fn record_verdict(moderation: &Moderation, verdict: Screened) -> Result<(), Error> {
    let (now, max) = (moderation.context.clock.now(), moderation.config.max_verdicts);
    let sql = moderation.context.db.read();
    let oldest = if verdict.is_held { find_oldest(sql, verdict.owner, now).await? } else { None };
    let mut lanes = lane_of(&verdict.thing).and(&verdict.owner);
    if let Some(oldest) = &oldest {
        lanes = lanes.and(&lane_key(&oldest.thing));
    }
    moderation
        .context
        .db
        .write(lanes, async move |tx| {
            let owner = verdict.owner;
            if erasure::is_one_erased(tx, owner, owner).await? {
                return Ok(());
            }
            if !verdict.is_held && decisions::count_screened(tx, owner, max).await? >= u64::from(max) {
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
                let is_full = cases::count_held(tx, owner, max).await? >= u64::from(max);
                if is_full && !refuse_one(tx, oldest.as_ref(), now).await? {
                    // All that waits is read by a moderator just now, or was appealed.
                    return Ok(refuse(tx, row, now).await?);
                }
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

/// Refuses the oldest, if there is one, to make room. Returns whether it did.
async fn refuse_one(tx: &Tx, oldest: Option<&Case>, now: DateTime<Utc>) -> Result<bool, db::Error> {
    match oldest {
        Some(oldest) => refuse_case(tx, oldest.id, now).await,
        None => Ok(false),
    }
}

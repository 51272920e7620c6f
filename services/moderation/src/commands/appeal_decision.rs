//! Appealing a decision.
//!
//! Invariant: only the member whom a decision is against appeals it, once; at most `max_verdicts` appeals of a member
//! against checks wait, and any number against decisions of moderators; the appeal is a case of the queue, with the
//! evidence of the decision. What a check holds is in the queue already: its case becomes the appeal.

use chrono::{DateTime, Utc};
use contract::AccountId;
use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::model::{AppealText, Case, CaseAppeal, CaseState, DecisionRow};
use crate::state::Moderation;
use crate::store::{cases, counts, decisions, erasure};

/// Where appeals stand in the queue: behind danger to life.
const APPEAL_URGENCY: i64 = 1;

/// Puts an appeal of a member into the queue, and returns when it was made.
pub(crate) async fn appeal_decision(
    moderation: &Moderation,
    member: AccountId,
    decision: Uuid,
    text: AppealText,
) -> Result<DateTime<Utc>, Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
    let found = decisions::find(sql, decision).await?.filter(|row| row.owner == member);
    let row = found.filter(DecisionRow::can_be_appealed).ok_or(Error::NoSuchDecision)?;
    let (id, max) = (moderation.context.random.uuid_v7(now), moderation.config.max_verdicts);
    moderation
        .context
        .db
        .write(lane_of(&row.thing).and(&member), async move |tx| {
            if erasure::is_one_erased(tx, member, member).await? {
                return Err(Error::NoSuchDecision);
            }
            // A moderator may have decided meanwhile about what a verdict holds.
            let row = decisions::find(tx, decision).await?.filter(DecisionRow::can_be_appealed);
            let row = row.ok_or(Error::NoSuchDecision)?;
            if row.check.is_some() && cases::count_appeals(tx, member, max).await? >= u64::from(max) {
                return Err(Error::TooManyAppeals);
            }
            let text = text.into_string();
            if cases::set_appealed(tx, decision, &text, APPEAL_URGENCY).await? {
                counts::add(tx, "appealed", now).await?;
                return Ok(now);
            }
            let case = Case {
                id,
                thing: row.thing,
                owner: member,
                reason: row.decision.reason,
                urgency: APPEAL_URGENCY,
                evidence: row.evidence,
                fingerprint: None,
                state: CaseState::Open,
                report_count: 0,
                is_held: false,
                appeal: Some(CaseAppeal { decision, text }),
                claim: None,
                created_at: now,
                decided_at: None,
            };
            if !cases::insert(tx, &case).await? {
                return Err(Error::AppealedAlready);
            }
            counts::add(tx, "appealed", now).await?;
            Ok(now)
        })
        .await
}

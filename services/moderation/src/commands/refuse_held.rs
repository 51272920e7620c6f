//! Refusing what a check holds without a moderator, because too much of one member's waits.
//!
//! Invariant: what is held beyond the bound does not wait for ever: the oldest that no moderator has and no appeal is
//! about is refused, and its sender reads why.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::Action;
use contract::social::talk::ReportReason;
use db::{Sql, Tx};
use uuid::Uuid;

use super::decide_case::decided;
use crate::model::{Case, CaseState, DecisionRow, NewDecision};
use crate::store::{cases, counts, decisions};

/// What the sender reads.
const STATEMENT: &str = "More of what you have sent waits for a moderator than is kept, so this, the oldest, was not \
                         delivered. Send it again when less of it waits.";

/// Returns the case that makes room for another one of a member; `None` if all are claimed or appealed.
pub(super) async fn find_oldest(
    sql: &impl Sql,
    owner: AccountId,
    now: DateTime<Utc>,
) -> Result<Option<Case>, db::Error> {
    cases::find_oldest_held(sql, owner, now).await
}

/// Refuses what a case holds, if no moderator has it and it was not appealed. The caller holds the lane of its thing.
/// Returns whether it did.
pub(super) async fn refuse_case(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, db::Error> {
    let Some(case) = cases::find(tx, id).await? else { return Ok(false) };
    let waits = case.state == CaseState::Open && case.is_of_verdict() && case.claim_at(now).is_none();
    if !waits || !cases::set_decided(tx, id, now).await? {
        return Ok(false);
    }
    let Some(verdict) = decisions::find(tx, id).await? else { return Ok(false) };
    refuse(tx, verdict, now).await?;
    Ok(true)
}

/// Makes a verdict the refusal of what it holds.
pub(super) async fn refuse(tx: &Tx, verdict: DecisionRow, now: DateTime<Utc>) -> Result<(), db::Error> {
    let decision = NewDecision {
        action: Action::Remove,
        reason: ReportReason::Other,
        statement: STATEMENT.to_owned(),
        until: None,
        removes: true,
        blocked_media: Vec::new(),
    };
    let id = verdict.id;
    let row = DecisionRow { case: Some(id), decision, decided_at: now, ..verdict };
    if !decisions::settle(tx, &row).await? {
        return Ok(());
    }
    counts::add(tx, "decided.remove", now).await?;
    tx.publish(&decided(&row, id, AccountId(Uuid::nil())), now)
}

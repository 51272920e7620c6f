//! Deciding about a case: what was reported, what a check holds, or an appeal.
//!
//! The decision, the end of the case, the events by which other roles follow it and the operator's act are one
//! transaction. Invariant: a case is decided once, by a moderator who holds it and whom it does not concern.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::{Action, AppealAnswered, Decided, Overturned, Released};
use db::Tx;
use http_server::operators::{Act, Actor, OperatorRole};
use serde_json::json;
use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::model::{Case, DecisionRow, Request};
use crate::queries::check_party;
use crate::state::Moderation;
use crate::store::{cases, counts, decisions};

/// Decides about a case that the moderator has claimed. `reason` is for the audit trail.
pub(crate) async fn decide_case(
    moderation: &Moderation,
    actor: Actor,
    id: Uuid,
    request: Request,
    reason: &str,
) -> Result<(), Error> {
    decide(moderation, actor, id, request, (reason, true)).await
}

/// Decides the same about other cases, which need no claim but that of no other moderator. Returns those that were
/// decided about.
pub(crate) async fn decide_like(
    moderation: &Moderation,
    actor: &Actor,
    ids: &[Uuid],
    request: &Request,
    reason: &str,
) -> Result<Vec<Uuid>, Error> {
    let mut decided = Vec::new();
    for id in ids {
        match decide(moderation, actor.clone(), *id, request.clone(), (reason, false)).await {
            Ok(()) => decided.push(*id),
            Err(Error::Db(error)) => return Err(error.into()),
            Err(error) => tracing::info!(case.id = %id, %error, "a case was left out of a decision about several"),
        }
    }
    Ok(decided)
}

async fn decide(
    moderation: &Moderation,
    actor: Actor,
    id: Uuid,
    request: Request,
    (reason, must_hold): (&str, bool),
) -> Result<(), Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
    let case = cases::find(sql, id).await?.ok_or(Error::NoSuchCase)?;
    let by = AccountId(actor.account.unwrap_or_default());
    let is_operator = OperatorRole::Operator.is_fulfilled_by(&actor.roles);
    let decision_id = moderation.context.random.uuid_v7(now);
    let reason = reason.to_owned();
    let action = request.action;
    moderation
        .context
        .db
        .write(lane_of(&case.thing), async move |tx| {
            let case = cases::find(tx, id).await?.ok_or(Error::NoSuchCase)?;
            case.check_claim(by, must_hold, now)?;
            check_party(tx, &case, by).await?;
            let decision = request.check(&case, is_operator, now)?;
            if action == Action::Overturn && !is_operator && is_beyond_moderators(tx, &case).await? {
                return Err(Error::BeyondRole);
            }
            let row = DecisionRow {
                // Of what a check holds, the verdict becomes the decision: its sender knows and appeals it by one id.
                id: if case.is_of_verdict() { id } else { decision_id },
                case: Some(id),
                thing: case.thing.clone(),
                owner: case.owner,
                decision,
                check: None,
                evidence: case.evidence.clone(),
                decided_by: Some(by),
                decided_at: now,
                overturned_at: None,
                refusal: None,
            };
            if !cases::set_decided(tx, id, now).await? || !store(tx, &case, &row).await? {
                return Err(Error::DecidedAlready);
            }
            counts::add(tx, &format!("decided.{}", action.as_str()), now).await?;
            match &case.appeal {
                Some(appeal) => {
                    answer(tx, &case, appeal.decision, by, action, now).await?;
                    // What a check holds does not wait after a decision: it was delivered, or is removed.
                    if case.is_held && action == Action::Uphold {
                        tx.publish(&Decided { removes: true, ..decided(&row, id, by) }, now)?;
                    }
                }
                None => {
                    tx.publish(&decided(&row, id, by), now)?;
                    if case.is_held && action == Action::Keep {
                        let (thing, owner) = (row.thing.clone(), row.owner);
                        tx.publish(&Released { id: row.id, thing, owner, by, at: now }, now)?;
                    }
                }
            }
            act(actor, &row, id).because(&reason).record(tx)?;
            Ok(())
        })
        .await?;
    moderation.metrics.decisions.inc();
    if action == Action::Overturn {
        moderation.metrics.overturned.inc();
    }
    Ok(())
}

/// Stores a decision. Returns whether the case had none.
async fn store(tx: &Tx, case: &Case, row: &DecisionRow) -> Result<bool, db::Error> {
    if case.is_of_verdict() { decisions::settle(tx, row).await } else { decisions::insert(tx, row).await }
}

/// Whether a case is an appeal against what a moderator could not have decided.
async fn is_beyond_moderators(tx: &Tx, case: &Case) -> Result<bool, db::Error> {
    let Some(appeal) = &case.appeal else { return Ok(false) };
    Ok(decisions::find(tx, appeal.decision).await?.is_some_and(|row| row.is_of_operators()))
}

/// Returns the event of a decision about what was reported.
pub(super) fn decided(row: &DecisionRow, case: Uuid, by: AccountId) -> Decided {
    let decision = row.decision.clone();
    Decided {
        id: row.id,
        case,
        thing: row.thing.clone(),
        owner: row.owner,
        action: decision.action,
        reason: decision.reason,
        statement: decision.statement,
        until: decision.until,
        removes: decision.removes,
        blocked_media: decision.blocked_media,
        by,
        at: row.decided_at,
    }
}

/// Tells the member what became of their appeal, and undoes the decision if it is overturned.
async fn answer(
    tx: &Tx,
    case: &Case,
    decision: Uuid,
    by: AccountId,
    action: Action,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let is_overturned = action == Action::Overturn;
    if is_overturned
        && let Some(row) = decisions::find(tx, decision).await?
        && decisions::set_overturned(tx, decision, now).await?
    {
        let event = Overturned {
            id: row.id,
            thing: row.thing,
            owner: row.owner,
            action: row.decision.action,
            check: row.check,
            unblocked_media: row.decision.blocked_media,
            by,
            at: now,
        };
        tx.publish(&event, now)?;
    }
    Ok(tx.publish(&AppealAnswered { decision, member: case.owner, is_overturned, at: now }, now)?)
}

/// Returns the act, as the audit trail has it: ids and words, no text of a member.
fn act(actor: Actor, row: &DecisionRow, case: Uuid) -> Act {
    let decision = &row.decision;
    let after = json!({
        "state": "decided",
        "action": decision.action,
        "rule": decision.reason,
        "until": decision.until,
        "removes": decision.removes,
        "blocked_media": decision.blocked_media,
        "owner": row.owner,
        "thing": row.thing,
    });
    Act::new(actor, "moderation.case_decided", row.decided_at).on("case", case).change(json!({"state": "open"}), after)
}

//! Deciding about what was reported.
//!
//! A decision is about the thing, so it closes every open report of it. What is removed is removed first, as its author
//! would remove it; its author can read why for as long as a closed report is kept. Invariant: a report is closed only
//! when what was decided is done, in the transaction that records the operator's act; one whose decision was broken off
//! stays open, and deciding again ends it; no moderator decides about what concerns them. A decision of `moderation`
//! arrives as an event, which is handled until it is done.

use contract::AccountId;
use contract::moderation::Decided;
use contract::social::talk::{ReportClosed, ReportDecision, ReportKind, ReportState};
use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::json;
use uuid::Uuid;

use super::publish_post::draw_position;
use super::remove_comment::remove_with_answers;
use super::remove_post::remove_with_notice;
use crate::error::Error;
use crate::model::{PersonNumber, RemovalNotice, Report, check_decision, parse_message};
use crate::state::Social;
use crate::store::{comments, people, posts, reports};

/// Reports per transaction, each with an event.
const BATCH: usize = 100;

/// Decides about what a report is about, for an operator, and closes all open reports of it. `reason` is for the audit
/// trail, `message` for the author of what is removed.
pub(crate) async fn decide_report(
    social: &Social,
    actor: Actor,
    id: Uuid,
    decision: ReportDecision,
    reason: &str,
    message: &str,
) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let report = reports::find(sql, id).await?.ok_or(Error::NoSuchReport)?;
    if report.state == ReportState::Closed {
        return Err(Error::ReportClosed);
    }
    let (kind, object) = (report.new.kind, report.new.object);
    check_party(social, &actor, &report).await?;
    check_decision(kind, decision).map_err(Error::InvalidDecision)?;
    let message = parse_message(decision, message).map_err(Error::InvalidDecision)?;
    if decision == ReportDecision::Remove {
        let position = draw_position(&social.context.random, now);
        remove(social, kind, object, RemovalNotice { reason: report.new.reason, message, position }).await?;
    }
    let change = (json!({"state": "open"}), json!({"state": "closed", "decision": decision}));
    let act = Act::new(actor, "social.report_decided", now).on(kind.as_str(), object).because(reason);
    close(social, (kind, object), decision, Some(act.change(change.0, change.1))).await
}

/// Refuses a moderator whom a report concerns, as the queue of `moderation` does: it is about something of theirs, or
/// they have reported that.
async fn check_party(social: &Social, actor: &Actor, report: &Report) -> Result<(), Error> {
    let sql = social.context.db.read();
    let Some(account) = actor.account else { return Ok(()) };
    let Some(person) = people::find_by_account(sql, AccountId(account)).await? else { return Ok(()) };
    let (number, new) = (person.number, &report.new);
    if report.owner == number || reports::has_reported(sql, number, new.kind, new.object).await? {
        return Err(Error::OwnReport);
    }
    Ok(())
}

/// Follows a decision of moderation: removes the thing, if that was decided, and closes all open reports of it. The
/// operator's act is recorded there. Does nothing to what is gone, and to reports that are closed.
pub(crate) async fn follow_decision(
    social: &Social,
    (kind, object): (ReportKind, Uuid),
    decided: Decided,
) -> Result<(), Error> {
    if decided.removes {
        let position = draw_position(&social.context.random, decided.at);
        let message = decided.statement;
        remove(social, kind, object, RemovalNotice { reason: decided.reason, message, position }).await?;
    }
    let decision = if decided.removes { ReportDecision::Remove } else { ReportDecision::Keep };
    close(social, (kind, object), decision, None).await
}

/// Closes all open reports of a thing, each with an event. An act is recorded with the first of them, and there must be
/// one then.
async fn close(
    social: &Social,
    (kind, object): (ReportKind, Uuid),
    decision: ReportDecision,
    act: Option<Act>,
) -> Result<(), Error> {
    let (now, mut act) = (social.context.clock.now(), act);
    loop {
        let act = act.take();
        let closed = social
            .context
            .db
            .write(Lane::of(&object), async move |tx| {
                let closed = reports::close(tx, (kind, object), decision, now, BATCH).await?;
                if let Some(act) = act {
                    if closed.is_empty() {
                        return Err(Error::ReportClosed);
                    }
                    act.record(tx)?;
                }
                let reporters: Vec<_> = closed.iter().map(|closed| PersonNumber(closed.reporter)).collect();
                let reporters = people::list(tx, &reporters).await?;
                for closed in &closed {
                    let mut reporters = reporters.iter();
                    let Some(reporter) = reporters.find(|person| person.number.0 == closed.reporter) else { continue };
                    let (id, reporter) = (closed.id, reporter.account);
                    tx.publish(&ReportClosed { id, kind, object, reporter, decision, at: now }, now)?;
                }
                Ok(closed.len())
            })
            .await?;
        if closed < BATCH {
            return Ok(());
        }
    }
}

/// Removes what was reported, and tells its author why. Does nothing if it is gone.
async fn remove(social: &Social, kind: ReportKind, object: Uuid, notice: RemovalNotice) -> Result<(), Error> {
    let sql = social.context.db.read();
    match kind {
        ReportKind::Post => {
            let Some(post) = posts::find(sql, object).await? else { return Ok(()) };
            let Some(author) = people::find(sql, post.author).await? else { return Ok(()) };
            match remove_with_notice(social, author, object, Some(notice)).await {
                Err(Error::NotFound) => Ok(()),
                removed => removed,
            }
        }
        ReportKind::Comment => {
            let Some(comment) = comments::find(sql, object).await? else { return Ok(()) };
            let Some(author) = people::find(sql, comment.author).await? else { return Ok(()) };
            remove_with_answers(social, &author, &comment, Some(&notice)).await
        }
        ReportKind::Account => Ok(()),
    }
}

//! What operators do with a job: an act and its record in one transaction, for the listener and for commands.
//!
//! Invariant: what changes nothing is no act, so a repeated request has one effect and one entry in the audit trail.

use base::Clock;
use db::schedule::{RunRow, lane, now, pause, request, resume};
use db::{Db, Error};
use serde_json::json;

use crate::operators::{Act, Actor};

/// Asks for a run of a job. Returns it; if one waits already, that one.
pub async fn request_run(db: &Db, clock: &Clock, job: &str, actor: Actor, reason: &str) -> Result<RunRow, Error> {
    let (clock, job, reason) = (clock.clone(), job.to_owned(), reason.to_owned());
    db.write(lane(&job), async move |tx| {
        let at = now(tx, &clock).await?;
        let (run, is_new) = request(tx, &job, &actor.name, at).await?;
        if is_new {
            Act::new(actor, "jobs.requested", at).on("job", &job).because(&reason).record(tx)?;
        }
        Ok(run)
    })
    .await
}

/// Pauses or resumes a job. Returns whether that changed it.
pub async fn set_paused(
    db: &Db,
    clock: &Clock,
    job: &str,
    is_paused: bool,
    actor: Actor,
    reason: &str,
) -> Result<bool, Error> {
    // PostgreSQL stores no NUL.
    let (clock, job, reason) = (clock.clone(), job.to_owned(), reason.replace('\0', ""));
    db.write(lane(&job), async move |tx| {
        let at = now(tx, &clock).await?;
        let (action, changed) = if is_paused {
            ("jobs.paused", pause(tx, &job, &actor.name, &reason, at).await?)
        } else {
            ("jobs.resumed", resume(tx, &job).await?)
        };
        if changed {
            let act = Act::new(actor, action, at).on("job", &job).because(&reason);
            act.change(json!({ "paused": !is_paused }), json!({ "paused": is_paused })).record(tx)?;
        }
        Ok(changed)
    })
    .await
}

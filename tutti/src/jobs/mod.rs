//! `tutti jobs`: the timed jobs of all roles, and their history; running, pausing and resuming them.
//!
//! Works beside running servers, in the databases of the roles. Invariant: a change and its entry in the audit trail,
//! with the local user as the actor, are one transaction.

pub(crate) mod arguments;

use base::Clock;
use chrono::{DateTime, SecondsFormat, Utc};
use db::schedule::{find_job, list_runs, now};
use http_server::jobs::{JobHistoryEntry, JobRunState, TimedJob, request_run, set_paused, timed_jobs};
use http_server::operators::Actor;
use serde_json::{Value, json};

use crate::accounts::local_user;
use crate::databases::{RoleDb, open_current};
use crate::terminal::say;
use crate::{CommandError, settings};
use arguments::{Jobs as Arguments, JobsAction, NamedJob};

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let (databases, clock) = (open_current(&config, &server.data).await?, Clock::system());
    match arguments.action {
        JobsAction::List { json } => list(&databases, &clock, json).await,
        JobsAction::History { job, limit, json } => history(&databases, &clock, &job, limit, json).await,
        JobsAction::Run(NamedJob { job, reason }) => {
            let db = &find(&databases, &job).await?.db;
            let run = request_run(db, &clock, &job, Actor::machine(&local_user()), &reason).await?;
            say!(
                "{job} was asked to run at {}. A process that has it begins within seconds; `tutti jobs history {job}` \
                 shows how it went.",
                written(run.slot)
            );
            Ok(())
        }
        JobsAction::Pause(named) => change(&databases, &clock, &named, true).await,
        JobsAction::Resume(named) => change(&databases, &clock, &named, false).await,
    }
}

/// Returns the database that has a job.
async fn find<'d>(databases: &'d [RoleDb], job: &str) -> Result<&'d RoleDb, CommandError> {
    for database in databases {
        if find_job(database.db.read(), job).await?.is_some() {
            return Ok(database);
        }
    }
    Err(format!("there is no job called {job}; `tutti jobs list` lists those that a server has had here").into())
}

async fn list(databases: &[RoleDb], clock: &Clock, is_json: bool) -> Result<(), CommandError> {
    let mut jobs = Vec::new();
    for RoleDb { service, db } in databases {
        jobs.extend(timed_jobs(db.read(), clock).await?.into_iter().map(|job| (service.name, job)));
    }
    if is_json {
        let jobs: Vec<Value> = jobs.iter().map(|(role, job)| json!({ "role": role, "job": job })).collect();
        say!("{}", serde_json::to_string_pretty(&jobs)?);
        return Ok(());
    }
    if jobs.is_empty() {
        say!("No server has had jobs here yet.");
        return Ok(());
    }
    say!("{:<24}{:<28}{:<22}{:<26}{:<22}PROCESS", "JOB", "RUNS", "LAST SLOT", "RESULT", "NEXT SLOT");
    for (_, job) in &jobs {
        let next = match (&job.paused_by, job.next_slot) {
            (Some(by), _) => format!("paused by {by}"),
            (None, next) => next.map_or_else(|| "-".to_owned(), written),
        };
        let last = job.last_run.as_ref();
        let (slot, result) = last.map_or(("-".to_owned(), "-".to_owned()), |run| (written(run.slot), outcome(run)));
        let process = last.and_then(|run| run.process.as_deref()).unwrap_or("-");
        say!("{:<24}{:<28}{slot:<22}{result:<26}{next:<22}{process}", job.job, timing(job));
    }
    Ok(())
}

async fn history(
    databases: &[RoleDb],
    clock: &Clock,
    job: &str,
    limit: u32,
    is_json: bool,
) -> Result<(), CommandError> {
    let db = &find(databases, job).await?.db;
    let at = now(db.read(), clock).await?;
    let runs = list_runs(db.read(), job, None, limit).await?;
    let runs: Vec<JobHistoryEntry> = runs.into_iter().map(|run| JobHistoryEntry::new(run, at)).collect();
    if is_json {
        say!("{}", serde_json::to_string_pretty(&runs)?);
        return Ok(());
    }
    for run in &runs {
        let asked = run.requested_by.as_ref().map(|by| format!(", asked for by {by}")).unwrap_or_default();
        let process = run.process.as_deref().unwrap_or("-");
        let error = run.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        say!("{}  {}  {process}{asked}{error}", written(run.slot), outcome(run));
    }
    if runs.is_empty() {
        say!("{job} has not run in the last month.");
    }
    Ok(())
}

async fn change(databases: &[RoleDb], clock: &Clock, named: &NamedJob, is_paused: bool) -> Result<(), CommandError> {
    let NamedJob { job, reason } = named;
    let db = &find(databases, job).await?.db;
    let changed = set_paused(db, clock, job, is_paused, Actor::machine(&local_user()), reason).await?;
    match (is_paused, changed) {
        (true, true) => say!("{job} is paused in all processes, until `tutti jobs resume {job}`."),
        (true, false) => say!("{job} is paused already."),
        (false, true) => say!("{job} goes on."),
        (false, false) => say!("{job} is not paused."),
    }
    Ok(())
}

/// Returns a time as it is printed: in UTC, to the second.
fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns when a job runs, in words.
fn timing(job: &TimedJob) -> String {
    match (job.every_seconds, &job.at, &job.zone) {
        (Some(seconds), ..) if seconds % 3_600 == 0 => format!("every {} h", seconds / 3_600),
        (Some(seconds), ..) if seconds % 60 == 0 => format!("every {} min", seconds / 60),
        (Some(seconds), ..) => format!("every {seconds} s"),
        (None, Some(at), Some(zone)) => format!("at {at} {zone}"),
        _ => "as a newer release says".to_owned(),
    }
}

/// Returns how a run went, and how long it took.
fn outcome(run: &JobHistoryEntry) -> String {
    let state = match run.state {
        JobRunState::Running => "running",
        JobRunState::Done => "done",
        JobRunState::Failed => "failed",
        JobRunState::Abandoned => "abandoned",
        JobRunState::Waiting => "waiting",
    };
    let taken = run.started_at.zip(run.finished_at).map(|(started, finished)| finished - started);
    match taken {
        Some(taken) => format!("{state} in {:.1} s", taken.num_milliseconds() as f64 / 1_000.0),
        None => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_how_it_went_and_how_long_it_took() {
        let at = |text: &str| Some(format!("2027-05-01T09:00:{text}Z").parse().unwrap());
        let run = |state, finished_at| JobHistoryEntry {
            slot: DateTime::UNIX_EPOCH,
            state,
            attempts: 1,
            started_at: at("00"),
            finished_at,
            error: None,
            process: None,
            requested_by: None,
        };
        assert_eq!(outcome(&run(JobRunState::Done, at("01.5"))), "done in 1.5 s");
        assert_eq!(outcome(&run(JobRunState::Running, None)), "running");
    }
}

//! `tutti check`: compares what a role counts with what there is.
//!
//! Works beside running servers. Invariant: it changes nothing.

use base::Random;
use base::clock::Clock;
use boot::DbConfig;
use db::Db;
use service::Service;

use crate::cli::{Check as Arguments, CheckedRole, Settings};
use crate::terminal::say;
use crate::{CommandError, settings};

/// Differences that are listed; all of them are counted.
const MAX_LISTED: usize = 50;

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    match arguments.role {
        CheckedRole::Social => check_social(&arguments.settings).await,
        CheckedRole::Notify => check_notify(&arguments.settings).await,
    }
}

async fn check_social(arguments: &Settings) -> Result<(), CommandError> {
    let (people, drifts) = social::check(&open(arguments, social::service()).await?).await?;
    for drift in drifts.iter().take(MAX_LISTED) {
        say!("The {} of {} are counted as {}, and there are {}.", drift.what, drift.of, drift.stored, drift.rows);
    }
    if !drifts.is_empty() {
        return Err(format!("{} counts of {people} people are wrong", drifts.len()).into());
    }
    say!("People: {people}. Drift: 0.");
    Ok(())
}

async fn check_notify(arguments: &Settings) -> Result<(), CommandError> {
    let (config, _) = settings::installation(arguments)?;
    let db = open(arguments, notify::service()).await?;
    let (members, drifts) = notify::check(&config, &db, &Clock::system(), &Random::system()).await?;
    for drift in drifts.iter().take(MAX_LISTED) {
        say!(
            "The {} notices of {} are counted as {}, and there are {}.",
            drift.what,
            drift.member,
            drift.stored,
            drift.rows
        );
    }
    if !drifts.is_empty() {
        return Err(format!("{} counts of {members} members are wrong", drifts.len()).into());
    }
    say!("Members: {members}. Drift: 0.");
    Ok(())
}

/// Opens the database of a role. Fails if there is none, or if its schema is older than this release.
async fn open(arguments: &Settings, service: Service) -> Result<Db, CommandError> {
    let (config, server) = settings::installation(arguments)?;
    let options: DbConfig = config.section("db")?;
    let name = service.name;
    if options.postgres("")?.is_none() && !server.data.join(format!("{name}.db")).exists() {
        return Err(format!(
            "there is nothing of {name} in {}: give the server's data folder with --data, or its configuration with \
             --config",
            server.data.display()
        )
        .into());
    }
    let db = options.open(name, &server.data).await?;
    if !db.is_current(name, service.migrations.unwrap_or_default()).await? {
        return Err(format!("the schema of {name} is older than this release needs: run `tutti migrate`").into());
    }
    Ok(db)
}

//! The database of a role at a start: of this environment, and migrated.
//!
//! Invariant: nothing is changed in a database that belongs to another environment.

use base::{Clock, Environment};
use db::{Db, environment};
use service::{BootError, Service};

use super::{DbConfig, PendingDependencies};

/// Migrates the schema, or waits until another process has; in either case waits for the database. Records the
/// environment in a new database, and refuses that of another one.
pub(super) async fn migrate(
    service: &Service,
    db: &Db,
    (config, environment): (&DbConfig, &Environment),
    pending: &PendingDependencies,
    clock: &Clock,
) -> Result<(), BootError> {
    let Some(migrations) = service.migrations else { return Ok(()) };
    let what = format!("the {} database", service.name);
    pending
        .retry_until_ready(&what, BootError::is_transient, || async {
            refuse_other_environment(service.name, db, environment).await?;
            if config.migrate_on_start {
                db.migrate(service.name, migrations).await?;
            } else if !db.is_current(service.name, migrations).await? {
                return Err(BootError::Unmigrated(service.name));
            }
            let recorded = environment::record(db, environment, clock.now()).await?;
            refuse(service.name, &recorded, environment)
        })
        .await
}

/// Returns an error if the database of a role belongs to another environment. Changes nothing.
pub async fn refuse_other_environment(role: &str, db: &Db, environment: &Environment) -> Result<(), BootError> {
    match environment::find(db).await? {
        Some(recorded) => refuse(role, &recorded, environment),
        None => Ok(()),
    }
}

fn refuse(role: &str, recorded: &environment::Recorded, environment: &Environment) -> Result<(), BootError> {
    if recorded.is_of(environment) {
        return Ok(());
    }
    let other = if recorded.name == environment.name { ", another one of this name" } else { "" };
    Err(BootError::Other(format!(
        "the database of {role} belongs to the environment `{}`{other}, and this process to `{}`: name the right \
         database, or the right environment with environment.name. A copy of another environment is taken over by \
         `tutti env adopt`",
        recorded.name, environment.name
    )))
}

/// Logs that the site is retired, if it is: a person who starts it again should not wonder.
pub(super) async fn warn_if_retired(databases: &[(&'static str, Db)]) {
    for (role, db) in databases {
        match db::retirement::find(db.read()).await {
            Ok(Some(retirement)) => {
                tracing::warn!(
                    role,
                    since = %retirement.retired_at,
                    reason = retirement.reason,
                    "this site is retired: no timed job runs, and no mail and no push is sent, until `tutti retire \
                     --undo`"
                );
                return;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(role, %error, "whether this site is retired could not be read"),
        }
    }
}

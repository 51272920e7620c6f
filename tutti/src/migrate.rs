//! `tutti migrate`: migrates the schemas, and creates the table of notices if they are in one, before the processes of
//! a new release start.
//!
//! Invariant: migrations only add, and each is applied once, even while other processes migrate or serve.

use std::path::Path;

use base::config::Config;
use base::{Environment, Random};
use boot::DbConfig;

use crate::cli::Migrate;
use crate::terminal::say;
use crate::{CommandError, roles, settings};

pub(crate) async fn run(arguments: Migrate) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    migrate(&config, &server.data, &arguments.roles).await
}

/// Migrates the schemas of these roles; of all if none is named.
pub(crate) async fn migrate(config: &Config, data: &Path, roles: &[String]) -> Result<(), CommandError> {
    let db: DbConfig = config.section("db")?;
    if db.postgres("")?.is_none() && !data.exists() {
        return Err(format!(
            "there is no data folder {}, and no database is configured: give a folder with --data, or set db.url",
            data.display()
        )
        .into());
    }
    let environment = Environment::of(config)?;
    let services = roles::select(roles)?;
    let has_notices = services.iter().any(|service| service.name == notify::service().name);
    for service in services {
        let Some(migrations) = service.migrations else { continue };
        let newest = migrations.last().map_or(0, |migration| migration.version);
        let database = db.open(service.name, data).await?;
        boot::refuse_other_environment(service.name, &database, &environment).await?;
        let was_current = database.is_current(service.name, migrations).await?;
        database.migrate(service.name, migrations).await?;
        say!("{:<10} schema version {newest}{}", service.name, if was_current { "" } else { ", brought up to date" });
    }
    if has_notices && let Some(table) = notify::create_table(config, &Random::system()).await? {
        say!("{:<10} table {}{}", "notify", table.name, if table.is_created { ", created" } else { "" });
    }
    Ok(())
}

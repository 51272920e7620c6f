//! The databases of an installation, for commands that change or compare all of them.
//!
//! Invariant: a command creates no database by opening it, and touches none of another environment unless it is asked
//! to.

use std::path::Path;

use base::Environment;
use base::config::Config;
use boot::DbConfig;
use db::Db;
use service::Service;

use crate::{CommandError, roles};

/// A role with its database.
pub(crate) struct RoleDb {
    /// The role.
    pub(crate) service: Service,
    /// Its database.
    pub(crate) db: Db,
}

/// Opens the databases that roles have here, of whatever environment and version: a role of a later release, and one
/// that runs elsewhere, has none. Fails if there is none at all.
pub(crate) async fn open_each(config: &Config, data: &Path) -> Result<Vec<RoleDb>, CommandError> {
    let (options, mut databases): (DbConfig, _) = (config.section("db")?, Vec::new());
    for service in roles::all().into_iter().filter(|service| service.migrations.is_some()) {
        // Opening would create an empty file.
        if options.postgres("")?.is_none() && !data.join(format!("{}.db", service.name)).is_file() {
            continue;
        }
        let db = options.open(service.name, data).await?;
        databases.push(RoleDb { service, db });
    }
    if databases.is_empty() {
        return Err(format!(
            "there are no databases in {}: name the server's data folder with --data, or its configuration with \
             --config",
            data.display()
        )
        .into());
    }
    Ok(databases)
}

/// Opens the databases that roles have here, whatever versions their schemas have. Fails if there is none, or if one
/// belongs to another environment.
pub(crate) async fn open_all(config: &Config, data: &Path) -> Result<Vec<RoleDb>, CommandError> {
    let (environment, databases) = (Environment::of(config)?, open_each(config, data).await?);
    for RoleDb { service, db } in &databases {
        boot::refuse_other_environment(service.name, db, &environment).await?;
    }
    Ok(databases)
}

/// Opens the databases as [`open_all`] does, and fails if a schema is older than this release.
pub(crate) async fn open_current(config: &Config, data: &Path) -> Result<Vec<RoleDb>, CommandError> {
    let databases = open_all(config, data).await?;
    for RoleDb { service, db } in &databases {
        if !db.is_current(service.name, service.migrations.unwrap_or_default()).await? {
            return Err(format!(
                "the schema of {} is older than this release needs: run `tutti migrate`",
                service.name
            )
            .into());
        }
    }
    Ok(databases)
}

/// Returns a URL with the name of another database, wherever it has one.
pub(crate) fn url_of(url: &str, database: &str) -> Result<String, CommandError> {
    let mut url = reqwest::Url::parse(url).map_err(|_| "db.url is no URL")?;
    url.set_path(database);
    let (names, others): (Vec<_>, Vec<_>) =
        url.query_pairs().into_owned().partition(|(name, _): &(String, String)| name == "dbname");
    if !names.is_empty() {
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    Ok(url.into())
}

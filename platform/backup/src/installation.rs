//! The installation that is backed up or restored into.
//!
//! Owns finding and opening its engines. Invariant: nothing here creates a database or changes a schema.

use std::path::PathBuf;

use base::clock::Clock;
use base::config::Config;
use base::random::Random;
use boot::Engines;
use objects::Objects;
use objects::reconcile::RoleDatabase;
use service::Service;

use crate::Error;
use crate::manifest::Engine;

/// The version of the platform's tables from which on removals can be held.
const HOLD_VERSION: i64 = 7;

/// See the module.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The data folder.
    pub data: PathBuf,
    /// The configuration.
    pub config: Config,
    /// The file of the configuration, if it has one.
    pub config_file: Option<PathBuf>,
    /// The files with secrets that roles read, besides those of the engines, each with the key that names it.
    pub secret_files: Vec<(&'static str, PathBuf)>,
    /// Every role of the product.
    pub services: Vec<Service>,
    /// The release.
    pub release: &'static str,
    /// The clock.
    pub clock: Clock,
    /// The source of random values.
    pub random: Random,
}

impl Installation {
    /// Returns the settings of its engines.
    pub(crate) fn engines(&self) -> Result<Engines, Error> {
        Ok(Engines::of(&self.config)?)
    }

    /// Returns the engine of its databases.
    pub(crate) fn engine(&self) -> Result<Engine, Error> {
        Ok(match self.engines()?.db.postgres("")? {
            Some(_) => Engine::Postgresql,
            None => Engine::Sqlite,
        })
    }

    /// Returns the roles that have a database.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.migrations.is_some())
    }

    /// Returns the file of a role's database on SQLite.
    pub(crate) fn database_file(&self, role: &str) -> PathBuf {
        self.data.join(format!("{role}.db"))
    }

    /// Opens the databases that roles have, also those of the release before: a point is made before this release
    /// migrates them, and a role that is new has none. Refuses if there is none at all, and a schema in which removals
    /// can't be held.
    pub(crate) async fn open_databases(&self) -> Result<Vec<RoleDatabase>, Error> {
        let (config, mut databases) = (self.engines()?.db, Vec::new());
        for service in self.roles() {
            // Opening would create an empty database.
            if config.postgres(service.name)?.is_none() && !self.database_file(service.name).is_file() {
                tracing::warn!(role = service.name, "a role has no database yet; the point has nothing of it");
                continue;
            }
            let db = config.open(service.name, &self.data).await?;
            let missing = db.missing_steps(service.name, service.migrations.unwrap_or_default()).await?;
            match missing.iter().find(|step| step.part != service.name) {
                // The schema has no tables.
                Some(step) if step.found == 0 => {}
                Some(step) if step.version <= HOLD_VERSION => return Err(Error::Unmigrated(service.name)),
                _ => databases.push(RoleDatabase { service: service.name, db, columns: service.objects }),
            }
        }
        let Some(first) = self.roles().next().filter(|_| databases.is_empty()) else { return Ok(databases) };
        Err(match self.engine()? {
            Engine::Sqlite => Error::NoDatabase { role: first.name, data: self.data.clone() },
            Engine::Postgresql => Error::Unmigrated(first.name),
        })
    }

    /// Opens the store.
    pub(crate) async fn open_objects(&self) -> Result<Objects, Error> {
        let objects = boot::open_objects(&self.engines()?.objects, &self.data.join("objects")).await?;
        objects.ping().await?;
        Ok(objects)
    }
}

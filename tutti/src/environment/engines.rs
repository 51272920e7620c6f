//! What an environment has outside its folder: a database or schemas, objects in a bucket, streams of events.
//!
//! Invariant: only what has the environment's name and, where it can say so, its fingerprint is removed.

use base::Environment;
use base::config::Config;
use boot::{DbConfig, Engines, data_dir};
use db::{Db, FromQueryResult, PostgresOptions, Sql as _};
use objects::{Objects, shards};
use sea_orm::ConnectionTrait as _;

use super::description::{Files, Made, database_name};
use crate::databases::url_of;
use crate::{CommandError, roles};

#[derive(FromQueryResult)]
struct CountRow {
    number: i64,
}

const COUNT_DATABASES: &str = "
    select count(*) as number
      from pg_database
     where datname = $1";

/// Connects to the server of PostgreSQL that the description names.
async fn connect(url: &str) -> Result<Db, CommandError> {
    let config =
        DbConfig { url: Some(url.to_owned()), connections: 1, statement_timeout_seconds: 600, ..DbConfig::default() };
    let options: PostgresOptions = config.postgres("public")?.ok_or("db.url is empty")?;
    Ok(Db::postgres(&options).await?)
}

async fn has_database(server: &Db, name: &str) -> Result<bool, CommandError> {
    let row: Option<CountRow> = server.read().row(COUNT_DATABASES, vec![name.into()]).await?;
    Ok(row.is_some_and(|row| row.number > 0))
}

/// Makes the database of an environment, or nothing if it has schemas, which migrations make. Writes its URL.
pub(super) async fn create_database(server_url: &str, made: &Made, files: &Files) -> Result<(), CommandError> {
    if made.has_schemas {
        data_dir::write_secret(&files.db_url, server_url.as_bytes())?;
        return Ok(());
    }
    let name = database_name(&made.name);
    let server = connect(server_url).await?;
    if has_database(&server, &name).await? {
        return Err(format!("the database {name} exists already, and is not of this environment").into());
    }
    // The name has lower-case letters, digits and `_` only.
    let created = server.read().execute_unprepared(&format!("create database {name}")).await;
    created.map_err(|error| format!("the database {name} can't be made: {error}"))?;
    data_dir::write_secret(&files.server_url, server_url.as_bytes())?;
    data_dir::write_secret(&files.db_url, url_of(server_url, &name)?.as_bytes())?;
    Ok(())
}

/// Returns what is outside the folder, as sentences.
pub(super) fn parts(config: &Config, files: &Files, name: &str) -> Result<Vec<String>, CommandError> {
    let (engines, mut parts) = (Engines::of(config)?, Vec::new());
    if files.server_url.is_file() {
        parts.push(format!("the database {}", database_name(name)));
    } else if files.db_url.is_file() {
        parts.push(format!("the schemas {}_…", database_name(name)));
    }
    if !engines.objects.bucket.is_empty() {
        parts.push(format!("objects below {} in the bucket {}", engines.objects.prefix, engines.objects.bucket));
    }
    if !engines.bus.servers.is_empty() {
        parts.push(format!("the streams {0} and {0}-dead", engines.bus.prefix));
    }
    Ok(parts)
}

/// Removes what is outside the folder. What is not there is no error.
pub(super) async fn remove(config: &Config, environment: &Environment, files: &Files) -> Result<(), CommandError> {
    let (engines, name) = (Engines::of(config)?, environment.name.as_str());
    if !engines.objects.bucket.is_empty() {
        if !engines.objects.prefix.ends_with(&format!("{name}/")) {
            return Err("objects.prefix is not the environment's: nothing was removed".into());
        }
        remove_objects(&boot::open_objects(&engines.objects, &files.data.join("objects")).await?).await?;
    }
    if !engines.bus.servers.is_empty() {
        if engines.bus.prefix != super::description::bus_prefix(name) {
            return Err("bus.prefix is not the environment's: no stream and no database was removed".into());
        }
        bus_nats::remove(&engines.bus).await?;
    }
    if files.server_url.is_file() {
        let server = connect(std::fs::read_to_string(&files.server_url)?.trim()).await?;
        let database = database_name(name);
        if has_database(&server, &database).await? {
            refuse_others(&engines.db, environment).await?;
            // Its processes lose their connections.
            let text = format!("drop database if exists {database} with (force)");
            server.read().execute_unprepared(&text).await.map_err(db::Error::from)?;
        }
    } else if files.db_url.is_file() {
        refuse_others(&engines.db, environment).await?;
        let server = connect(std::fs::read_to_string(&files.db_url)?.trim()).await?;
        for service in roles::all().iter().filter(|service| service.migrations.is_some()) {
            let text = format!("drop schema if exists {}_{} cascade", database_name(name), service.name);
            server.read().execute_unprepared(&text).await.map_err(db::Error::from)?;
        }
    }
    Ok(())
}

/// Refuses databases of another environment with the same name.
async fn refuse_others(options: &DbConfig, environment: &Environment) -> Result<(), CommandError> {
    for service in roles::all().iter().filter(|service| service.migrations.is_some()) {
        let Some(named) = options.postgres(service.name)? else { continue };
        boot::refuse_other_environment(service.name, &Db::postgres(&named).await?, environment).await?;
    }
    Ok(())
}

async fn remove_objects(objects: &Objects) -> Result<(), CommandError> {
    for shard in shards() {
        for listed in objects.list(&shard).await? {
            objects.remove(&listed.key).await?;
        }
    }
    Ok(())
}

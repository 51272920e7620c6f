//! What an environment has outside its folder: a database or schemas, objects in a bucket, streams of events.
//!
//! Invariant: nothing is made in the place of another environment of the name, and nothing is removed before the
//! databases have said that they are this one's.

use base::Environment;
use base::config::Config;
use boot::{DbConfig, Engines, data_dir};
use bus_nats::NatsOptions;
use db::{Db, FromQueryResult, PostgresOptions, Sql as _};
use objects::{Objects, shards};
use objects_s3::S3Options;
use sea_orm::ConnectionTrait as _;

use super::description::{Files, Made, bus_prefix, database_name, object_prefix};
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

const COUNT_SCHEMAS: &str = "
    select count(*) as number
      from pg_namespace
     where nspname = $1";

/// Connects to the server of PostgreSQL that the description names.
async fn connect(url: &str) -> Result<Db, CommandError> {
    let config =
        DbConfig { url: Some(url.to_owned()), connections: 1, statement_timeout_seconds: 600, ..DbConfig::default() };
    let options: PostgresOptions = config.postgres("public")?.ok_or("db.url is empty")?;
    Ok(Db::postgres(&options).await?)
}

/// Whether there is something of a name: `text` counts it.
async fn has(server: &Db, text: &str, name: &str) -> Result<bool, CommandError> {
    let row: Option<CountRow> = server.read().row(text, vec![name.into()]).await?;
    Ok(row.is_some_and(|row| row.number > 0))
}

/// Fails if the engines of the description have something of another environment of the name, made from another folder
/// or machine. Changes nothing.
pub(super) async fn refuse_others(server: Option<&str>, bus: NatsOptions, made: &Made) -> Result<(), CommandError> {
    let (mut found, database) = (None, database_name(&made.name));
    if let Some(server) = server {
        let server = connect(server).await?;
        if !made.has_schemas && has(&server, COUNT_DATABASES, &database).await? {
            found = Some(format!("the database {database}"));
        }
        for service in roles::all().iter().filter(|service| made.has_schemas && service.migrations.is_some()) {
            let schema = format!("{database}_{}", service.name);
            if has(&server, COUNT_SCHEMAS, &schema).await? {
                found = Some(format!("the schema {schema}"));
            }
        }
    }
    if !made.objects.bucket.is_empty() {
        let prefix = object_prefix(&made.objects, &made.name);
        let store = objects_s3::open(&S3Options { prefix: prefix.clone(), ..made.objects.clone() })?;
        if !store.list_all().await?.is_empty() {
            found = Some(format!("objects below {prefix}"));
        }
    }
    let bus = NatsOptions { prefix: bus_prefix(&made.name), ..bus };
    if !bus.servers.is_empty() && bus_nats::exists(&bus).await? {
        found = Some(format!("the streams of {}", bus.prefix));
    }
    match found {
        Some(found) => Err(format!("{found} exist already, of another environment: choose another name").into()),
        None => Ok(()),
    }
}

/// Makes the database of an environment, or nothing if it has schemas, which migrations make. Writes its URL first: by
/// that file, `drop` knows that something was made.
pub(super) async fn create_database(server_url: &str, made: &Made, files: &Files) -> Result<(), CommandError> {
    if made.has_schemas {
        data_dir::write_secret(&files.db_url, server_url.as_bytes())?;
        return Ok(());
    }
    let name = database_name(&made.name);
    let server = connect(server_url).await?;
    data_dir::write_secret(&files.server_url, server_url.as_bytes())?;
    data_dir::write_secret(&files.db_url, url_of(server_url, &name)?.as_bytes())?;
    // The name has lower-case letters, digits and `_` only.
    let created = server.read().execute_unprepared(&format!("create database {name}")).await;
    created.map(drop).map_err(|error| format!("the database {name} can't be made: {error}").into())
}

/// Returns what is outside the folder, as sentences.
pub(super) fn parts(config: &Config, files: &Files, name: &str) -> Result<Vec<String>, CommandError> {
    let (engines, mut parts) = (Engines::of(config)?, Vec::new());
    if !is_made(&engines.db, files) {
        return Ok(parts);
    }
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

/// Whether anything was made outside the folder: the database is the first of it.
fn is_made(options: &DbConfig, files: &Files) -> bool {
    options.url_file.is_none() || files.db_url.is_file()
}

/// Removes what is outside the folder, databases last: they say whose all of it is. What is not there is no error.
pub(super) async fn remove(config: &Config, environment: &Environment, files: &Files) -> Result<(), CommandError> {
    let (engines, name) = (Engines::of(config)?, environment.name.as_str());
    if !is_made(&engines.db, files) {
        return Ok(());
    }
    let database = database_name(name);
    let url = if files.server_url.is_file() { Some(&files.server_url) } else { None };
    let server = match url {
        Some(url) => Some(connect(std::fs::read_to_string(url)?.trim()).await?),
        None => None,
    };
    let has_database = match &server {
        Some(server) => has(server, COUNT_DATABASES, &database).await?,
        None => files.db_url.is_file(),
    };
    if has_database {
        refuse_databases_of_others(&engines.db, environment).await?;
    }
    if !engines.objects.bucket.is_empty() {
        if !engines.objects.prefix.ends_with(&format!("{name}/")) {
            return Err("objects.prefix is not the environment's: nothing was removed".into());
        }
        remove_objects(&boot::open_objects(&engines.objects, &files.data.join("objects")).await?).await?;
    }
    if !engines.bus.servers.is_empty() {
        if engines.bus.prefix != bus_prefix(name) {
            return Err("bus.prefix is not the environment's: no stream and no database was removed".into());
        }
        bus_nats::remove(&engines.bus).await?;
    }
    if let Some(server) = server {
        // Its processes lose their connections.
        let text = format!("drop database if exists {database} with (force)");
        server.read().execute_unprepared(&text).await.map_err(db::Error::from)?;
    } else if has_database {
        let server = connect(std::fs::read_to_string(&files.db_url)?.trim()).await?;
        for service in roles::all().iter().filter(|service| service.migrations.is_some()) {
            let text = format!("drop schema if exists {database}_{} cascade", service.name);
            server.read().execute_unprepared(&text).await.map_err(db::Error::from)?;
        }
    }
    Ok(())
}

/// Refuses databases of another environment with the same name.
async fn refuse_databases_of_others(options: &DbConfig, environment: &Environment) -> Result<(), CommandError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_no_database_was_made_nothing_else_was() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path());
        let set = [
            format!("db.url_file={}", files.db_url.display()),
            // No server answers there: asking for objects would fail.
            "objects.endpoint=http://127.0.0.1:9".to_owned(),
            "objects.bucket=shared".to_owned(),
            "objects.prefix=dev/".to_owned(),
        ];
        let config = Config::load(None, std::iter::empty(), &set, boot::SECTIONS, &[]).unwrap();
        let environment = Environment { name: "dev".to_owned(), ..Environment::default() };
        assert!(parts(&config, &files, "dev").unwrap().is_empty());
        remove(&config, &environment, &files).await.unwrap();
    }
}

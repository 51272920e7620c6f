//! `tutti env`: environments for development, each from one description, and copies of other environments.
//!
//! An environment is a folder with its configuration and its keys. Its databases have its name and its fingerprint, by
//! which a process of another one refuses to start on them. Invariant: nothing is removed that `tutti env new` did not
//! make, and nothing of production; variables of the shell lead nowhere else than the configuration that was made.

pub(crate) mod arguments;
mod description;
mod engines;

use std::path::PathBuf;

use base::config::Config;
use base::environment::{PRODUCTION, is_name};
use base::{Clock, Environment, Random};
use boot::{DbConfig, data_dir};
use bus_nats::NatsOptions;
use objects_s3::S3Options;
use toml::Table;

use crate::cli::Demo;
use crate::installation_arguments::Settings;
use crate::local_server::{LocalServer, free_address};
use crate::terminal::say;
use crate::{CommandError, databases, demo, migrate, roles, settings};
use arguments::{Env, EnvAction, NewEnvironment, Place};
use description::{Files, Made};

/// Makes an environment, or does what the action says.
pub(crate) async fn run(arguments: Env) -> Result<(), CommandError> {
    match arguments.action {
        EnvAction::New(new) => create(&new).await,
        EnvAction::Drop { place, yes } => drop_environment(&place, yes).await,
        EnvAction::Adopt { settings, from } => adopt(&settings, &from).await,
    }
}

/// Returns the folder of an environment, whole, so that its configuration can be used from everywhere.
fn folder_of(place: &Place) -> Result<PathBuf, CommandError> {
    if !is_name(&place.name) || place.name == PRODUCTION {
        return Err(format!(
            "`{}` can't be an environment for development: its name has at most 30 lower-case letters, digits and `-`, \
             the first a letter, and is not `{PRODUCTION}`",
            place.name
        )
        .into());
    }
    Ok(std::path::absolute(&place.folder)?.join(&place.name))
}

async fn create(new: &NewEnvironment) -> Result<(), CommandError> {
    let (folder, name) = (folder_of(&new.place)?, new.place.name.clone());
    if folder.exists() {
        return Err(format!("{} exists: choose another name, or type `tutti env drop {name}`", folder.display()).into());
    }
    let like = match &new.like {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            // Its text may hold a secret, which the library's message would show.
            text.parse::<Table>().map_err(|_| format!("{} is not valid TOML", file.display()))?
        }
        None => Table::new(),
    };
    let described = Config::load(new.like.as_deref(), std::iter::empty(), &[], &settings::section_names(), &[])?;
    let (db, bus): (DbConfig, NatsOptions) = (described.section("db")?, described.section("bus")?);
    let server = db.postgres("")?;
    if db.postgres("x")?.map(|named| named.url) != server.as_ref().map(|named| named.url.clone()) && !new.schemas {
        return Err(
            "db.url of the description names a database for each role: name one database, or add --schemas".into()
        );
    }
    let files = Files::of(&folder);
    let made = Made {
        name: name.clone(),
        // The beginning keeps it from being read as a number.
        fingerprint: format!("env-{}", Random::system().id()),
        addresses: [free_address()?, free_address()?, free_address()?],
        has_postgres: server.is_some(),
        has_schemas: new.schemas,
        has_nats: !bus.servers.is_empty(),
        objects: described.section::<S3Options>("objects")?,
    };
    engines::refuse_others(server.as_ref().map(|named| named.url.as_str()), bus, &made).await?;
    let text = description::configuration(like, &made, &files).to_string();
    data_dir::create_private_folder(&folder.join("secrets"))?;
    data_dir::create_private_folder(&files.data)?;
    data_dir::write_secret(&files.url_signing_key, &Random::system().bytes::<32>())?;
    // Written before anything is made elsewhere: it is what `drop` needs.
    data_dir::write_secret(&files.config, text.as_bytes())?;
    let filled = fill(new, &made, &files, server.map(|named| named.url)).await;
    filled.map_err(|error| {
        format!("{}. What is there of it is removed by `tutti env drop {name} --yes`", with_end(&error.to_string()))
    })?;
    say!("\n  {name} is ready:  tutti serve --config {}", files.config.display());
    say!("  the page        http://{}\n  the console     http://{}", made.addresses[0], made.addresses[2]);
    Ok(())
}

/// Returns a sentence without its full stop, so that another one can follow.
fn with_end(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}

/// Makes databases and content.
async fn fill(new: &NewEnvironment, made: &Made, files: &Files, server: Option<String>) -> Result<(), CommandError> {
    if let Some(server) = server {
        engines::create_database(&server, made, files).await?;
    }
    let (config, loaded) = settings::of_file(&files.config)?;
    migrate::migrate(&config, &loaded.data, &[]).await?;
    let environment = Environment::of(&config)?;
    for database in databases::open_all(&config, &loaded.data).await? {
        db::environment::record(&database.db, &environment, Clock::system().now()).await?;
    }
    if new.empty {
        return Ok(());
    }
    let arguments = ["--config".to_owned(), files.config.display().to_string()];
    let names = roles::all().map(|service| service.name);
    let log = tempfile::tempdir()?;
    let server = LocalServer::start(&std::env::current_exe()?, &names, &arguments, log.path()).await?;
    let loaded =
        demo::run(Demo { to: server.url().to_owned(), login_file: files.demo_login.clone(), media: None }).await;
    server.stop().await;
    loaded
}

/// Removes an environment: what is elsewhere first, the folder last, so that an interrupted command can be repeated.
async fn drop_environment(place: &Place, yes: bool) -> Result<(), CommandError> {
    let folder = folder_of(place)?;
    let files = Files::of(&folder);
    if !files.config.is_file() {
        return Err(format!("{} is no environment of `tutti env new`", folder.display()).into());
    }
    let (config, server) = settings::of_file(&files.config)?;
    let environment = Environment::of(&config)?;
    // What `new` wrote, and nothing that was changed into the configuration of another installation.
    if environment.name != place.name || environment.fingerprint.is_empty() || server.data != files.data {
        return Err(format!(
            "{} is not what `tutti env new {}` wrote: nothing was removed",
            files.config.display(),
            place.name
        )
        .into());
    }
    let _lock = data_dir::lock(&files.data)?;
    let parts = engines::parts(&config, &files, &place.name)?;
    if !yes {
        parts.iter().for_each(|part| say!("  {part}"));
        return Err(format!("add --yes to remove this, and all that is in {}", folder.display()).into());
    }
    engines::remove(&config, &environment, &files).await?;
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    say!("{} is removed.", place.name);
    Ok(())
}

/// Records the configured environment in the databases of a copy of another one.
async fn adopt(arguments: &Settings, from: &str) -> Result<(), CommandError> {
    let (config, server) = settings::installation(arguments)?;
    let environment = Environment::of(&config)?;
    let databases = databases::open_each(&config, &server.data).await?;
    // All are asked before one is changed.
    for database in &databases {
        let role = database.service.name;
        match db::environment::find(&database.db).await? {
            Some(recorded) if recorded.name == from || recorded.is_of(&environment) => {}
            Some(recorded) => {
                return Err(format!(
                    "the database of {role} belongs to `{}`, not to `{from}`: nothing was changed",
                    recorded.name
                )
                .into());
            }
            // A restore makes databases for roles that the point did not have yet.
            None if database.db.is_current(role, database.service.migrations.unwrap_or_default()).await? => {}
            None => {
                return Err(format!("the schema of {role} is older than this release: run `tutti migrate`").into());
            }
        }
    }
    for database in &databases {
        db::environment::replace(&database.db, &environment, Clock::system().now()).await?;
    }
    say!("{} databases belong to the environment `{}` now.", databases.len(), environment.name);
    Ok(())
}

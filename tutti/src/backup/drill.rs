//! `tutti backup drill`: restores a point into a scratch place, starts it, and checks what a bad night would need.
//!
//! Owns the scratch place and the checks. Databases of a drill have generated names, objects go into a folder, and the
//! server of a drill runs without the roles that reach anybody outside. Invariant: nothing of the
//! installation is written to but a database of a generated name, which is removed again; the key and the repository
//! are those that a restore would use.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ::backup::{BackupOptions, Engine, Installation, Manifest};
use base::config::Config;
use base::{Clock, Environment, ObjectKey, Random};
use boot::DbConfig;
use db::{Db, FromQueryResult, Sql as _};
use objects::reconcile::RoleDatabase;
use sea_orm::ConnectionTrait as _;
use serde::Serialize;

use super::scratch::Scratch;
use super::{Opened, references};
use crate::CommandError;
use crate::client::Client;
use crate::databases::url_of;
use crate::local_server::LocalServer;
use crate::terminal::say;

/// The roles of a drill's server: sign-in, media, reading, posts. No webhook and no push leaves it, and mails go into a
/// folder of the scratch place, whatever the point has waiting.
const ROLES: [&str; 4] = ["accounts", "media", "delivery", "social"];
/// Tables that change in a restore or while the restored server starts.
const CHANGING_TABLES: [&str; 9] = [
    "outbox",
    "inbox",
    "restored",
    "removal_hold",
    "retirement",
    "schema_version",
    "schedule_run",
    "schedule_job",
    "orphan_object",
];
/// How long the restored server may take until what its roles say of each other is the same.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a statement may take in the database of a drill.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The names of databases of drills begin so; the time in seconds and a random part follow.
const DATABASE_PREFIX: &str = "tutti_drill_";
/// No drill takes longer.
const MAX_DRILL_SECONDS: i64 = 2 * 86_400;
const SETTLE_INTERVAL: Duration = Duration::from_millis(500);
/// Problems of one kind that a report names.
const MAX_NAMED: usize = 20;

/// What a drill found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    /// The recovery point.
    pub(super) point: String,
    /// Seconds for restoring and starting, until a member could sign in.
    pub(super) recovery_seconds: u64,
    /// The age of the point when the drill began, in seconds: what came after it would be lost.
    pub(super) loss_seconds: u64,
    /// Rows that were counted.
    pub(super) rows: u64,
    /// Objects that were read.
    pub(super) objects: u64,
    /// What is wrong, as sentences.
    pub(super) problems: Vec<String>,
}

impl Report {
    /// Prints the report.
    pub(super) fn print(&self) {
        say!("{}: {} rows and {} objects were restored and compared.", self.point, self.rows, self.objects);
        say!("Until a sign-in: {} s. Since the point: {} s.", self.recovery_seconds, self.loss_seconds);
        self.problems.iter().for_each(|problem| say!("  {problem}"));
    }
}

/// Runs a drill of a point in a folder below `scratch`, or else below the one of the settings.
pub(super) async fn run(opened: &Opened, point: &str, scratch: Option<&Path>) -> Result<Report, CommandError> {
    let Opened { installation, options, repository } = opened;
    let (started, begun_at) = (Instant::now(), installation.clock.now());
    let manifest = repository.manifest(point).await?;
    let named = scratch.or(options.drill_folder.as_deref());
    let parent = named.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = Scratch::make(&parent)?;
    let place = Place::prepare(installation, &manifest, folder.path()).await?;
    let checked = async {
        ::backup::restore(&place.installation, options, repository, &manifest.id).await?;
        let restoring = started.elapsed();
        let mut report = Report {
            point: manifest.id.clone(),
            recovery_seconds: 0,
            loss_seconds: (begun_at - manifest.begun_at).num_seconds().unsigned_abs(),
            rows: 0,
            objects: 0,
            problems: Vec::new(),
        };
        let missing = manifest.missing.iter().take(MAX_NAMED);
        report.problems.extend(missing.map(|key| format!("the point lacks the object {key}, which rows name")));
        // Before a server starts, which removes what is due.
        check_rows(&place.installation, &manifest, &mut report).await?;
        check_counts(&place.installation, &mut report).await?;
        check_objects(&place.installation, repository, &manifest, &mut report).await?;
        let starting = Instant::now();
        let server = LocalServer::start(&std::env::current_exe()?, &ROLES, &place.arguments, folder.path()).await?;
        match sign_in(&server, options).await {
            Ok(()) => report.recovery_seconds = (restoring + starting.elapsed()).as_secs(),
            Err(error) => report.problems.push(format!("a member can't sign in: {error}")),
        }
        check_references(&place.installation, &mut report).await?;
        server.stop().await;
        Ok::<_, CommandError>(report)
    };
    let checked = checked.await;
    // What the drill found counts more than what it leaves.
    let removed = place.remove().await;
    let report = checked?;
    removed?;
    Ok(report)
}

/// Restores a point into a scratch place, with the schemas of this release, and starts the binary of another release on
/// it, which has to be ready.
pub(super) async fn rehearse(opened: &Opened, point: &str, binary: &Path) -> Result<(), CommandError> {
    let Opened { installation, options, repository } = opened;
    let manifest = repository.manifest(point).await?;
    let parent = options.drill_folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Scratch::make(&parent)?;
    let place = Place::prepare(installation, &manifest, folder.path()).await?;
    let tried = async {
        ::backup::restore(&place.installation, options, repository, &manifest.id).await?;
        LocalServer::start(binary, &ROLES, &place.arguments, folder.path()).await?.stop().await;
        Ok::<_, CommandError>(())
    };
    let tried = tried.await;
    let removed = place.remove().await;
    tried.and(removed)
}

/// The scratch place.
struct Place {
    installation: Installation,
    /// The arguments that name it on the command line of a server.
    arguments: Vec<String>,
    /// The database that was made, and a connection to the server that has it.
    database: Option<(String, Db)>,
}

impl Place {
    async fn prepare(installation: &Installation, manifest: &Manifest, folder: &Path) -> Result<Self, CommandError> {
        let data = folder.join("data");
        // None of the installation's settings but its environment, and where its database server is.
        let Environment { name, fingerprint, .. } = Environment::of(&installation.config)?;
        let mut set = vec![format!("environment.name={name}"), format!("environment.fingerprint={fingerprint}")];
        let mut database = None;
        if manifest.engine == Engine::Postgresql {
            let db: DbConfig = installation.config.section("db")?;
            let mut named = db.postgres("")?.ok_or("the point is of PostgreSQL: set db.url, or db.url_file")?;
            named.statement_timeout = STATEMENT_TIMEOUT;
            if db.postgres("x")?.is_some_and(|other| other.url != named.url) {
                return Err("a drill restores into one database, and db.url names one for each role".into());
            }
            let (now, random) = (installation.clock.now().timestamp(), installation.random.uuid_v4());
            let name = format!("{DATABASE_PREFIX}{now}_{}", random.simple());
            let file = folder.join("database-url");
            boot::data_dir::write_secret(&file, url_of(&named.url, &name)?.as_bytes())?;
            let connection = Db::postgres(&named).await?;
            drop_left(&connection, now).await?;
            connection.read().execute_unprepared(&format!("create database {name}")).await.map_err(db::Error::from)?;
            // The one of the point, which a restore writes there.
            let key = data.join("restored/configuration/secrets.url_signing_key_file");
            set.push(format!("secrets.url_signing_key_file={}", key.display()));
            set.push(format!("db.url_file={}", file.display()));
            set.push(format!("db.schema={}", db.schema));
            set.push(format!("db.statement_timeout_seconds={}", STATEMENT_TIMEOUT.as_secs()));
            database = Some((name, connection));
        }
        let mut arguments = vec!["--data".to_owned(), data.display().to_string()];
        arguments.extend(set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
        let installation = Installation {
            data,
            config: Config::load(None, std::iter::empty(), &set, boot::SECTIONS, &[])?,
            config_file: None,
            secret_files: Vec::new(),
            services: installation.services.clone(),
            release: installation.release,
            clock: Clock::system(),
            random: Random::system(),
        };
        Ok(Self { installation, arguments, database })
    }

    /// Removes what is not in the scratch folder.
    async fn remove(self) -> Result<(), CommandError> {
        if let Some((name, connection)) = self.database {
            let text = format!("drop database {name} with (force)");
            connection.read().execute_unprepared(&text).await.map_err(db::Error::from)?;
        }
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct DatabaseRow {
    name: String,
}

const UNUSED_DATABASES: &str = "
    select cast(datname as text) as name
      from pg_database
     where not exists (
           select 1
             from pg_stat_activity
            where pg_stat_activity.datname = pg_database.datname)";

/// Drops the databases that drills which were killed have left: nothing is connected to them, and they are old.
async fn drop_left(server: &Db, now: i64) -> Result<(), CommandError> {
    let unused: Vec<DatabaseRow> = server.read().rows(UNUSED_DATABASES, vec![]).await?;
    for DatabaseRow { name } in unused.into_iter().filter(|row| is_left(&row.name, now)) {
        match server.read().execute_unprepared(&format!("drop database if exists {name}")).await {
            Ok(_) => eprintln!("The database {name}, which a killed drill had left, was removed."),
            Err(error) => eprintln!("{name}, a copy of the installation that a killed drill has left: {error}"),
        }
    }
    Ok(())
}

/// Whether a database has the name of one that a drill made long ago.
fn is_left(name: &str, now: i64) -> bool {
    let parts = name.strip_prefix(DATABASE_PREFIX).and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(made, random)| {
        random.len() == 32
            && random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && made.parse::<i64>().is_ok_and(|made| made < now - MAX_DRILL_SECONDS)
    })
}

/// Opens every role's database.
async fn open_databases(installation: &Installation) -> Result<Vec<RoleDatabase>, CommandError> {
    let (config, mut databases): (DbConfig, _) = (installation.config.section("db")?, Vec::new());
    for service in installation.services.iter().filter(|service| service.migrations.is_some()) {
        let db = config.open(service.name, &installation.data).await?;
        databases.push(RoleDatabase { service: service.name, db, columns: service.objects });
    }
    Ok(databases)
}

#[derive(FromQueryResult)]
struct CountRow {
    number: i64,
}

/// Compares the number of rows of each table with that of the point. A later release may have changed rows.
async fn check_rows(installation: &Installation, manifest: &Manifest, report: &mut Report) -> Result<(), CommandError> {
    let databases = open_databases(installation).await?;
    let expected: BTreeMap<&String, &u64> = manifest.databases.iter().flat_map(|database| &database.rows).collect();
    for (name, expected) in expected {
        let Some((role, table)) = name.split_once('.') else { continue };
        let Some(database) = databases.iter().find(|database| database.service == role) else { continue };
        if CHANGING_TABLES.contains(&table) {
            continue;
        }
        // In a transaction, whose statements take as long as they take.
        let transaction = sea_orm::TransactionTrait::begin(database.db.read()).await.map_err(db::Error::from)?;
        let text = format!("select count(*) as number from \"{}\"", table.replace('"', "\"\""));
        let row: Option<CountRow> = transaction.row(&text, vec![]).await?;
        transaction.rollback().await.map_err(db::Error::from)?;
        let found = row.map_or(0, |row| row.number.unsigned_abs());
        report.rows += found;
        if found != *expected && manifest.release == installation.release {
            report.problems.push(format!("{name} has {found} rows, and had {expected}"));
        }
    }
    Ok(())
}

/// Compares what roles count with what there is, as `tutti check` does.
async fn check_counts(installation: &Installation, report: &mut Report) -> Result<(), CommandError> {
    let Installation { config, clock, random, .. } = installation;
    for RoleDatabase { service, db, .. } in open_databases(installation).await? {
        let wrong = match service {
            "social" => social::check(&db).await?.1.len(),
            "notify" => notify::check(config, &db, clock, random).await?.1.len(),
            _ => 0,
        };
        if wrong > 0 {
            report.problems.push(format!("{wrong} counts of {service} are wrong: see `tutti check {service}`"));
        }
    }
    Ok(())
}

/// Signs in as the member that the settings name, or as a new one.
async fn sign_in(server: &LocalServer, options: &BackupOptions) -> Result<(), CommandError> {
    if let (Some(login), Some(file)) = (&options.drill_login, &options.drill_password_file) {
        let password = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Client::sign_in(server.url(), login, password.trim()).await?;
        return Ok(());
    }
    let id = Random::system().id().to_lowercase();
    let (handle, password) = (format!("drill_{}", &id[..8]), Random::system().id());
    let email = format!("{handle}@drill.example");
    let account = Client::sign_up(server.url(), &handle, &email, &password)
        .await
        .map_err(|error| format!("{error}; if sign-ups are turned off, name an account with backup.drill_login"))?;
    account.ok_or("the generated handle is taken")?;
    Client::sign_in(server.url(), &handle, &password).await?;
    Ok(())
}

/// Checks what the roles say of each other, once the events of the point are handled.
async fn check_references(installation: &Installation, report: &mut Report) -> Result<(), CommandError> {
    let (databases, started) = (open_databases(installation).await?, Instant::now());
    loop {
        let problems = references::check(&databases, MAX_NAMED).await?;
        if problems.is_empty() || started.elapsed() > SETTLE_TIMEOUT {
            report.problems.extend(problems);
            return Ok(());
        }
        tokio::time::sleep(SETTLE_INTERVAL).await;
    }
}

/// Reads every object that was restored, and asks whether every row has its own.
async fn check_objects(
    installation: &Installation,
    repository: &::backup::Repository,
    manifest: &Manifest,
    report: &mut Report,
) -> Result<(), CommandError> {
    let checked = ::backup::check_objects(installation, repository, manifest).await?;
    report.objects = checked.read;
    let damaged = checked.damaged.iter().take(MAX_NAMED);
    report.problems.extend(damaged.map(|key| format!("the object {key} is missing or has other bytes")));
    let objects = objects::Objects::folder(&installation.data.join("objects")).await?;
    let found = objects::reconcile::check(&objects, &open_databases(installation).await?).await?;
    let is_known = |key: &ObjectKey| manifest.missing.contains(key) || manifest.unfinished.contains(key);
    let missing = found.missing.iter().filter(|missing| !is_known(&missing.key)).take(MAX_NAMED);
    report.problems.extend(
        missing.map(|missing| format!("{} names the object {}, which is missing", missing.named_in, missing.key)),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_in_a_database_of_its_own_and_drops_no_other_than_what_an_old_drill_left() {
        let url = url_of("postgres://me:a%2Fb@db/live?sslmode=require&dbname=live", "tutti_drill_1_x").unwrap();
        assert_eq!(url, "postgres://me:a%2Fb@db/tutti_drill_1_x?sslmode=require");
        assert_eq!(url_of("postgres://db/live", "x").unwrap(), "postgres://db/x");
        let (now, random) = (1_796_028_300, "0123456789abcdef0123456789abcdef");
        assert!(is_left(&format!("tutti_drill_1_{random}"), now));
        for other in [
            format!("tutti_drill_{}_{random}", now - 3600),
            "tutti_drill_1_live".to_owned(),
            format!("tutti_{random}"),
            "tutti_drill_1_\"; drop".to_owned(),
        ] {
            assert!(!is_left(&other, now), "{other}");
        }
    }
}

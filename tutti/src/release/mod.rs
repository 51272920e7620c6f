//! `tutti release`: from a restore point to the last process, and back.
//!
//! Owns the order of the steps and what is refused. Does not own how processes are started and ended: the configuration
//! names commands for that. Invariant: in production no process of a release starts before a tester has accepted this
//! very binary, and none before there is a restore point.

pub(crate) mod acceptance;
pub(crate) mod arguments;
mod budget;
mod losses;
pub(crate) mod options;
mod record;
mod schemas;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base::config::Config;
use base::{Clock, Environment};
use bus_nats::NatsOptions;
use tokio::process::Command;

use crate::backup::arguments::RepositoryArguments;
use crate::installation_arguments::Settings;
use crate::settings::Server;
use crate::terminal::say;
use crate::{CommandError, backup, databases, roles, settings};
use acceptance::Statement;
use arguments::{Release, ReleaseAction};
use options::ReleaseOptions;
use record::{Record, Records, Step, ThisRelease};

/// No command of the configuration takes longer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3600);

/// A release and its installation.
struct Context {
    settings: Settings,
    config: Config,
    server: Server,
    options: ReleaseOptions,
    records: Records,
    this: ThisRelease,
    environment: Environment,
    clock: Clock,
}

/// Does what the action says.
pub(crate) async fn run(arguments: Release) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let options = ReleaseOptions::of(&config)?;
    let context = Context {
        records: Records::new(&options, &server.data),
        this: ThisRelease::read()?,
        environment: Environment::of(&config)?,
        clock: Clock::system(),
        settings: arguments.settings,
        config,
        server,
        options,
    };
    match arguments.action {
        ReleaseAction::Prepare { old, no_way_back } => context.prepare(old.as_deref(), no_way_back).await,
        ReleaseAction::Accept { key, notes, out } => context.accept(&key, notes, out),
        ReleaseAction::Start { acceptance, hold } => context.start(acceptance.acceptance.as_deref(), hold).await,
        ReleaseAction::Promote { acceptance } => context.promote(acceptance.acceptance.as_deref()).await,
        ReleaseAction::Rollback { database: false, .. } => context.roll_back_binary().await,
        ReleaseAction::Rollback { point, yes, .. } => context.roll_back_database(point, yes).await,
    }
}

impl Context {
    async fn prepare(&self, old: Option<&Path>, no_way_back: bool) -> Result<(), CommandError> {
        say!("{} in {}, binary {}", self.this.version, self.environment.name, self.this.binary_sha256);
        say!("schemas:");
        let incompatible = schemas::check(&self.config, &self.server.data).await?;
        if !incompatible.is_empty() && !no_way_back {
            return Err(format!(
                "{}. A roll-back of the binary alone would not be possible: deploy a release in between, or add \
                 --no-way-back",
                incompatible.join("; ")
            )
            .into());
        }
        // Prepared again after `tutti migrate`, the schemas are current, and tell nothing of the release before.
        let barred = self.records.find(self.this.version)?.filter(Record::bars_the_way_back);
        let has_way_back = incompatible.is_empty() && barred.is_none();
        say!("restore point:");
        let mut point = backup::create(&self.settings, &RepositoryArguments { key: None, json: false }).await?.id;
        if let Some(barred) = barred.filter(|_| incompatible.is_empty()) {
            say!("{} was prepared without a way back: its restore point stays {}.", barred.version, barred.point);
            point = barred.point;
        }
        if let Some(old) = old.filter(|_| has_way_back) {
            backup::rehearse(&self.settings, &point, old)
                .await
                .map_err(|error| format!("{} is not ready on the schemas of this release: {error}", old.display()))?;
            say!("{} is ready on a copy with the schemas of this release.", old.display());
        }
        self.print_drain_plan();
        self.records.write(&Record {
            version: self.this.version.to_owned(),
            binary_sha256: self.this.binary_sha256.clone(),
            step: Step::Prepared,
            changed_at: self.clock.now(),
            point,
            has_way_back,
        })
    }

    /// Prints in which order processes are replaced, and how long each may take.
    fn print_drain_plan(&self) {
        let Server { drain_notice_seconds: notice, drain_seconds: drain, .. } = self.server;
        // The gateway last: no new page calls an old role.
        let (mut gateways, others): (Vec<&str>, Vec<&str>) =
            roles::all().map(|service| service.name).into_iter().partition(|name| matches!(*name, "admin" | "gateway"));
        gateways.reverse();
        say!("drain plan, after `tutti migrate`:");
        say!("  order           {} {}", others.join(" "), gateways.join(" "));
        say!("  each process    SIGTERM; not ready for {notice} s; then at most {drain} s for running work");
        if notice == 0 {
            say!("  server.drain_notice_seconds is 0: a fleet loses requests; 3 is enough");
        }
        say!("  supervisors     wait for {} s before they kill", notice + drain + 5);
    }

    fn accept(&self, key: &Path, notes: String, out: Option<PathBuf>) -> Result<(), CommandError> {
        if notes.trim().is_empty() {
            return Err("say with --notes what was tested".into());
        }
        let pem = std::fs::read_to_string(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let statement = Statement {
            version: self.this.version.to_owned(),
            binary_sha256: self.this.binary_sha256.clone(),
            environment: self.environment.name.clone(),
            notes,
            accepted_at: self.clock.now(),
        };
        let (accepted, public_key) = acceptance::sign(&statement, &pem)
            .ok_or_else(|| format!("{} is no private key of Ed25519 in PEM: see `tutti keys tester`", key.display()))?;
        let file = out.unwrap_or_else(|| self.records.acceptance_file(self.this.version));
        record::write_acceptance(&file, &accepted)?;
        say!("{} is accepted by the key {public_key}: {}", self.this.version, file.display());
        Ok(())
    }

    /// Fails in production unless a tester has accepted this binary. That it is another environment, the databases say
    /// as well.
    async fn require_acceptance(&self, file: Option<&Path>) -> Result<(), CommandError> {
        if !self.environment.is_production() && file.is_none() {
            return databases::open_all(&self.config, &self.server.data).await.map(drop);
        }
        let version = self.this.version;
        let file = file.map_or_else(|| self.records.acceptance_file(version), Path::to_owned);
        let Some(accepted) = record::read_acceptance(&file)? else {
            return Err(format!(
                "{version} has not been accepted: a tester types `tutti release accept`, and the file {} is missing",
                file.display()
            )
            .into());
        };
        let of = (version, self.this.binary_sha256.as_str());
        let (statement, tester) = acceptance::verify(&accepted, &self.options.testers()?, of)
            .map_err(|reason| format!("{} is no acceptance of this release: {reason}", file.display()))?;
        say!("accepted by {tester} on {} in {}", statement.accepted_at.to_rfc3339(), statement.environment);
        Ok(())
    }

    async fn start(&self, acceptance: Option<&Path>, hold: bool) -> Result<(), CommandError> {
        let mut record = self.records.of(&self.this)?;
        if !record.may_start() {
            return Err(format!(
                "{} was started before, and its restore point is of before that: type `tutti release prepare` again",
                self.this.version
            )
            .into());
        }
        self.require_acceptance(acceptance).await?;
        if self.options.watch.is_empty() {
            return Err("release.watch names no process: a canary of which nothing is known can't be watched".into());
        }
        let watched = match self.execute("canary", &self.options.canary).await {
            Ok(()) => watch::watch(&self.options).await,
            failed => failed,
        };
        if let Err(reason) = watched {
            return Err(self.go_back(record, &reason.to_string(), Step::Prepared).await);
        }
        self.set(&mut record, Step::Watched)?;
        if hold {
            say!("Held. `tutti release promote` goes on.");
            return Ok(());
        }
        self.replace_all(record).await
    }

    /// Goes back to a step after a release has failed, and returns the error that says so.
    async fn go_back(&self, mut record: Record, reason: &str, step: Step) -> CommandError {
        eprintln!("stopped: {reason}");
        let gone_back = match self.execute("roll_back", &self.options.roll_back).await {
            Ok(()) => self.set(&mut record, step),
            failed => failed,
        };
        match gone_back {
            Ok(()) => format!("the release was stopped and taken back: {reason}").into(),
            Err(error) => format!("the release was stopped ({reason}), and is NOT taken back: {error}").into(),
        }
    }

    async fn promote(&self, acceptance: Option<&Path>) -> Result<(), CommandError> {
        let record = self.records.of(&self.this)?;
        self.require_acceptance(acceptance).await?;
        if record.step != Step::Watched {
            return Err("no canary of this release was watched: type `tutti release start` first".into());
        }
        self.replace_all(record).await
    }

    async fn replace_all(&self, mut record: Record) -> Result<(), CommandError> {
        if let Err(error) = self.execute("promote", &self.options.promote).await {
            return Err(self.go_back(record, &error.to_string(), Step::RolledBack).await);
        }
        self.set(&mut record, Step::Promoted)?;
        say!("{} runs.", self.this.version);
        Ok(())
    }

    async fn roll_back_binary(&self) -> Result<(), CommandError> {
        let mut record = self.records.of(&self.this)?;
        if !record.has_way_back {
            return Err(format!(
                "the release before can't work with the schemas of this one: type `tutti release rollback --database \
                 --point {}` with the binary of the release before",
                record.point
            )
            .into());
        }
        self.execute("roll_back", &self.options.roll_back).await?;
        self.set(&mut record, Step::RolledBack)?;
        say!("The release before runs again; the rows are as they were.");
        Ok(())
    }

    async fn roll_back_database(&self, point: Option<String>, yes: bool) -> Result<(), CommandError> {
        // With the binary of the release before there is no record of the one that went wrong.
        let record = match (&point, self.records.of(&self.this)) {
            (_, Ok(record)) => Some(record),
            (Some(_), Err(_)) => None,
            (None, Err(error)) => return Err(error),
        };
        let point = point.or_else(|| record.as_ref().map(|record| record.point.clone())).unwrap_or_default();
        if let Some(record) = record.as_ref().filter(|record| !record.has_way_back && record.point == point) {
            return Err(format!(
                "this binary would migrate the restored rows again: type the same with the binary of the release \
                 before {}, and --point {point}",
                record.version
            )
            .into());
        }
        // After an interruption, the databases may be set aside already.
        if ::backup::refuse_incomplete(&self.server.data).is_ok() {
            let manifest = backup::manifest(&self.settings, &point).await?;
            losses::print(&self.config, &self.server.data, &manifest).await?;
        }
        if !yes {
            return Err("add --yes to go back all the same; nothing was changed".into());
        }
        if self.options.stop.is_empty() {
            say!("release.stop names no command: the processes have to be stopped already.");
        } else {
            self.execute("stop", &self.options.stop).await?;
        }
        let manifest = backup::roll_back(&self.settings, &point).await?;
        say!(
            "The rows are those of {} again. The ones that were there are set aside: {}/before-{}-…",
            manifest.begun_at.to_rfc3339(),
            self.server.data.display(),
            manifest.id
        );
        let bus: NatsOptions = self.config.section("bus")?;
        if !bus.servers.is_empty() {
            // They hold events of a time that did not happen; the outboxes send again what they have.
            bus_nats::remove(&bus).await?;
            say!("The streams {0} and {0}-dead are removed: the relays fill new ones.", bus.prefix);
        }
        if self.options.roll_back.is_empty() {
            say!("release.roll_back names no command: start the release before.");
        } else {
            self.execute("roll_back", &self.options.roll_back).await?;
        }
        match record {
            Some(mut record) => self.set(&mut record, Step::RolledBack),
            None => Ok(()),
        }
    }

    fn set(&self, record: &mut Record, step: Step) -> Result<(), CommandError> {
        (record.step, record.changed_at) = (step, self.clock.now());
        self.records.write(record)
    }

    /// Runs a command of the configuration, and fails if it does.
    async fn execute(&self, key: &str, command: &[String]) -> Result<(), CommandError> {
        let binary = self.this.binary.display().to_string();
        let words: Vec<String> = command
            .iter()
            .map(|word| word.replace("{version}", self.this.version).replace("{binary}", &binary))
            .collect();
        let Some((program, arguments)) = words.split_first() else {
            return Err(format!("release.{key} names no command").into());
        };
        say!("{key}: {}", words.join(" "));
        let mut child = Command::new(program);
        child.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(COMMAND_TIMEOUT, child.status()).await;
        let status = ended
            .map_err(|_| format!("release.{key} took more than {} s", COMMAND_TIMEOUT.as_secs()))?
            .map_err(|error| format!("release.{key}: {program} can't be started: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("release.{key} failed: {status}").into()) }
    }
}

//! `tutti backup`, `tutti restore`, `tutti verify`, `tutti list`: recovery points from the command line.
//!
//! Owns what the commands print and record; the points themselves are [`::backup`]'s. Invariant: a command exits with 0
//! only if what it was asked for is so.

pub(crate) mod arguments;
mod drill;
mod references;
mod scratch;
mod status;
pub(crate) mod timer;

use std::path::Path;

use ::backup::{BackupOptions, Depth, Installation, Keys, Manifest, Repository};
use base::telemetry::{LogFormat, start_logs};
use base::{Clock, Random};
use chrono::TimeDelta;
use indicatif::HumanBytes;
use serde_json::json;

use crate::installation_arguments::Settings;
use crate::terminal::say;
use crate::{CommandError, roles, settings};
use arguments::{Backup, BackupAction, List, RepositoryArguments, Restore, Verify};
use status::{Outcome, StatusFile};

/// Problems that are printed; `--json` has all.
const MAX_SHOWN: usize = 50;
/// How far the clock of the machine that makes backups may be ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(10);
/// The nice level of a backup: members come first.
const NICE: i32 = 10;

/// The installation of a command, its settings of backups, and their repository.
struct Opened {
    installation: Installation,
    options: BackupOptions,
    repository: Repository,
}

async fn open(settings: &Settings, arguments: &RepositoryArguments) -> Result<Opened, CommandError> {
    // What goes on all the same, such as a damaged point, is said too.
    let _ = start_logs(LogFormat::Readable, "backup=warn");
    let (installation, options) = installation(settings)?;
    let repository = Repository::open(&options, arguments.key.as_deref()).await?;
    Ok(Opened { installation, options, repository })
}

fn installation(arguments: &Settings) -> Result<(Installation, BackupOptions), CommandError> {
    let (config, server) = settings::installation(arguments)?;
    let options = config.section("backup")?;
    let installation = Installation {
        data: server.data,
        secret_files: notify::secret_files(&config)?,
        config,
        config_file: arguments.config.clone(),
        services: roles::all().to_vec(),
        release: env!("CARGO_PKG_VERSION"),
        clock: Clock::system(),
        random: Random::system(),
    };
    Ok((installation, options))
}

/// Makes a recovery point, or does what the action says.
pub(crate) async fn run(arguments: Backup) -> Result<(), CommandError> {
    let Backup { settings, repository, action } = arguments;
    match action {
        None => create(&settings, &repository).await.map(drop),
        Some(BackupAction::Key { file }) => {
            say!("{}", Keys::generate(&file)?);
            eprintln!(
                "{} holds the secret key. Keep a copy of it, or of another key in backup.recipients, away from this \
                 machine: without one no restore is possible.",
                file.display()
            );
            Ok(())
        }
        Some(BackupAction::Drill { point, scratch }) => {
            try_restore(&settings, &repository, &point, scratch.as_deref()).await
        }
        Some(BackupAction::Prune) => {
            let Opened { installation, options, repository } = open(&settings, &repository).await?;
            let pruned = ::backup::remove_old(&installation, &options, &repository).await?;
            say!("{} points and {} files, {}, were removed.", pruned.points, pruned.files, HumanBytes(pruned.bytes));
            Ok(())
        }
    }
}

/// Makes a recovery point, records how that went, and returns the point.
pub(crate) async fn create(settings: &Settings, arguments: &RepositoryArguments) -> Result<Manifest, CommandError> {
    // Linux applies it to this thread and to those that it starts: all that compress, encrypt and read the databases.
    // If it is refused, the backup is made all the same.
    let _ = rustix::process::setpriority_process(None, NICE);
    let (installation, _) = installation(settings)?;
    let (status, clock) = (StatusFile::of(&installation.data), installation.clock.clone());
    let begun_at = clock.now();
    let made = async {
        let Opened { installation, options, repository } = open(settings, arguments).await?;
        if options.recipients.is_empty() {
            eprintln!(
                "Only backup.key_file opens this backup: name the public key of another one in backup.recipients."
            );
        }
        Ok::<_, CommandError>(::backup::create(&installation, &options, &repository).await?)
    };
    let made = made.await;
    let outcome = Outcome::of_backup(begun_at, clock.now(), &made);
    let unpruned = made.as_ref().ok().and_then(|(_, pruned)| Outcome::of_pruning(clock.now(), pruned));
    status.record(|all| {
        all.backup.add(outcome);
        unpruned.into_iter().for_each(|failure| all.backup.add(failure));
    })?;
    let (manifest, pruned) = made?;
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&manifest)?);
    } else {
        print_point(&manifest);
    }
    let pruned =
        pruned.map_err(|error| format!("the point {} is made; removing old ones failed: {error}", manifest.id))?;
    if !arguments.json && pruned.points > 0 {
        say!("{} old points and {} files were removed.", pruned.points, pruned.files);
    }
    match manifest.missing.as_slice() {
        [] => Ok(manifest),
        [first, ..] => Err(format!(
            "the store lacks {} objects that rows name, such as {first}: the point {} is made without them. See \
             `tutti objects check`, and look for them in an older point",
            manifest.missing.len(),
            manifest.id
        )
        .into()),
    }
}

/// Runs a restore drill and records how that went.
async fn try_restore(
    settings: &Settings,
    arguments: &RepositoryArguments,
    point: &str,
    scratch: Option<&Path>,
) -> Result<(), CommandError> {
    let (installation, _) = installation(settings)?;
    let begun_at = installation.clock.now();
    let report = async { drill::run(&open(settings, arguments).await?, point, scratch).await };
    let report = report.await;
    let outcome = Outcome::of_drill(begun_at, installation.clock.now(), &report);
    StatusFile::of(&installation.data).record(|all| all.drill.add(outcome))?;
    let report = report?;
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    match report.problems.len() {
        0 => Ok(()),
        count => Err(format!("the drill of {} found {count} problems", report.point).into()),
    }
}

/// Starts the binary of another release on a copy of a point with the schemas of this one. Fails if it isn't ready.
pub(crate) async fn rehearse(settings: &Settings, point: &str, binary: &Path) -> Result<(), CommandError> {
    let arguments = RepositoryArguments { key: None, json: false };
    drill::rehearse(&open(settings, &arguments).await?, point, binary).await
}

/// Returns what a point holds, in numbers.
pub(crate) async fn manifest(settings: &Settings, point: &str) -> Result<Manifest, CommandError> {
    let arguments = RepositoryArguments { key: None, json: false };
    Ok(open(settings, &arguments).await?.repository.manifest(point).await?)
}

/// Takes the databases back to a point. The present ones are set aside.
pub(crate) async fn roll_back(settings: &Settings, point: &str) -> Result<Manifest, CommandError> {
    let arguments = RepositoryArguments { key: None, json: false };
    let Opened { installation, options, repository } = open(settings, &arguments).await?;
    Ok(::backup::roll_back(&installation, &options, &repository, point).await?)
}

fn print_point(manifest: &Manifest) {
    let elapsed = manifest.ended_at - manifest.begun_at;
    say!(
        "{}  {} objects, {} ({} new, {})  {} s",
        manifest.id,
        manifest.objects.count,
        HumanBytes(manifest.objects.bytes),
        manifest.objects.new_count,
        HumanBytes(manifest.objects.new_bytes),
        elapsed.num_seconds()
    );
}

/// Restores a point.
pub(crate) async fn restore(arguments: Restore) -> Result<(), CommandError> {
    let Opened { installation, options, repository } = open(&arguments.settings, &arguments.repository).await?;
    if let Some(folder) = &arguments.only_files {
        let manifest = ::backup::restore_files_only(&repository, &arguments.point, folder).await?;
        say!("{} files of {} are in {}.", manifest.files.len(), manifest.id, folder.display());
        return Ok(());
    }
    let manifest = ::backup::restore(&installation, &options, &repository, &arguments.point).await?;
    say!(
        "{} is restored: what was acknowledged before {} is there, what came later is not.",
        manifest.id,
        manifest.begun_at.to_rfc3339()
    );
    say!(
        "What was undone after the point is done again: erased members, deleted posts and files, ended sessions and \
         changed passwords are as they were. Erase, delete and end again what you know of, before members come back."
    );
    say!(
        "Compare {} with this machine's configuration, remove it, then start the server.",
        installation.data.join("restored").display()
    );
    Ok(())
}

/// Verifies points.
pub(crate) async fn verify(arguments: Verify) -> Result<(), CommandError> {
    let Opened { installation, options, repository } = open(&arguments.settings, &arguments.repository).await?;
    let ids = match &arguments.point {
        Some(id) => vec![repository.manifest(id).await?.id],
        None => repository.list().await?,
    };
    let depth = if arguments.sizes_only { Depth::Sizes } else { Depth::Content };
    let mut verified = ::backup::verify(&repository, &ids, depth).await?;
    let max_age = TimeDelta::hours(options.max_age_hours.into());
    match repository.newest().await? {
        None => verified.problems.push("there is no recovery point".to_owned()),
        Some(newest) if newest > installation.clock.now() + MAX_AHEAD => verified.problems.push(format!(
            "the newest point is of {}, which is yet to come: a clock was wrong, and nothing tells whether backups are \
             still made",
            newest.to_rfc3339()
        )),
        Some(newest) if newest + max_age < installation.clock.now() => {
            verified.problems.push(format!("the newest point is of {}: no backup is made", newest.to_rfc3339()));
        }
        Some(_) => {}
    }
    if arguments.repository.json {
        let verified = json!({
            "points": verified.points,
            "files": verified.files,
            "bytes": verified.bytes,
            "problems": verified.problems,
        });
        say!("{verified:#}");
    } else {
        say!("{} points, {} files, {}", verified.points, verified.files, HumanBytes(verified.bytes));
        verified.problems.iter().take(MAX_SHOWN).for_each(|problem| say!("  {problem}"));
    }
    match verified.problems.len() {
        0 => Ok(()),
        count => Err(format!("{count} problems; docs/guides/backups.md says what to do").into()),
    }
}

/// Lists points.
pub(crate) async fn list(arguments: List) -> Result<(), CommandError> {
    let Opened { repository, .. } = open(&arguments.settings, &arguments.repository).await?;
    let mut unreadable = 0;
    let mut points = Vec::new();
    for id in repository.list().await? {
        match repository.manifest(&id).await {
            Ok(manifest) => points.push(manifest),
            Err(error @ (::backup::Error::Damaged { .. } | ::backup::Error::WrongKey)) => {
                unreadable += 1;
                eprintln!("{id}  {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    if arguments.repository.json {
        say!("{}", serde_json::to_string_pretty(&points)?);
    } else {
        points.iter().for_each(print_point);
    }
    match unreadable {
        0 => Ok(()),
        count => Err(format!("{count} points can't be read").into()),
    }
}

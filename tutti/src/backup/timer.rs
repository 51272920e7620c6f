//! Backups and drills by the server's own clock.
//!
//! Each is a job in the schedule of one role's database, so of a fleet one process makes it, once in each slot, and its
//! history is where that of every other job is. The work is a child process of this binary: it has its own memory, the
//! processor time that others leave, and its end is not the server's. Invariant: what a slot does is what the command
//! does.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ::backup::BackupOptions;
use boot::Process;
use chrono::TimeDelta;
use db::schedule::{self, Job, JobError};
use tokio::process::{Child, Command};

use super::status::{self, StatusFile};
use crate::installation_arguments::Settings;

/// The end of what a command says that the history keeps.
const MAX_KEPT_CHARS: usize = 500;
/// How often a drill asks whether there has been a backup, and how often at most: for six hours, in which one is made
/// that begins when the server does, or for a day and one hour.
const WAIT_INTERVAL: Duration = Duration::from_secs(30);
const MAX_WAITS: u32 = 720;
const MAX_WAITS_OF_DAILY: u32 = 3_000;
const DRILL_JITTER: TimeDelta = TimeDelta::minutes(15);

/// Starts the jobs that the settings ask for, if their role runs in this process, and reports the newest runs.
pub(crate) fn start(process: &Process, options: &BackupOptions, data: &Path, settings: &Settings) {
    if !options.has_repository() {
        return;
    }
    status::export(data, &process.metrics, &process.tasks);
    let databases = &process.databases;
    let Some((_, db)) = databases.iter().find(|(role, _)| *role == options.schedule_role) else { return };
    let Some((_, context)) = process.contexts.first() else { return };
    let arguments: Arc<[String]> = installation_arguments(data, settings).into();
    let mut jobs = Vec::new();
    if options.every_minutes > 0 {
        let (period, arguments) = (TimeDelta::minutes(options.every_minutes.into()), arguments.clone());
        jobs.push(Job::every("backup.create", period, move |_| run(&["backup"], arguments.clone())));
    }
    let daily = options.daily_time();
    let max_waits = match &daily {
        Some(_) => MAX_WAITS_OF_DAILY,
        None if options.every_minutes > 0 => MAX_WAITS,
        None => 0,
    };
    if let Some(at) = daily {
        let arguments = arguments.clone();
        jobs.push(Job::daily("backup.create", at, move |_| run(&["backup"], arguments.clone())));
    }
    if options.drill_every_hours > 0 {
        let period = TimeDelta::hours(options.drill_every_hours.into());
        // Both jobs are due when a server starts first, and then there is nothing to try yet.
        let data = data.to_owned();
        let drill = Job::every("backup.drill", period, move |_| drill(data.clone(), max_waits, arguments.clone()));
        // Not at the moment at which a backup and what runs each hour begin.
        jobs.push(drill.with_jitter(DRILL_JITTER));
    }
    schedule::start(db, jobs, &process_name(), &context.clock, &process.tasks);
}

/// Returns the name of this process in the history.
fn process_name() -> Arc<str> {
    format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), std::process::id()).into()
}

/// Returns the arguments with which a command is about the installation of this server. The environment is the same.
fn installation_arguments(data: &Path, settings: &Settings) -> Vec<String> {
    let mut arguments = vec!["--data".to_owned(), data.display().to_string()];
    if let Some(config) = &settings.config {
        arguments.extend(["--config".to_owned(), config.display().to_string()]);
    }
    arguments.extend(settings.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
    arguments
}

/// Runs a drill, once there has been a backup.
async fn drill(data: PathBuf, max_waits: u32, arguments: Arc<[String]>) -> Result<(), JobError> {
    let status = StatusFile::of(&data);
    for _ in 0..max_waits {
        if status.has_point() {
            break;
        }
        tokio::time::sleep(WAIT_INTERVAL).await;
    }
    run(&["backup", "drill"], arguments).await
}

/// Runs a command to its end. It is killed when this process stops, and the next slot runs again.
async fn run(action: &'static [&'static str], arguments: Arc<[String]>) -> Result<(), JobError> {
    let program = std::env::current_exe()?;
    let mut nice = Command::new("nice");
    nice.args(["-n", "10"]).arg(&program);
    // An image without a shell has no such program.
    let child = match spawn(nice, action, &arguments) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => spawn(Command::new(program), action, &arguments),
        spawned => spawned,
    };
    let output = child?.wait_with_output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let skipped = said.chars().count().saturating_sub(MAX_KEPT_CHARS);
    let end: String = said.chars().skip(skipped).collect();
    Err(format!("{} failed: {}", action.join(" "), end.trim()).into())
}

fn spawn(mut command: Command, action: &[&str], arguments: &[String]) -> std::io::Result<Child> {
    command.args(action).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_about_the_installation_of_its_server() {
        let settings = Settings { data: None, config: Some("a.toml".into()), set: vec!["backup.folder=/b".to_owned()] };
        let arguments = installation_arguments(Path::new("/data"), &settings);
        assert_eq!(arguments, ["--data", "/data", "--config", "a.toml", "--set", "backup.folder=/b"]);
    }
}

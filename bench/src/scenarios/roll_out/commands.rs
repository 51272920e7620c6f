//! The commands of `tutti release`, with steps that the scenario carries out.
//!
//! Invariant: a step is done before its command goes on, and a command that fails ends the wait for its step.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::process::{self, ProcessCost};
use crate::{Bench, Error};

const TIMEOUT: Duration = Duration::from_mins(20);
/// From typing a command until it asks for its step.
const STEP_TIMEOUT: Duration = Duration::from_mins(2);

/// An installation's settings of releases and backups.
#[derive(Debug, Clone)]
pub struct Commands {
    server: String,
    home: PathBuf,
    arguments: Vec<String>,
}

/// A command that runs.
pub type Running = JoinHandle<Result<ProcessCost, Error>>;

impl Commands {
    /// Makes the keys of backups and of a tester in a folder. `arguments` name the installation.
    pub async fn prepare(bench: &Bench, home: PathBuf, arguments: Vec<String>) -> Result<Self, Error> {
        std::fs::create_dir_all(&home)?;
        let mut commands = Self { server: bench.server.display().to_string(), home, arguments: Vec::new() };
        let (key, tester_key) = (commands.path("backup.key"), commands.path("tester.pem"));
        process::run(&commands.server, ["backup", "key", key.as_str()], TIMEOUT).await?;
        let tester = process::run(&commands.server, ["keys", "tester"], TIMEOUT).await?.output;
        std::fs::write(&tester_key, &tester)?;
        let public = tester.lines().next().and_then(|line| line.strip_prefix("Public key: "));
        let public = public.ok_or("`tutti keys tester` printed no public key")?;
        commands.arguments = arguments;
        commands.set(&format!("backup.folder={}", commands.path("points")));
        commands.set(&format!("backup.key_file={key}"));
        commands.set(&format!("release.folder={}", commands.path("releases")));
        commands.set(&format!("release.testers=[\"A Tester {public}\"]"));
        commands.run(&["release", "accept", "--notes", "a benchmark", "--key", &tester_key]).await?;
        Ok(commands)
    }

    /// Adds a setting.
    pub fn set(&mut self, setting: &str) {
        self.arguments.extend(["--set".to_owned(), setting.to_owned()]);
    }

    /// Makes a step of the release wait until the scenario has done it.
    pub fn wait_in(&mut self, step: &str) {
        let script = "touch $1; until test -e $1.done; do sleep 0.05; done; rm $1.done";
        let path = self.path(step);
        self.set(&format!("release.{step}=[\"sh\", \"-c\", \"{script}\", \"sh\", \"{path}\"]"));
    }

    fn path(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }

    /// Runs a command to its end.
    pub async fn run(&self, command: &[&str]) -> Result<ProcessCost, Error> {
        let arguments = command.iter().copied().chain(self.arguments.iter().map(String::as_str));
        process::run(&self.server, arguments, TIMEOUT).await
    }

    /// Starts a command, and waits until it asks for a step.
    pub async fn start(&self, command: &'static [&'static str], step: &str) -> Result<Running, Error> {
        let commands = self.clone();
        let running = tokio::spawn(async move { commands.run(command).await });
        let (path, began) = (self.path(step), Instant::now());
        while std::fs::remove_file(&path).is_err() {
            if running.is_finished() {
                running.await??;
                return Err(format!("{} has not asked for the step {step}", command.join(" ")).into());
            }
            if began.elapsed() > STEP_TIMEOUT {
                return Err(format!("{} asks for no {step} within two minutes", command.join(" ")).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(running)
    }

    /// Says that a step is done, and waits for the end of its command.
    pub async fn finish(&self, running: Running, step: &str) -> Result<(), Error> {
        std::fs::write(self.path(&format!("{step}.done")), "")?;
        running.await??;
        Ok(())
    }
}

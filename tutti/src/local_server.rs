//! A server that a command starts for itself, on ports of this machine: of a restored copy, of a new environment.
//!
//! Invariant: it gets none of this process's settings, and it ends with this process.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::CommandError;

/// The variables of the environment that are settings begin so.
const SETTINGS: &str = "TUTTI_";
const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The end of its log that an error shows.
const MAX_SHOWN_CHARS: usize = 1_000;

/// See the module.
pub(crate) struct LocalServer {
    child: Child,
    url: String,
}

impl LocalServer {
    /// Starts roles of a binary (all of them if none is named) and waits until they are ready. `installation` are the
    /// arguments that name the installation; the log is in `folder`.
    pub(crate) async fn start(
        binary: &Path,
        roles: &[&str],
        installation: &[String],
        folder: &Path,
    ) -> Result<Self, CommandError> {
        let (listen, operations, admin) = (free_address()?, free_address()?, free_address()?);
        let log = folder.join("server.log");
        let output = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        // `setpriv` is part of util-linux: without it, a drill that is killed would leave its server.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
        command.arg("serve").args(roles).args(installation);
        command.args([
            "--listen",
            listen.as_str(),
            "--ops-listen",
            operations.as_str(),
            "--admin-listen",
            admin.as_str(),
        ]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(SETTINGS)) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("setpriv, of util-linux, can't be started: {error}"))?;
        let mut server = Self { child, url: format!("http://{listen}") };
        server.wait_until_ready(&format!("http://{operations}/readyz"), log).await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self, readyz: &str, log: PathBuf) -> Result<(), CommandError> {
        let (client, started) = (reqwest::Client::new(), Instant::now());
        loop {
            let is_ready = client.get(readyz).timeout(POLL_INTERVAL * 20).send().await;
            if is_ready.is_ok_and(|response| response.status().is_success()) {
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || started.elapsed() > START_TIMEOUT {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                let skipped = text.chars().count().saturating_sub(MAX_SHOWN_CHARS);
                let end: String = text.chars().skip(skipped).collect();
                return Err(format!("the server does not start: {}", end.trim()).into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Returns an address of this machine at which nothing listens.
pub(crate) fn free_address() -> Result<String, CommandError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

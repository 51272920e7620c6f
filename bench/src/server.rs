//! Tutti as anyone would start it: the release binary, a data folder, two ports.
//!
//! Invariant: it runs with the defaults, except for [`NO_PROOF_OF_WORK`] and the settings that a scenario names in its
//! method.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::http::{Connection, sign_up};
use crate::process::ChildProcess;
use crate::{Bench, Error};

const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// Members of a scenario sign up faster than people do, which would ask for a proof of work.
pub const NO_PROOF_OF_WORK: &str = "accounts.sign_ups_per_minute=0";

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub process: ChildProcess,
    /// The address of its public listener.
    pub public: SocketAddr,
    /// The address of its operations listener.
    pub operations: SocketAddr,
    /// From spawning it to the first `200` of its `/readyz`.
    pub ready_after: Duration,
}

impl Server {
    /// Starts it on `data` and waits until it is ready.
    pub async fn start(bench: &Bench, data: &Path, settings: &[String]) -> Result<Self, Error> {
        let (public, operations, admin) = (free_port()?, free_port()?, free_port()?);
        let mut command = Command::new(&bench.server);
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .arg("--listen")
            .arg(public.to_string())
            .arg("--ops-listen")
            .arg(operations.to_string())
            .arg("--admin-listen")
            .arg(admin.to_string());
        // A scenario signs its members up as fast as it can.
        command.arg("--set").arg(NO_PROOF_OF_WORK);
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        let log = bench.temp.join("tutti.log");
        let began = Instant::now();
        let mut process = ChildProcess::start(command, &log)?;
        loop {
            if let Ok(mut connection) = Connection::open(operations).await
                && connection.get("/readyz").await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(Self { process, public, operations, ready_after: began.elapsed() });
            }
            let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = process.exit_status() {
                return Err(format!("tutti ended ({status}): {}", log_text()).into());
            }
            if began.elapsed() > READY_TIMEOUT {
                return Err(format!("tutti was not ready within {} s: {}", READY_TIMEOUT.as_secs(), log_text()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Signs a member up. Returns the access token.
    pub async fn sign_up(&self, handle: &str) -> Result<String, Error> {
        sign_up(self.public, handle).await
    }

    /// Stops it after its drain.
    pub async fn stop(self) {
        self.process.stop(Duration::from_secs(40)).await;
    }

    /// Stops it at once, because its data is removed afterwards.
    pub async fn kill(self) {
        self.process.stop(Duration::ZERO).await;
    }
}

/// Returns an address of the loopback with a free port.
pub fn free_port() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

//! `[server]` and `[peers]` in the configuration: what belongs to the process rather than to a role.
//!
//! Invariant: flags win over the environment, the environment over the file, the file over the defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kit::config::{Config, Error};
use kit::telemetry::LogFormat;
use serde::Deserialize;

use crate::roles;

/// `[server]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Where the embedded engines keep everything.
    pub(crate) data: PathBuf,
    /// The public door.
    pub(crate) listen: SocketAddr,
    /// The operations door.
    pub(crate) ops_listen: SocketAddr,
    /// `readable` or `json`; readable on a terminal unless told.
    pub(crate) log_format: Option<LogFormat>,
    /// Such as `info` or `info,media=debug`.
    pub(crate) log_filter: String,
    /// How long requests and work may go on after SIGTERM.
    pub(crate) drain_seconds: u64,
    /// Connections at the public door in all.
    pub(crate) connections: usize,
    /// Connections at the public door from one address (a whole venue may share one).
    pub(crate) connections_per_address: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data: "data".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            log_format: None,
            log_filter: "info".into(),
            drain_seconds: 30,
            connections: 10_000,
            connections_per_address: 10_000,
        }
    }
}

/// Merges the file, the environment and `--set`.
pub(crate) fn load(file: Option<&Path>, flags: &[String]) -> Result<Config, Error> {
    let mut sections = vec!["server", "peers"];
    sections.extend(roles::all().map(|service| service.name));
    Config::load(file, std::env::vars(), flags, &sections)
}

/// Refuses `[peers]` where it names a role that there is not.
pub(crate) fn check_peers(config: &Config) -> Result<(), Error> {
    let peers: BTreeMap<String, serde_json::Value> = config.section("peers")?;
    let known = roles::all().map(|service| service.name);
    match peers.into_keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::Section { section: "peers".into(), reason: format!("there is no role called `{name}`; there are {}", known.join(", ")) }),
        None => Ok(()),
    }
}

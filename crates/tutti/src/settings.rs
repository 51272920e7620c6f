//! `[server]` and `[peers]` in the configuration: what belongs to the process rather than to a role.
//!
//! Invariant: flags win over the environment, the environment over the file, the file over the defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use kit::config::{Config, Error};
use kit::telemetry::LogFormat;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cli::Settings;
use crate::roles;

/// Configuration keys that were renamed: the old key, then the one that replaces it. A configuration that has an old key is
/// refused, with the new key's name.
#[allow(dead_code, reason = "the configuration does not refuse old keys yet")]
pub(crate) const RENAMED_KEYS: &[(&str, &str)] =
    &[("server.connections_per_address", "server.connections_per_prefix"), ("secrets.addresses_key_file", "secrets.url_signing_key_file")];

/// What belongs to the process rather than to a role.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Where the embedded engines keep everything.
    #[schema(value_type = String)]
    pub(crate) data: PathBuf,
    /// The public door.
    #[schema(value_type = String)]
    pub(crate) listen: SocketAddr,
    /// The operations door.
    #[schema(value_type = String)]
    pub(crate) ops_listen: SocketAddr,
    /// `readable` or `json`; readable on a terminal unless told.
    #[schema(value_type = Option<String>)]
    pub(crate) log_format: Option<LogFormat>,
    /// Such as `info` or `info,media=debug`.
    pub(crate) log_filter: String,
    /// How long the doors stay open after SIGTERM while `/readyz` already says no, so that gateways and balancers turn away in time. Nothing that
    /// asks every second needs more than 3; alone on a machine, 0 ends sooner.
    pub(crate) drain_notice_seconds: u64,
    /// How long requests and work may go on after that.
    pub(crate) drain_seconds: u64,
    /// Connections at the public door in all.
    pub(crate) connections: usize,
    /// Connections at the public door from one IPv4 address or IPv6 /64 (a whole venue may share one). Fewer than `gateway.requests_at_once` and
    /// well below `connections`, so that one who holds all of them leaves room for others. Where all are taken, one on which nothing goes on
    /// makes room for the next.
    pub(crate) connections_per_prefix: usize,
    /// For tests of a fleet: how far this process's clock is ahead of its machine's, or behind it where negative. Leave it at 0.
    pub(crate) clock_skew_seconds: i32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data: "data".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            log_format: None,
            log_filter: "info".into(),
            drain_notice_seconds: 0,
            drain_seconds: 30,
            connections: 10_000,
            connections_per_prefix: 6_000,
            clock_skew_seconds: 0,
        }
    }
}

/// Merges the file, the environment and the flags: the configuration, and `[server]` from it.
pub(crate) fn installation(flags: &Settings) -> Result<(Config, Server), Error> {
    let mut sections = vec!["server", "peers"];
    sections.extend(kit::boot::SECTIONS);
    sections.extend(roles::all().map(|service| service.name));
    let config = Config::load(flags.config.as_deref(), std::env::vars(), &flags.set, &sections)?;
    let mut server: Server = config.section("server")?;
    server.data = flags.data.clone().unwrap_or(server.data);
    Ok((config, server))
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

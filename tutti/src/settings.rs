//! `[server]` and `[peers]` in the configuration: the settings of the process rather than of a role.
//!
//! Invariant: flags win over the environment, the environment over the file, the file over the defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::alerts::AlertOptions;
use ::backup::BackupOptions;
use base::config::{Config, Error, Section, Source};
use base::telemetry::LogFormat;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cli::{Serve, Settings};
use crate::release::options::ReleaseOptions;
use crate::renamed_keys::RENAMED_KEYS;
use crate::roles;
use crate::telemetry::TelemetryOptions;

/// The settings of the process rather than of a role.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// The folder in which the embedded engines keep their data.
    #[schema(value_type = String)]
    pub(crate) data: PathBuf,
    /// The address of the public listener.
    #[schema(value_type = String)]
    pub(crate) listen: SocketAddr,
    /// The address of the operations listener.
    #[schema(value_type = String)]
    pub(crate) ops_listen: SocketAddr,
    /// `readable` or `json`; by default `readable` on a terminal and `json` elsewhere.
    #[schema(value_type = Option<String>)]
    pub(crate) log_format: Option<LogFormat>,
    /// Which lines are logged, such as `info` or `info,media=debug`.
    pub(crate) log_filter: String,
    /// Bytes of log lines that are kept in the data folder (`logs`), so that operators also find those of before a
    /// restart; 0 for none. A search reads all of them: 32000000 is enough for some 100,000 lines.
    pub(crate) log_search_bytes: u64,
    /// How long the listeners stay open after SIGTERM while `/readyz` already responds with 503, so that gateways and
    /// load balancers stop sending requests in time. 3 is enough for health checks every second; for a single process,
    /// 0 ends sooner.
    pub(crate) drain_notice_seconds: u64,
    /// How long requests and other work may continue after that.
    pub(crate) drain_seconds: u64,
    /// The maximum number of connections to the public listener.
    pub(crate) connections: usize,
    /// The maximum number of connections to the public listener from one IPv4 address or IPv6 /64 (a whole venue may
    /// share one). It should be below `gateway.requests_at_once` and well below `connections`, so that a client that
    /// holds all of its own leaves room for others. At the maximum, an idle connection is closed for a new one.
    pub(crate) connections_per_prefix: usize,
    /// For tests of a fleet: how far this process's clock is ahead of its machine's; negative if it is behind. Leave it
    /// at 0.
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
            log_search_bytes: 0,
            drain_notice_seconds: 0,
            drain_seconds: 30,
            connections: 10_000,
            connections_per_prefix: 6_000,
            clock_skew_seconds: 0,
        }
    }
}

/// Returns the sections of the process for the configuration reference, and for what operators see of them.
pub(crate) fn sections() -> Vec<Section> {
    let backup = Section::of::<BackupOptions>("backup").with_rule(|config| backups(config).map(drop));
    let release = Section::of::<ReleaseOptions>("release").with_rule(|config| ReleaseOptions::of(config).map(drop));
    let alerts = Section::of::<AlertOptions>("alerts").with_rule(|config| alerts(config).map(drop));
    let telemetry = Section::of::<TelemetryOptions>("telemetry");
    let telemetry = telemetry.with_rule(|config| TelemetryOptions::of(config).map(drop));
    vec![Section::of::<Server>("server"), backup, release, alerts, telemetry]
}

/// Sets the keys for which `tutti serve` has flags of their own to what these say.
pub(crate) fn set_flags(config: &mut Config, arguments: &Serve) {
    let address = |address: Option<SocketAddr>| address.map(|address| address.to_string());
    let data = arguments.settings.data.as_ref().map(|data| data.display().to_string());
    let flags = [
        ("server", "data", "TUTTI_DATA", data),
        ("server", "listen", "TUTTI_LISTEN", address(arguments.listen)),
        ("server", "ops_listen", "TUTTI_OPS_LISTEN", address(arguments.ops_listen)),
        ("admin", "listen", "TUTTI_ADMIN_LISTEN", address(arguments.admin_listen)),
    ];
    for (section, key, variable, value) in flags {
        let Some(value) = value else { continue };
        // clap takes a flag from its variable if it is not on the command line.
        let is_of_variable = std::env::var(variable).is_ok_and(|set| set == value);
        let source = if is_of_variable { Source::Environment } else { Source::CommandLine };
        config.set_text(section, key, &value, source);
    }
}

/// Returns the names of all sections.
pub(crate) fn section_names() -> Vec<&'static str> {
    let mut sections = vec!["server", "peers", "backup", "release", "alerts", "telemetry"];
    sections.extend(boot::SECTIONS);
    for service in roles::all() {
        sections.push(service.name);
        // A role may have sections besides the one with its name.
        sections.extend((service.sections)().iter().map(Section::name).filter(|name| *name != service.name));
    }
    sections
}

/// Merges the file, the environment and the flags. Returns the configuration, and `[server]` from it.
pub(crate) fn installation(flags: &Settings) -> Result<(Config, Server), Error> {
    let sections = section_names();
    let config = Config::load(flags.config.as_deref(), std::env::vars(), &flags.set, &sections, RENAMED_KEYS)?;
    let mut server: Server = config.section("server")?;
    server.data = flags.data.clone().unwrap_or(server.data);
    Ok((config, server))
}

/// Returns what a configuration file says, and nothing of this process's own settings: for a command that made the
/// file.
pub(crate) fn of_file(config: &Path) -> Result<(Config, Server), Error> {
    let config = Config::load(Some(config), std::iter::empty(), &[], &section_names(), RENAMED_KEYS)?;
    let server = config.section("server")?;
    Ok((config, server))
}

/// Returns an error if `[peers]` names an unknown role.
pub(crate) fn check_peers(config: &Config) -> Result<(), Error> {
    let peers: BTreeMap<String, serde_json::Value> = config.section("peers")?;
    let known = roles::all().map(|service| service.name);
    match peers.into_keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::Section {
            section: "peers".into(),
            reason: format!("there is no role called `{name}`; the roles are {}", known.join(", ")),
        }),
        None => Ok(()),
    }
}

/// Returns `[backup]`; an error if it contradicts itself, or if no role could make what it asks for.
pub(crate) fn backups(config: &Config) -> Result<BackupOptions, Error> {
    let options: BackupOptions = config.section("backup")?;
    options.check()?;
    let services = roles::all();
    let with_schedule: Vec<&str> =
        services.iter().filter(|service| service.migrations.is_some()).map(|service| service.name).collect();
    if options.is_timed() && !with_schedule.contains(&options.schedule_role.as_str()) {
        return Err(Error::Section {
            section: "backup".into(),
            reason: format!(
                "no backup would ever be made: `schedule_role` is `{}`, and the roles with a schedule are {}",
                options.schedule_role,
                with_schedule.join(", ")
            ),
        });
    }
    Ok(options)
}

/// Returns `[alerts]`; an error if a value can't be used.
pub(crate) fn alerts(config: &Config) -> Result<AlertOptions, Error> {
    let options: AlertOptions = config.section("alerts")?;
    options.check()?;
    let known = roles::all().map(|service| service.name);
    if !known.contains(&options.role.as_str()) {
        let reason = format!("`role` is `{}`, and the roles are {}", options.role, known.join(", "));
        return Err(Error::Section { section: "alerts".into(), reason });
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_of_alerts_that_does_not_exist_is_refused() {
        let check = |role: &str| {
            let set = [format!("alerts.role={role}")];
            alerts(&Config::load(None, std::iter::empty(), &set, &["alerts"], &[]).unwrap())
        };
        assert!(check("media").is_ok() && check("medea").unwrap_err().to_string().contains("medea"));
    }

    #[test]
    fn a_schedule_of_backups_that_no_role_has_is_refused() {
        let check = |role: &str| {
            let set = [
                "backup.folder=/b".to_owned(),
                "backup.key_file=/k".to_owned(),
                "backup.every_minutes=60".to_owned(),
                format!("backup.schedule_role={role}"),
            ];
            backups(&Config::load(None, std::iter::empty(), &set, &["backup"], &[]).unwrap())
        };
        assert!(check("accounts").is_ok());
        for role in ["account", "gateway"] {
            assert!(check(role).unwrap_err().to_string().contains("schedule_role"), "{role}");
        }
    }
}

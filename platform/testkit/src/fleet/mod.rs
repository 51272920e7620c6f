//! A whole fleet on this machine: the real binary, one role per process, on real engines.
//!
//! Owns the processes' ports, folders and common configuration. Invariant: everything that it creates is in its own
//! temporary folder, in schemas, streams and prefixes with random names, and in processes that end with it.

mod databases;
mod topology;

pub use databases::{Databases, query_lines};
pub use topology::Topology;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use tempfile::TempDir;
use uuid::Uuid;

use crate::engines::{Nats, Postgres, Program, ReadyCheck, S3, S3Account, free_port};
use crate::mounts;

/// The URLs of a fleet's engines.
#[derive(Debug, Clone)]
pub struct EngineUrls {
    /// PostgreSQL's URL.
    pub postgres: String,
    /// NATS's URL.
    pub nats: String,
    /// The S3 account.
    pub s3: S3Account,
}

impl EngineUrls {
    /// Returns the URLs of a test's own engines.
    pub fn of(postgres: &Postgres, nats: &Nats, s3: &S3) -> Self {
        Self { postgres: postgres.url(), nats: nats.url(), s3: s3.account.clone() }
    }
}

/// A process of the fleet.
#[derive(Debug)]
pub struct FleetProcess {
    /// Its role.
    pub role: &'static str,
    /// The program, with a name such as `media-1`.
    pub program: Program,
    /// The URL of its public listener, such as `http://127.0.0.1:20001`.
    pub url: String,
    /// The URL of its operations listener.
    pub operations_url: String,
    /// The URL of its operators' listener, which it has if it runs the role `admin`.
    pub admin_url: String,
    /// Its data folder.
    pub data: PathBuf,
}

impl FleetProcess {
    /// Returns a process with this name on free ports, with its data folder and its log in `folder`.
    fn new(binary: &Path, role: &'static str, name: &str, folder: &Path, arguments: &[String]) -> Self {
        let (port, operations_port, admin_port) = (free_port(), free_port(), free_port());
        let data = folder.join(name);
        let own = [
            "--listen".into(),
            format!("127.0.0.1:{port}"),
            "--ops-listen".into(),
            format!("127.0.0.1:{operations_port}"),
            "--admin-listen".into(),
            format!("127.0.0.1:{admin_port}"),
            "--data".into(),
            data.display().to_string(),
        ];
        let arguments = [&[binary.display().to_string(), "serve".into()], arguments, &own].concat();
        let program =
            Program::new(name, arguments, ReadyCheck::Readyz(operations_port), &folder.join(format!("{name}.log")));
        Self {
            role,
            program,
            url: format!("http://127.0.0.1:{port}"),
            operations_url: format!("http://127.0.0.1:{operations_port}"),
            admin_url: format!("http://127.0.0.1:{admin_port}"),
            data,
        }
    }

    /// Returns the port of its public listener.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL ends with its port")
    }
}

/// The role of a process that runs every role.
const ALL_ROLES: &str = "all";

/// Processes that form one installation.
#[derive(Debug)]
pub struct Fleet {
    /// The processes, in the order of the table of roles.
    pub processes: Vec<FleetProcess>,
    /// The prefix that keeps its rows, events and objects apart from others' in the same engines.
    pub name: String,
    folder: TempDir,
}

impl Fleet {
    /// Writes the configuration of a fleet, and starts nothing. `settings` are `--set` values for every process.
    pub fn prepare(binary: &Path, engines: &EngineUrls, topology: &Topology, settings: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let name = format!("fleet_{}", Uuid::new_v4().simple());
        let set = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]);
        let common: Vec<String> = ["--config".into(), folder.path().join("tutti.toml").display().to_string()]
            .into_iter()
            .chain(set)
            .collect();
        let processes = topology
            .processes()
            .map(|(role, number)| {
                FleetProcess::new(
                    binary,
                    role,
                    &format!("{role}-{number}"),
                    folder.path(),
                    &[&[role.to_owned()], &common[..]].concat(),
                )
            })
            .collect();
        let fleet = Self { processes, name, folder };
        fleet.write_config(engines);
        fleet
    }

    /// Starts a fleet and waits until every process is ready.
    pub fn start(binary: &Path, engines: &EngineUrls, topology: &Topology, settings: &[String]) -> Self {
        let mut fleet = Self::prepare(binary, engines, topology, settings);
        fleet.ensure_running();
        fleet
    }

    /// Starts one process that runs every role on embedded engines.
    pub fn start_alone(binary: &Path, settings: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let set: Vec<String> = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]).collect();
        let processes = vec![FleetProcess::new(binary, ALL_ROLES, "tutti", folder.path(), &set)];
        let mut fleet = Self { processes, name: "alone".into(), folder };
        fleet.ensure_running();
        fleet
    }

    /// Starts one process as [`Fleet::start_alone`] does, with its data on a disk of `bytes`. The error is a sentence:
    /// this user may not mount a disk.
    pub fn start_alone_on_disk(binary: &Path, bytes: u64, settings: &[String]) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mount = folder.path().join("disk");
        std::fs::create_dir(&mount).expect("the temporary folder is writable");
        let wrapper = mounts::disk(&mount, bytes)?;
        let set: Vec<String> = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]).collect();
        let mut process = FleetProcess::new(binary, ALL_ROLES, "disk/tutti", folder.path(), &set);
        process.program.run_under(wrapper, &folder.path().join("tutti.log"));
        let mut fleet = Self { processes: vec![process], name: "alone".into(), folder };
        fleet.ensure_running();
        Ok(fleet)
    }

    /// Writes the configuration that all processes share.
    fn write_config(&self, engines: &EngineUrls) {
        let path = |name: &str| self.folder.path().join(name);
        let (url_key, s3_key, name) = (path("url-signing.key"), path("s3.key"), &self.name);
        std::fs::write(&url_key, rand::random::<[u8; 32]>()).expect("the temporary folder is writable");
        std::fs::write(&s3_key, &engines.s3.secret_key).expect("the temporary folder is writable");
        let config = serde_json::json!({
            "server": { "log_format": "readable" },
            "db": { "url": engines.postgres, "schema": format!("{name}_{{service}}"), "connections": 4 },
            "bus": { "servers": [engines.nats], "prefix": name },
            "objects": {
                "endpoint": engines.s3.endpoint, "bucket": engines.s3.bucket, "prefix": self.prefix(),
                "access_key": engines.s3.access_key, "secret_key_file": s3_key,
            },
            "secrets": { "url_signing_key_file": url_key },
            "peers": self.peers(|process| process.url.clone()),
        });
        self.write(&toml::Table::try_from(config).expect("the configuration has no nulls"));
    }

    fn write(&self, config: &toml::Table) {
        std::fs::write(self.config_path(), config.to_string()).expect("the temporary folder is writable");
    }

    /// Returns the URLs of each role's processes.
    fn peers(&self, url_of: impl Fn(&FleetProcess) -> String) -> BTreeMap<&'static str, Vec<String>> {
        Topology::ROLES.map(|role| (role, self.with_role(role).map(&url_of).collect())).into()
    }

    /// Sets the URLs at which processes that start from now on find each other.
    pub fn set_peers(&self, url_of: impl Fn(&FleetProcess) -> String) {
        let text = std::fs::read_to_string(self.config_path()).expect("the configuration was written");
        let mut config: toml::Table = text.parse().expect("the configuration is TOML");
        config.insert("peers".into(), toml::Value::try_from(self.peers(url_of)).expect("URLs are strings"));
        self.write(&config);
    }

    /// Returns the path of the configuration file, which all processes share.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("tutti.toml")
    }

    /// Returns the fleet's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the prefix of the fleet's object names.
    pub fn prefix(&self) -> String {
        format!("{}/", self.name)
    }

    /// Returns the processes that run a role.
    pub fn with_role(&self, role: &str) -> impl Iterator<Item = &FleetProcess> {
        self.processes.iter().filter(move |process| process.role == role || process.role == ALL_ROLES)
    }

    /// Returns the URL of one of the gateways, chosen at random.
    pub fn gateway_url(&self) -> &str {
        let gateways: Vec<&FleetProcess> = self.with_role("gateway").collect();
        &gateways[rand::random_range(0..gateways.len())].url
    }

    /// Starts every process that is not running, all at once, and waits until all are ready.
    pub fn ensure_running(&mut self) {
        for process in self.processes.iter_mut().filter(|process| !process.program.is_running()) {
            process.program.spawn();
        }
        for process in &mut self.processes {
            process.program.wait_until_ready();
        }
    }

    /// Sends SIGKILL to every process.
    pub fn kill(&mut self) {
        self.processes.iter_mut().for_each(|process| process.program.kill());
    }

    /// Sends SIGTERM to every process at once and waits for all. Returns their exit statuses.
    pub fn terminate(&mut self) -> Vec<ExitStatus> {
        self.processes.iter().for_each(|process| process.program.send_sigterm());
        // A second signal would interrupt the drain.
        self.processes.iter_mut().filter_map(|process| process.program.wait_for_exit()).collect()
    }

    /// Returns the logs of all processes, each line with its process's name.
    pub fn logs(&self) -> String {
        let lines = self.processes.iter().flat_map(|process| {
            process
                .program
                .logs()
                .lines()
                .map(|line| format!("{} | {line}", process.program.name()))
                .collect::<Vec<_>>()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

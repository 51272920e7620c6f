//! A whole fleet on this machine: the real binary, one role per process, on real engines.
//!
//! Owns the processes' ports, folders and common configuration. Invariant: all that it makes lies in its own temporary folder, in
//! schemas, streams and prefixes with random names, and in processes that end with it.

mod rows;
mod topology;

pub use rows::{Rows, lines};
pub use topology::Topology;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use tempfile::TempDir;
use uuid::Uuid;

use crate::engines::{Nats, Postgres, Program, Ready, S3, S3Account, free_port};
use crate::mounts;

/// Where a fleet finds its engines.
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
    /// Engines of a test's own.
    pub fn of(postgres: &Postgres, nats: &Nats, s3: &S3) -> Self {
        Self { postgres: postgres.url(), nats: nats.url(), s3: s3.account.clone() }
    }
}

/// A process of the fleet.
#[derive(Debug)]
pub struct FleetProcess {
    /// Its role.
    pub role: &'static str,
    /// The process, called `media-1` and so on.
    pub program: Program,
    /// Its door, such as `http://127.0.0.1:20001`.
    pub address: String,
    /// Its operations door.
    pub operations: String,
    /// Its data folder.
    pub data: PathBuf,
}

impl FleetProcess {
    /// A process called `called` on free ports, with its folder and its log in `folder`.
    fn new(binary: &Path, role: &'static str, called: &str, folder: &Path, arguments: &[String]) -> Self {
        let (door, operations) = (free_port(), free_port());
        let data = folder.join(called);
        let own = ["--listen".into(), format!("127.0.0.1:{door}"), "--ops-listen".into(), format!("127.0.0.1:{operations}"), "--data".into(), data.display().to_string()];
        let arguments = [&[binary.display().to_string(), "serve".into()], arguments, &own].concat();
        let program = Program::idle(called, arguments, Ready::Says(operations), &folder.join(format!("{called}.log")));
        Self { role, program, address: format!("http://127.0.0.1:{door}"), operations: format!("http://127.0.0.1:{operations}"), data }
    }

    /// The port of its door.
    pub fn port(&self) -> u16 {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("an address ends in its port")
    }
}

/// The role of a process that plays every role.
const ALL: &str = "all";

/// Processes that play together.
#[derive(Debug)]
pub struct Fleet {
    /// The processes, in the order of the table of roles.
    pub processes: Vec<FleetProcess>,
    /// What keeps its rows, events and objects apart from others' in the same engines.
    pub name: String,
    folder: TempDir,
}

impl Fleet {
    /// Writes the configuration and the folders of a fleet; nothing runs yet. `settings` are `--set` values for every process.
    pub fn prepare(binary: &Path, engines: &EngineUrls, topology: &Topology, settings: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let name = format!("fleet_{}", Uuid::new_v4().simple());
        let set = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]);
        let common: Vec<String> = ["--config".into(), folder.path().join("tutti.toml").display().to_string()].into_iter().chain(set).collect();
        let processes = topology
            .processes()
            .map(|(role, number)| FleetProcess::new(binary, role, &format!("{role}-{number}"), folder.path(), &[&[role.to_owned()], &common[..]].concat()))
            .collect();
        let fleet = Self { processes, name, folder };
        fleet.configure(engines);
        fleet
    }

    /// Starts a fleet and waits until every process is ready.
    pub fn start(binary: &Path, engines: &EngineUrls, topology: &Topology, settings: &[String]) -> Self {
        let mut fleet = Self::prepare(binary, engines, topology, settings);
        fleet.again();
        fleet
    }

    /// Starts one process that plays every role on embedded engines.
    pub fn start_alone(binary: &Path, settings: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let set: Vec<String> = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]).collect();
        let processes = vec![FleetProcess::new(binary, ALL, "tutti", folder.path(), &set)];
        let mut fleet = Self { processes, name: "alone".into(), folder };
        fleet.again();
        fleet
    }

    /// As [`Fleet::start_alone`], with its data on a disk of `bytes`; a sentence where this machine lets nobody mount one.
    pub fn start_alone_on_disk(binary: &Path, bytes: u64, settings: &[String]) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mount = folder.path().join("disk");
        std::fs::create_dir(&mount).expect("the folder is ours");
        let wrapped = mounts::disk(&mount, bytes)?;
        let set: Vec<String> = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]).collect();
        let mut process = FleetProcess::new(binary, ALL, "disk/tutti", folder.path(), &set);
        process.program.run_by(wrapped, &folder.path().join("tutti.log"));
        let mut fleet = Self { processes: vec![process], name: "alone".into(), folder };
        fleet.again();
        Ok(fleet)
    }

    /// The configuration that all processes share.
    fn configure(&self, engines: &EngineUrls) {
        let path = |name: &str| self.folder.path().join(name);
        let (address_key, s3_key, name) = (path("addresses.key"), path("s3.key"), &self.name);
        std::fs::write(&address_key, rand::random::<[u8; 32]>()).expect("the folder is ours");
        std::fs::write(&s3_key, &engines.s3.secret_key).expect("the folder is ours");
        let config = serde_json::json!({
            "server": { "log_format": "readable" },
            "db": { "url": engines.postgres, "schema": format!("{name}_{{service}}"), "connections": 4 },
            "bus": { "servers": [engines.nats], "prefix": name },
            "objects": {
                "endpoint": engines.s3.endpoint, "bucket": engines.s3.bucket, "prefix": self.prefix(),
                "access_key": engines.s3.access_key, "secret_key_file": s3_key,
            },
            "secrets": { "addresses_key_file": address_key },
            "peers": self.peers(|process| process.address.clone()),
        });
        self.write(&toml::Table::try_from(config).expect("it has no nulls"));
    }

    fn write(&self, config: &toml::Table) {
        std::fs::write(self.config(), config.to_string()).expect("the folder is ours");
    }

    /// Where each role's processes are found.
    fn peers(&self, place: impl Fn(&FleetProcess) -> String) -> BTreeMap<&'static str, Vec<String>> {
        Topology::ROLES.map(|role| (role, self.of(role).map(&place).collect())).into()
    }

    /// Has processes that start from now on look for each other at the addresses that `place` names.
    pub fn meet_at(&self, place: impl Fn(&FleetProcess) -> String) {
        let text = std::fs::read_to_string(self.config()).expect("it was written");
        let mut config: toml::Table = text.parse().expect("it is ours");
        config.insert("peers".into(), toml::Value::try_from(self.peers(place)).expect("they are texts"));
        self.write(&config);
    }

    /// The configuration file of every process.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("tutti.toml")
    }

    /// The fleet's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the names of the fleet's objects begin with.
    pub fn prefix(&self) -> String {
        format!("{}/", self.name)
    }

    /// The processes that play a role.
    pub fn of(&self, role: &str) -> impl Iterator<Item = &FleetProcess> {
        self.processes.iter().filter(move |process| process.role == role || process.role == ALL)
    }

    /// Where people knock: one of the gateways, by chance.
    pub fn address(&self) -> &str {
        let gateways: Vec<&FleetProcess> = self.of("gateway").collect();
        &gateways[rand::random_range(0..gateways.len())].address
    }

    /// Starts every process that does not run, all at once, and waits until they are ready.
    pub fn again(&mut self) {
        for process in self.processes.iter_mut().filter(|process| !process.program.runs()) {
            process.program.launch();
        }
        for process in &mut self.processes {
            process.program.wait();
        }
    }

    /// SIGKILL for every process.
    pub fn kill(&mut self) {
        self.processes.iter_mut().for_each(|process| process.program.kill());
    }

    /// SIGTERM for every process at once, then waits for all; answers how they exited.
    pub fn terminate(&mut self) -> Vec<ExitStatus> {
        self.processes.iter().for_each(|process| process.program.ask_to_end());
        // A second signal would cut off what still runs.
        self.processes.iter_mut().filter_map(|process| process.program.end()).collect()
    }

    /// What all of them have said, each line with its process's name.
    pub fn logs(&self) -> String {
        let lines = self.processes.iter().flat_map(|process| process.program.logs().lines().map(|line| format!("{} | {line}", process.program.name())).collect::<Vec<_>>());
        lines.collect::<Vec<_>>().join("\n")
    }
}

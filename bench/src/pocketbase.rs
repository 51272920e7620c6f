//! PocketBase, for comparison of password sign-ins, and of what members read and write.
//!
//! All its settings are its defaults: the collection `users`, bcrypt, no rate limits, SQLite with `synchronous=NORMAL`.
//! A scenario may add collections, through its API.
//! Invariant: it listens on the loopback only, touches nothing outside its folder, and ends with its owner.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::http::Connection;
use crate::process::{ChildProcess, Memory};
use crate::scenarios::text;
use crate::server::free_port;
use crate::{Error, process};

/// Where `dev/python pocketbase` installs it, seen from the repository's root.
const PROGRAM: &str = ".tools/pocketbase/bin/pocketbase";
const READY_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
/// Without a superuser it would open a browser, which asks for one. This one only creates collections.
const SUPERUSER: [&str; 2] = ["bench@example.org", "a long enough passphrase"];

/// A running PocketBase.
#[derive(Debug)]
pub struct PocketBase {
    process: ChildProcess,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Its SQLite database.
    pub database: PathBuf,
    /// Its version.
    pub version: String,
}

impl PocketBase {
    /// Starts it in `folder`, empty, and waits until it is ready.
    pub async fn start(folder: &Path) -> Result<Self, Error> {
        let program = Path::new(PROGRAM)
            .canonicalize()
            .map_err(|_| format!("{PROGRAM} does not exist; install it with `dev/python pocketbase`"))?;
        std::fs::create_dir_all(folder)?;
        let name = program.to_string_lossy().into_owned();
        let version = process::run(&name, ["--version"], READY_TIMEOUT).await?.output;
        let version = version.split_whitespace().last().unwrap_or_default().to_owned();
        let mut arguments: Vec<OsString> = vec!["superuser".into(), "upsert".into()];
        arguments.extend(SUPERUSER.map(OsString::from));
        arguments.extend(folders(folder));
        process::run(&name, &arguments, READY_TIMEOUT).await?;
        let address = free_port()?;
        let mut command = Command::new(&program);
        command.arg("serve").arg("--http").arg(address.to_string()).args(folders(folder)).current_dir(folder);
        let log = folder.join("pocketbase.log");
        let mut process = ChildProcess::start(command, &log)?;
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.get("/api/health").await.is_ok_and(|answer| answer.status == 200)
            {
                let database = folder.join("pb_data/data.db");
                return Ok(Self { process, address, database, version });
            }
            if process.exit_status().is_some() || began.elapsed() > READY_TIMEOUT {
                let log_text = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("PocketBase did not start: {log_text}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Creates collections, in this order.
    pub async fn create_collections(&self, collections: &[Value]) -> Result<(), Error> {
        let body = json!({ "identity": SUPERUSER[0], "password": SUPERUSER[1] }).to_string();
        let path = "/api/collections/_superusers/auth-with-password";
        let mut connection = Connection::open(self.address).await?;
        let session = connection.send("POST", path, JSON, body.as_bytes()).await?.expect(200)?.json()?;
        let mut superuser = connection.with_token(text(&session["token"], "token")?);
        for collection in collections {
            superuser.send("POST", "/api/collections", JSON, collection.to_string().as_bytes()).await?.expect(200)?;
        }
        Ok(())
    }

    /// Creates a user with this name and signs in. Returns the id and the token.
    pub async fn sign_up(&self, name: &str) -> Result<(String, String), Error> {
        let (email, password) = (format!("{name}@example.org"), SUPERUSER[1]);
        let mut connection = Connection::open(self.address).await?;
        let body = json!({ "email": email, "password": password, "passwordConfirm": password }).to_string();
        connection.send("POST", "/api/collections/users/records", JSON, body.as_bytes()).await?.expect(200)?;
        let (body, path) = (
            json!({ "identity": email, "password": password }).to_string(),
            "/api/collections/users/auth-with-password",
        );
        let session = connection.send("POST", path, JSON, body.as_bytes()).await?.expect(200)?.json()?;
        Ok((text(&session["record"]["id"], "id")?.to_owned(), text(&session["token"], "token")?.to_owned()))
    }

    /// Returns its memory.
    pub fn memory(&self) -> Memory {
        self.process.memory()
    }

    /// Stops it, so that its database is complete.
    pub async fn stop(self) {
        self.process.stop(STOP_TIMEOUT).await;
    }
}

/// Returns the arguments that keep everything that it reads and writes in `folder`.
fn folders(folder: &Path) -> Vec<OsString> {
    let names = [
        ("--dir", "pb_data"),
        ("--publicDir", "pb_public"),
        ("--migrationsDir", "pb_migrations"),
        ("--hooksDir", "pb_hooks"),
    ];
    names.iter().flat_map(|(flag, name)| [OsString::from(flag), folder.join(name).into_os_string()]).collect()
}

//! A world: services that run in the test's process, behind one listener.
//!
//! Invariant: nothing outside the world's own temporary folder is written, and no private data is logged (see
//! [`crate::logs`]).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base::config::Config;
use base::log_ring::LogRing;
use base::{Clock, Random};
use boot::{Options, PendingDependencies, Process};
use chrono::{TimeDelta, Utc};
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use http_server::auth::Claims;
use http_server::{Limits, Listener, serve};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey};
use service::Context;
use service::Service;
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::client::TestClient;
use crate::engines::{Postgres, Shared, shared_postgres};
use crate::logs;

const KEY_ID: &str = "test";
/// Past this, a wait fails the test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(180);
const POLL_INTERVALS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];

/// Services that run for one test.
#[derive(Debug)]
pub struct World {
    /// The URL of its listener, such as `http://127.0.0.1:40123`.
    pub url: String,
    /// The process under test.
    pub process: Process,
    clock: Clock,
    key: EncodingKey,
    folder: TempDir,
    client: reqwest::Client,
    _postgres: Option<Shared<Postgres>>,
}

/// The settings of a world that is not started yet.
#[derive(Debug, Default)]
pub struct WorldBuilder {
    set: Vec<String>,
    folder: Option<TempDir>,
    real_accounts: bool,
    clock_runs: bool,
    other_roles: Vec<Service>,
}

impl WorldBuilder {
    /// Sets a configuration value, such as `media.photo_max_bytes=1000`.
    #[must_use]
    pub fn set(mut self, assignment: &str) -> Self {
        self.set.push(assignment.to_owned());
        self
    }

    /// Uses the folder that another world left ([`World::crash`]).
    #[must_use]
    pub fn in_folder(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Verifies tokens with the keys of accounts, which must be one of the services, instead of the world's own.
    #[must_use]
    pub fn with_real_accounts(mut self) -> Self {
        self.real_accounts = true;
        self
    }

    /// Lets the world's clock run, as fast as the machine's; it can still be advanced. For tests in which something may
    /// be retried, which on a clock that stands still would never happen.
    #[must_use]
    pub fn with_running_clock(mut self) -> Self {
        self.clock_runs = true;
        self
    }

    /// Adds roles that belong to the product and don't run in this world. The gateway routes to them.
    #[must_use]
    pub fn beside(mut self, roles: &[Service]) -> Self {
        self.other_roles.extend_from_slice(roles);
        self
    }

    /// Starts `services` behind one listener.
    pub async fn start(self, services: &[Service]) -> World {
        logs::install();
        let folder = self.folder.unwrap_or_else(|| tempfile::tempdir().expect("a temporary folder can be made"));
        let names: Vec<&str> = services.iter().map(|service| service.name).collect();
        // A role may have sections besides the one with its name.
        let of_roles = services.iter().flat_map(|service| (service.sections)()).map(|section| section.name());
        let sections: Vec<&str> = of_roles.chain(names.iter().copied()).chain(boot::SECTIONS.iter().copied()).collect();
        let postgres = std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres").then(shared_postgres);
        // The test's own program is no launcher; the launcher is beside it.
        let launcher = names.contains(&"transcode").then(|| format!("transcode.launcher={}", launcher().display()));
        let set = [
            launcher.into_iter().collect(),
            postgres.as_ref().map_or_else(Vec::new, |server| postgres_settings(server, folder.path())),
            self.set,
        ]
        .concat();
        let config =
            Config::load(None, std::iter::empty(), &set, &sections, &[]).expect("the test's configuration is valid");
        let clock = Clock::fixed(Utc::now());
        if self.clock_runs {
            tokio::spawn(run(clock.clone()));
        }
        let options = Options {
            data: folder.path().join("data"),
            config,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            clock: clock.clone(),
            random: Random::system(),
            openapi_json: "{}".into(),
            operators_openapi_json: "{}".into(),
            asyncapi_json: "{}".into(),
            all: [services, &self.other_roles].concat(),
            pending: PendingDependencies::default(),
            sections: Vec::new(),
            logs: LogRing::new(clock.clone()),
        };
        let process = Process::start(services, &options).await.expect("the services start");
        // Without the public half (PKCS#8 version 1): jsonwebtoken's older parser refuses version 2.
        let der = KeypairBytes { secret_key: [9; 32], public_key: None }
            .to_pkcs8_der()
            .expect("an Ed25519 key has a PKCS#8 form");
        let key = EncodingKey::from_ed_der(der.as_bytes());
        if !self.real_accounts {
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("an Ed25519 key has a JWK form");
            jwk.common.key_id = Some(KEY_ID.to_owned());
            process.verifier.pin_keys(&JwkSet { keys: vec![jwk] });
        }
        let mut routes = process.reports.clone();
        for (name, router) in &process.routers {
            // Fallbacks can't be merged: the first role's fallback responds to unknown paths.
            let router = if *name == names[0] { router.clone() } else { router.clone().reset_fallback() };
            routes = routes.merge(router);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port exists");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        serve(
            Listener { socket: listener, limits: Limits::default(), open: process.metrics.connections.clone() },
            routes,
            &process.tasks,
        );
        base::tls::install_provider();
        World { url, process, clock, key, folder, client: reqwest::Client::new(), _postgres: postgres }
    }
}

/// Moves a clock as time passes, until the test's runtime ends.
async fn run(clock: Clock) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = Instant::now();
        clock.advance(TimeDelta::from_std(now - last).unwrap_or_default());
        last = now;
    }
}

impl World {
    /// Starts `services` with the default configuration.
    pub async fn of(services: &[Service]) -> Self {
        Self::builder().start(services).await
    }

    /// Returns a builder, for a world with other settings.
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// Returns the context of a service of this world.
    pub fn context(&self, name: &str) -> &Context {
        &self.process.contexts.iter().find(|(has, _)| *has == name).expect("the service runs in this world").1
    }

    /// Returns the world's clock, which stands still until the test moves it (see
    /// [`WorldBuilder::with_running_clock`]).
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the world's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a member with this name (the same name is the same account) and the role `member`.
    pub fn member(&self, name: &str) -> TestClient {
        self.member_with(name, &["member"])
    }

    /// Returns the member Ada.
    pub fn ada(&self) -> TestClient {
        self.member("ada")
    }

    /// Returns the member Bob, a stranger to what Ada owns.
    pub fn bob(&self) -> TestClient {
        self.member("bob")
    }

    /// Returns a client without a token.
    pub fn anonymous(&self) -> TestClient {
        TestClient::new(&self.url, self.client.clone(), None, Uuid::nil())
    }

    /// Returns a member with these roles.
    pub fn member_with(&self, name: &str, roles: &[&str]) -> TestClient {
        self.member_who(name, roles, |_| {})
    }

    /// Returns a member with these roles who has signed in at the operators' listener, with a second factor.
    pub fn operator(&self, name: &str, roles: &[&str]) -> TestClient {
        self.member_who(name, roles, |claims| {
            claims.operators = true;
            claims.amr = ["pwd", "otp", "mfa"].map(str::to_owned).to_vec();
        })
    }

    /// Returns a member with these roles whose token has the claims that `change` sets.
    pub fn member_who(&self, name: &str, roles: &[&str], change: impl FnOnce(&mut Claims)) -> TestClient {
        let id = Uuid::from_u128(u128::from_be_bytes({
            let mut bytes = [0x11; 16];
            bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
            bytes
        }));
        let now = self.clock.now();
        let mut claims = Claims {
            sub: id,
            sid: Uuid::from_u128(1),
            handle: name.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            confirmed: true,
            version: 0,
            scope: Vec::new(),
            iss: http_server::auth::ISSUER.to_owned(),
            iat: now.timestamp(),
            exp: (now + TimeDelta::days(30)).timestamp(),
            amr: vec!["pwd".to_owned()],
            auth_time: now.timestamp(),
            operators: false,
        };
        change(&mut claims);
        let mut header = jsonwebtoken::Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        let token = jsonwebtoken::encode(&header, &claims, &self.key).expect("claims can be signed");
        TestClient::new(&self.url, self.client.clone(), Some(token), id)
    }

    /// Returns everything that a service has in its database, as the engine stores it, so that a test can search it for
    /// what must not be there. PostgreSQL shows bytes as hexadecimal digits.
    pub async fn stored_bytes(&self, service: &'static str) -> Vec<u8> {
        #[derive(db::FromQueryResult)]
        struct Text {
            text: String,
        }
        let files = ["db", "db-wal"].map(|ending| self.folder().join("data").join(format!("{service}.{ending}")));
        if files[0].exists() {
            return files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect();
        }
        let db = self.context(service).db.read();
        let tables: Vec<Text> = db::Sql::rows(
            db,
            "select cast(tablename as text) as text from pg_tables where schemaname = current_schema()",
            vec![],
        )
        .await
        .expect("the query succeeds");
        let mut bytes = Vec::new();
        for table in tables.into_iter().map(|table| table.text) {
            let rows: Vec<Text> =
                db::Sql::rows(db, &format!("select cast({table} as text) as text from {table}"), vec![])
                    .await
                    .expect("the query succeeds");
            bytes.extend(rows.into_iter().flat_map(|row| row.text.into_bytes()));
        }
        bytes
    }

    /// Waits until `what` returns `Some`, and returns the value; fails the test after three minutes with `promise`.
    /// Scheduled jobs whose next slot has come since the clock was advanced run now, and not only when they look again.
    pub async fn wait_for<T>(&self, promise: &str, what: impl AsyncFnMut() -> Option<T>) -> T {
        self.clock.announce();
        let Some(value) = self.poll(what).await else { panic!("waited {WAIT_TIMEOUT:?} in vain: {promise}") };
        value
    }

    async fn poll<T>(&self, mut what: impl AsyncFnMut() -> Option<T>) -> Option<T> {
        let started = Instant::now();
        loop {
            if let Some(value) = what().await {
                return Some(value);
            }
            if started.elapsed() > WAIT_TIMEOUT {
                return None;
            }
            // Less and less often: a look may cost more than what it waits for.
            tokio::time::sleep((started.elapsed() / 20).clamp(POLL_INTERVALS[0], POLL_INTERVALS[1])).await;
        }
    }

    /// Waits until every event is sent and every delivery acknowledged; fails the test after three minutes, with what
    /// is still pending.
    pub async fn settle(&self) {
        let settled = self.poll(async || self.pending_work().await.is_empty().then_some(())).await;
        assert!(
            settled.is_some(),
            "waited {WAIT_TIMEOUT:?} in vain for events to settle: {:?}",
            self.pending_work().await
        );
    }

    /// Returns the number of unsent events and of due mails of each service, and of unacknowledged deliveries of each
    /// consumer.
    async fn pending_work(&self) -> Vec<(String, u64)> {
        #[derive(db::FromQueryResult)]
        struct Unsent {
            unsent: i64,
        }
        let mut waiting = Vec::new();
        for (service, db) in &self.process.databases {
            let row: Option<Unsent> =
                db::Sql::row(db.read(), "select count(*) as unsent from outbox where sent_at is null", vec![])
                    .await
                    .expect("the query succeeds");
            let unsent = row.map_or(0, |row| row.unsent.unsigned_abs());
            if unsent > 0 {
                waiting.push((format!("the outbox of {service}"), unsent));
            }
        }
        waiting.extend(self.due_mails().await);
        waiting.extend(self.process.bus.engine().backlog().await.expect("the bus responds"));
        waiting
    }

    /// Stops the world after all its work; fails the test if there is a dead letter or a task does not end within 20 s.
    pub async fn end(self) {
        self.settle().await;
        let dead = self.process.bus.engine().dead_letters(10).await.expect("the bus responds");
        assert!(dead.is_empty(), "there are dead letters: {dead:#?}");
        assert!(self.process.stop(Duration::from_secs(20)).await, "a task outlived its world");
        logs::assert_clean();
    }

    /// Stops without finishing work, as close to a crash as one process can come. Returns the folder, which stays.
    pub async fn crash(self) -> TempDir {
        self.process.stop(Duration::ZERO).await;
        logs::assert_clean();
        self.folder
    }
}

/// Returns the settings that put a world's rows into PostgreSQL, which `TUTTI_TEST_DB=postgres` selects for a whole run
/// of the tests. A world that uses the folder of another uses its schemas as well.
fn postgres_settings(server: &Shared<Postgres>, folder: &Path) -> Vec<String> {
    let (name, key) = (folder.join("schema"), folder.join("url-signing.key"));
    if !name.exists() {
        std::fs::write(&name, format!("world_{}", Uuid::new_v4().simple())).expect("the temporary folder is writable");
        std::fs::write(&key, rand::random::<[u8; 32]>()).expect("the temporary folder is writable");
    }
    let schema = std::fs::read_to_string(&name).expect("the schema's name was written");
    vec![
        format!("db.url={}", server.url),
        format!("db.schema={schema}_{{service}}"),
        "db.connections=3".into(),
        "db.write_connections=2".into(),
        format!("secrets.url_signing_key_file={}", key.display()),
    ]
}

/// Returns the path of the program that confines converters; in production `tutti` is its own launcher.
pub fn launcher() -> std::path::PathBuf {
    let own = std::env::current_exe().expect("a process knows its program");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("confine")).find(|path| path.is_file());
    found.expect("the launcher for tests is built: type `cargo build --workspace --all-targets`")
}

/// Runs ffmpeg with these arguments (input to output); fails the test if ffmpeg fails.
pub fn ffmpeg(arguments: &[&str]) {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(arguments)
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success(), "ffmpeg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

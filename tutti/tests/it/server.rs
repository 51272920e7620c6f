//! The real binary as an operator runs it: every role in one process on a folder of its own, or on PostgreSQL, NATS and
//! S3 with a process per role (`TUTTI_TEST_ROLES=separate`) or several (`TUTTI_TEST_ROLES=fleet`); the tests are the
//! same.
//!
//! Invariant: a server that goes out of scope is killed, so no test leaves a process behind.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::engines::{Nats, Postgres, Shared, SharedS3, shared_nats, shared_postgres, shared_s3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

/// The processes, their folder and their URL. The ports stay the same across restarts, as clients expect.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    fleet: Fleet,
    engines: Option<(Shared<Postgres>, Shared<Nats>, SharedS3)>,
}

impl Server {
    /// Starts a server with these `--set` values.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        base::tls::install_provider();
        let (binary, settings) = (
            Path::new(env!("CARGO_BIN_EXE_tutti")),
            settings.iter().map(|&setting| setting.to_owned()).collect::<Vec<_>>(),
        );
        let topology = match std::env::var("TUTTI_TEST_ROLES").as_deref() {
            Ok("separate") => Some(Topology::one_of_each()),
            Ok("fleet") => Some(Topology::standard()),
            _ => None,
        };
        let (fleet, engines) = if let Some(topology) = topology {
            let (postgres, nats, s3) =
                tokio::task::spawn_blocking(|| (shared_postgres(), shared_nats(), shared_s3())).await.unwrap();
            let urls = EngineUrls { postgres: postgres.url.clone(), nats: nats.url.clone(), s3: s3.account.clone() };
            (Fleet::start(binary, &urls, &topology, &settings), Some((postgres, nats, s3)))
        } else {
            (Fleet::start_alone(binary, &settings), None)
        };
        Self::from_fleet(fleet, engines)
    }

    /// Starts one process on embedded engines, whatever `TUTTI_TEST_ROLES` says.
    pub(crate) async fn start_alone(settings: &[&str]) -> Self {
        base::tls::install_provider();
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let fleet =
            tokio::task::spawn_blocking(move || Fleet::start_alone(Path::new(env!("CARGO_BIN_EXE_tutti")), &settings))
                .await
                .unwrap();
        Self::from_fleet(fleet, None)
    }

    fn from_fleet(fleet: Fleet, engines: Option<(Shared<Postgres>, Shared<Nats>, SharedS3)>) -> Self {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { url: fleet.gateway_url().to_owned(), client, fleet, engines }
    }

    /// Restarts it on the same folders and waits until it is ready.
    pub(crate) fn restart(&mut self) {
        tokio::task::block_in_place(|| self.fleet.ensure_running());
    }

    /// Returns the processes.
    pub(crate) fn processes(&self) -> &[testkit::fleet::FleetProcess] {
        &self.fleet.processes
    }

    /// Returns the data folder of a process that runs media.
    pub(crate) fn data(&self) -> &Path {
        &self.fleet.with_role("media").next().unwrap().data
    }

    /// Returns the arguments that name this installation in a command.
    pub(crate) fn installation_args(&self) -> [String; 2] {
        match self.engines {
            Some(_) => ["--config".into(), self.fleet.config_path().display().to_string()],
            None => ["--data".into(), self.data().display().to_string()],
        }
    }

    pub(crate) fn logs(&self) -> String {
        self.fleet.logs()
    }

    /// Sends SIGKILL to every process.
    pub(crate) fn kill(&mut self) {
        self.fleet.kill();
    }

    /// Sends SIGTERM to every process. Returns their exit statuses.
    pub(crate) fn terminate(&mut self) -> Vec<ExitStatus> {
        tokio::task::block_in_place(|| self.fleet.terminate())
    }

    /// Returns what the operations listeners of all processes respond to a path.
    pub(crate) async fn get_operations(&self, path: &str) -> String {
        let mut text = String::new();
        for process in &self.fleet.processes {
            text.push_str(
                &self
                    .client
                    .get(format!("{}{path}", process.operations_url))
                    .send()
                    .await
                    .unwrap()
                    .text()
                    .await
                    .unwrap(),
            );
        }
        text
    }

    /// Returns the URL of the operators' listener of a process that runs every role.
    pub(crate) fn admin_url(&self) -> String {
        self.fleet.processes[0].admin_url.clone()
    }

    /// Returns the URLs of the operations listeners.
    pub(crate) fn operations_urls(&self) -> Vec<String> {
        self.fleet.processes.iter().map(|process| process.operations_url.clone()).collect()
    }

    /// Returns every file of the store, finished or not, and of the scratch folders.
    pub(crate) async fn leftover_files(&self) -> Vec<String> {
        let scratch = |process: &testkit::fleet::FleetProcess| {
            ["media", "transcode", "delivery"].map(|role| process.data.join(role).join("scratch"))
        };
        let mut left: Vec<String> =
            self.fleet.processes.iter().flat_map(scratch).flat_map(|folder| files(&folder)).collect();
        match &self.engines {
            None => left.extend(files(&self.data().join("objects"))),
            Some((_, _, s3)) => {
                let objects = objects_s3::open(&s3.account.options(&self.fleet.prefix())).unwrap();
                left.extend(objects.list_all().await.unwrap().into_iter().map(|listed| listed.key.to_string()));
            }
        }
        left
    }

    /// Creates an account.
    pub(crate) async fn sign_up(&self, handle: &str) -> Member {
        let body = json!({
            "handle": handle,
            "email": format!("{handle}@tutti.example"),
            "password": "a long enough password",
        });
        let response = self.client.post(format!("{}/v1/accounts", self.url)).json(&body).send().await.unwrap();
        let status = response.status();
        let response: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{response}");
        Member {
            token: response["access_token"].as_str().unwrap().to_owned(),
            url: self.url.clone(),
            client: self.client.clone(),
            separate: self.engines.is_some(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.logs();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("the end of the server's log:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        } else {
            testkit::logs::assert_nothing_private(&self.logs());
        }
    }
}

/// A client with an account.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) token: String,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    /// Whether the roles run in processes of their own.
    pub(crate) separate: bool,
}

impl Member {
    /// Whether a response proves no more than a broken connection does: a gateway whose peer is unavailable asks to
    /// retry later.
    pub(crate) fn is_retry_later(&self, response: &reqwest::Response) -> bool {
        self.separate && response.status() == 503 && response.headers().contains_key("retry-after")
    }

    /// Returns a request with the member's token; `path` may be a whole URL.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.client.request(method, url).bearer_auth(&self.token).header("tus-resumable", "1.0.0")
    }

    /// Sends a GET and returns the JSON; fails the test unless the status is 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends a GET and returns the bytes; fails the test unless the status is 200.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// Uploads in one request; fails the test unless the status is 201.
    pub(crate) async fn upload(&self, name: &str, kind: &'static str, bytes: Vec<u8>) -> Value {
        let response = self
            .request(Method::POST, &format!("/v1/media?name={name}"))
            .header("content-type", kind)
            .body(bytes)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until an item is in this state; fails the test if the item failed, or after five minutes.
    pub(crate) async fn wait_for_state(&self, id: &str, state: &str) -> Value {
        let started = Instant::now();
        loop {
            let item = self.get(&format!("/v1/media/{id}")).await;
            if item["state"] == state {
                return item;
            }
            assert!(
                item["state"] != "failed" && started.elapsed() < Duration::from_secs(300),
                "waited in vain for {state}: {item:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Returns the paths of all files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path().display().to_string()),
            }
        }
    }
    found
}

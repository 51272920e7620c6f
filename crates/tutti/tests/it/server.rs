//! The real binary on a folder of its own, as an operator would run it: started, killed, told to stop.
//!
//! Invariant: a server that goes out of scope is killed, so no test leaves a process behind.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::engines::free_port;

/// The binary, its folder and its ports. The ports stay the same across restarts, as clients expect.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) address: String,
    operations: String,
    settings: Vec<String>,
    child: Option<Child>,
    pub(crate) client: reqwest::Client,
}

impl Server {
    /// Starts it with these `--set` values.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        kit::tls::provider();
        let (public, operations) = (free_port(), free_port());
        let mut server = Self {
            folder: tempfile::tempdir().unwrap(),
            address: format!("http://127.0.0.1:{public}"),
            operations: format!("http://127.0.0.1:{operations}"),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            child: None,
            client: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        };
        server.again().await;
        server
    }

    /// Starts it again on the same folder and waits until it is ready.
    pub(crate) async fn again(&mut self) {
        let host = |address: &str| address.trim_start_matches("http://").to_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
        // The data folder as people name it: relative to where they stand.
        command.current_dir(self.folder.path());
        command.args(["serve", "--listen", &host(&self.address), "--ops-listen", &host(&self.operations), "--data", "data"]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let started = Instant::now();
        while !self.client.get(format!("{}/readyz", self.operations)).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(started.elapsed() < Duration::from_secs(30), "not ready in time:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM; answers how it exited.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
    }

    /// A page or a figure of the operations door.
    pub(crate) async fn operations(&self, path: &str) -> String {
        self.client.get(format!("{}{path}", self.operations)).send().await.unwrap().text().await.unwrap()
    }

    /// Makes an account.
    pub(crate) async fn sign_up(&self, handle: &str) -> Person {
        let body = json!({ "handle": handle, "email": format!("{handle}@tutti.example"), "password": "a long enough password" });
        let answer = self.client.post(format!("{}/v1/accounts", self.address)).json(&body).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{answer}");
        Person { token: answer["access_token"].as_str().unwrap().to_owned(), address: self.address.clone(), client: self.client.clone() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("the server's last words:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Somebody with an account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
}

impl Person {
    /// A request with the person's token; `path` may be a whole address.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.address) };
        self.client.request(method, url).bearer_auth(&self.token).header("tus-resumable", "1.0.0")
    }

    /// GET, as JSON; fails the test unless it is 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// GET, as bytes; fails the test unless it is 200.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    /// Uploads in one request; fails the test unless it is 201.
    pub(crate) async fn upload(&self, name: &str, kind: &'static str, bytes: Vec<u8>) -> Value {
        let answer = self.request(Method::POST, &format!("/v1/media?name={name}")).header("content-type", kind).body(bytes).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until an item is in this state; fails the test when it failed or after two minutes.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        let started = Instant::now();
        loop {
            let item = self.get(&format!("/v1/media/{id}")).await;
            if item["state"] == state {
                return item;
            }
            assert!(item["state"] != "failed" && started.elapsed() < Duration::from_secs(120), "waited in vain for {state}: {item:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found
}

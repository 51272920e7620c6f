//! Roles in processes of their own, as far as the embedded engines go: the gateway here, accounts there.
//!
//! Invariant: a process that goes out of scope is killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines::free_port;

/// A process that plays one role.
struct Part {
    child: Child,
    address: String,
    operations: String,
    client: reqwest::Client,
}

impl Part {
    fn start(role: &str, folder: &Path, port: u16, settings: &[String]) -> Self {
        kit::tls::provider();
        let (host, operations) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
        command.args(["serve", role, "--listen", &host, "--ops-listen", &operations, "--data"]).arg(folder.join(role));
        for setting in settings {
            command.args(["--set", setting]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address: format!("http://{host}"), operations: format!("http://{operations}"), client: reqwest::Client::new() }
    }

    /// Waits until the operations door says this about what is missing.
    async fn until(&self, promise: &str, is: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            let said = match self.client.get(format!("{}/readyz", self.operations)).send().await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if is(&said) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "waited in vain: {promise}; it says {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_start_in_any_order_and_say_whom_they_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let (front, back) = (free_port(), free_port());
    let gateway = Part::start("gateway", folder.path(), front, &[format!("peers.accounts=[\"http://127.0.0.1:{back}\"]")]);
    let waits = format!("no instance of accounts answers at http://127.0.0.1:{back}");
    gateway.until("it says that accounts is missing", |said| said.contains(&waits)).await;
    // By itself it is well, which is what a neighbour would ask.
    assert_eq!(gateway.client.get(format!("{}/readyz?own", gateway.address)).send().await.unwrap().status(), 200);
    let body = json!({ "handle": "ada", "email": "ada@tutti.example", "password": "a long enough password" });
    let sign_up = || gateway.client.post(format!("{}/v1/accounts", gateway.address)).json(&body).send();
    let refused = sign_up().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));

    let accounts = Part::start("accounts", folder.path(), back, &[]);
    gateway.until("it finds accounts", |said| said == "ready\n").await;
    let answer = sign_up().await.unwrap();
    assert_eq!(answer.status(), 201);
    let token = answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let me = gateway.client.get(format!("{}/v1/me", gateway.address)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["handle"], "ada");
    let figures = gateway.client.get(format!("{}/metrics", gateway.operations)).send().await.unwrap().text().await.unwrap();
    assert!(figures.contains("tutti_peer_instances_healthy{role=\"accounts\"} 1"), "{figures}");
    drop(accounts);
    gateway.until("it misses accounts", |said| said.contains(&waits)).await;
    // One that was there and is lost does not close the door: what the others play goes on.
    let said = gateway.client.get(format!("{}/readyz", gateway.operations)).send().await.unwrap();
    assert_eq!(said.status(), 200);
    assert!(said.text().await.unwrap().starts_with("ready, although:\n- "));
    assert_eq!(gateway.client.get(format!("{}/readyz", gateway.address)).send().await.unwrap().status(), 200);
}

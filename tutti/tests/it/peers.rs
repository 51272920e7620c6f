//! Roles in processes of their own, as far as the embedded engines allow: the gateway in one, accounts in another.
//!
//! Invariant: a process that goes out of scope is killed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines::{Program, ReadyCheck, free_port};

/// A process that runs one role.
struct RoleProcess {
    program: Program,
    url: String,
    operations_url: String,
    client: reqwest::Client,
}

impl RoleProcess {
    fn start(role: &str, folder: &Path, port: u16, settings: &[String]) -> Self {
        let mut process = Self::new(role, folder, &format!("127.0.0.1:{port}"), settings);
        process.program.spawn();
        process
    }

    /// Returns a process that listens on `host` and is not started yet.
    fn new(role: &str, folder: &Path, host: &str, settings: &[String]) -> Self {
        base::tls::install_provider();
        let operations_port = free_port();
        let (operations, data) = (format!("127.0.0.1:{operations_port}"), folder.join(format!("{role}-{host}")));
        let mut arguments = vec![
            env!("CARGO_BIN_EXE_tutti"),
            "serve",
            role,
            "--listen",
            host,
            "--ops-listen",
            &operations,
            "--data",
            data.to_str().unwrap(),
        ];
        settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let program = Program::new(
            role,
            arguments,
            ReadyCheck::Readyz(operations_port),
            &folder.join(format!("{role}-{host}.log")),
        );
        Self {
            program,
            url: format!("http://{host}"),
            operations_url: format!("http://{operations}"),
            client: reqwest::Client::new(),
        }
    }

    /// Waits until the operations listener's `/readyz` fits; fails the test with `promise` after a minute.
    async fn wait_for_readyz(&self, promise: &str, is: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            let text = match self.client.get(format!("{}/readyz", self.operations_url)).send().await {
                Ok(response) => response.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if is(&text) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "waited in vain: {promise}; it says {text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn metrics(&self) -> String {
        self.client.get(format!("{}/metrics", self.operations_url)).send().await.unwrap().text().await.unwrap()
    }

    /// Waits until this process sends requests to so many instances of accounts; fails the test after half a minute.
    async fn wait_for_instances(&self, count: usize) {
        let healthy = format!("tutti_peer_instances_healthy{{role=\"accounts\"}} {count}\n");
        let began = Instant::now();
        while !self.metrics().await.contains(&healthy) {
            assert!(began.elapsed() < Duration::from_secs(30), "there are not {count} healthy instances");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_start_in_any_order_and_report_which_peers_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (front, back) = (free_port(), free_port());
    let gateway =
        RoleProcess::start("gateway", folder.path(), front, &[format!("peers.accounts=[\"http://127.0.0.1:{back}\"]")]);
    let missing = format!("no instance of accounts answers at http://127.0.0.1:{back}");
    gateway.wait_for_readyz("it says that accounts is missing", |said| said.contains(&missing)).await;
    assert_eq!(
        gateway.client.get(format!("{}/healthz", gateway.operations_url)).send().await.unwrap().status(),
        200,
        "it lives, although it is not ready"
    );
    // Its own dependencies are there, which is what a peer's health check asks.
    assert_eq!(gateway.client.get(format!("{}/readyz?own", gateway.url)).send().await.unwrap().status(), 200);
    let body = json!({ "handle": "ada", "email": "ada@tutti.example", "password": "a long stopped password" });
    let sign_up = || gateway.client.post(format!("{}/v1/accounts", gateway.url)).json(&body).send();
    let refused = sign_up().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));

    let accounts = RoleProcess::start("accounts", folder.path(), back, &[]);
    gateway.wait_for_readyz("it finds accounts", |said| said == "ready\n").await;
    let response = sign_up().await.unwrap();
    assert_eq!(response.status(), 201);
    let token = response.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let me = gateway.client.get(format!("{}/v1/me", gateway.url)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["handle"], "ada");
    let metrics = gateway.metrics().await;
    assert!(metrics.contains("tutti_peer_instances_healthy{role=\"accounts\"} 1"), "{metrics}");
    drop(accounts);
    gateway.wait_for_readyz("it reports that accounts is lost", |said| said.contains(&missing)).await;
    // An instance that answered once and is lost doesn't make the gateway unready: the other roles still serve.
    let response = gateway.client.get(format!("{}/readyz", gateway.operations_url)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().starts_with("ready, although:\n- "));
    assert_eq!(gateway.client.get(format!("{}/readyz", gateway.url)).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_one_of_two_instances_drains() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let mut both = ports
        .map(|port| RoleProcess::start("accounts", folder.path(), port, &["server.drain_notice_seconds=6".into()]));
    let [one, other] = ports;
    let peers = format!("peers.accounts=[\"http://127.0.0.1:{one}\", \"http://127.0.0.1:{other}\"]");
    let gateway = RoleProcess::start(
        "gateway",
        folder.path(),
        free_port(),
        &[peers, "gateway.anonymous_writes_per_second=1000000".into()],
    );
    for process in &both {
        process.wait_for_readyz("it is ready", |said| said == "ready\n").await;
    }
    gateway.wait_for_readyz("it finds accounts", |said| said == "ready\n").await;

    // A POST is not retried, so one that reached a closing listener would be answered with 503.
    let stopped = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (client, url, stopped) =
                (gateway.client.clone(), format!("{}/v1/sessions/refresh", gateway.url), stopped.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while !stopped.load(Ordering::Relaxed) {
                    let response =
                        client.post(&url).json(&json!({ "refresh_token": "nobody's" })).send().await.unwrap();
                    assert_eq!(response.status(), 401, "after {asked} answers: {}", response.text().await.unwrap());
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    both[0].program.send_sigterm();
    both[0].wait_for_readyz("it reports the drain", |said| said == "not ready:\n- the process is draining\n").await;
    assert_eq!(
        reqwest::get(format!("{}/.well-known/jwks.json", both[0].url)).await.unwrap().status(),
        200,
        "its listener stays open for a while"
    );
    let status = tokio::task::block_in_place(|| both[0].program.wait_for_exit());
    assert!(status.unwrap().success(), "{}", both[0].program.logs());
    stopped.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_grows_and_shrinks_under_load_and_a_killed_process_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port(), free_port()];
    let start =
        |port: u16| RoleProcess::start("accounts", folder.path(), port, &["server.drain_notice_seconds=1".into()]);
    let first = start(ports[0]);
    let urls = ports.map(|port| format!("\"http://127.0.0.1:{port}\"")).join(", ");
    let settings = [format!("peers.accounts=[{urls}]"), "gateway.reads_per_second=1000000".into()];
    let gateway = RoleProcess::start("gateway", folder.path(), free_port(), &settings);
    gateway.wait_for_readyz("it finds accounts", |said| said == "ready\n").await;
    let stopped = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (client, stopped) = (gateway.client.clone(), stopped.clone());
            let url = format!("{}/.well-known/jwks.json", gateway.url);
            tokio::spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    let response = client.get(&url).send().await.unwrap();
                    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();

    // Up: they get requests once they are ready.
    let mut others = [start(ports[1]), start(ports[2])];
    gateway.wait_for_instances(3).await;
    // One is killed, and its supervisor starts it again.
    tokio::task::block_in_place(|| {
        others[0].program.kill();
        others[0].program.spawn();
        others[0].program.wait_until_ready();
    });
    assert!(others[0].metrics().await.contains("\ntutti_process_crashes_total 1\n"), "its start log knows");
    gateway.wait_for_instances(3).await;
    // Down: they finish what they have.
    others.iter().for_each(|process| process.program.send_sigterm());
    for process in &mut others {
        let status = tokio::task::block_in_place(|| process.program.wait_for_exit());
        assert!(status.unwrap().success(), "{}", process.program.logs());
    }
    gateway.wait_for_instances(1).await;
    stopped.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(first.metrics().await.contains("\ntutti_process_crashes_total 0\n"));
}

/// Passes with a message if this user may not mount a hosts file.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_records_change_leads_to_the_new_instances() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("hosts");
    std::fs::write(&records, "127.0.0.1 accounts.test\n").unwrap();
    let wrapper = match testkit::mounts::hosts(&records) {
        Ok(wrapper) => wrapper,
        Err(reason) => return println!("NOT TESTED: names whose records change, because {reason}"),
    };
    let port = free_port();
    let start = |host: &str| {
        let mut process = RoleProcess::new("accounts", folder.path(), &format!("{host}:{port}"), &[]);
        process.program.spawn();
        process
    };
    let one = start("127.0.0.1");
    let mut gateway = RoleProcess::new(
        "gateway",
        folder.path(),
        &format!("127.0.0.1:{}", free_port()),
        &[format!("peers.accounts=[\"http://accounts.test:{port}\"]")],
    );
    gateway.program.run_under(wrapper, &folder.path().join("gateway.log"));
    gateway.program.spawn();
    gateway.wait_for_readyz("it finds accounts", |said| said == "ready\n").await;
    let ask = async || {
        gateway
            .client
            .post(format!("{}/v1/sessions/refresh", gateway.url))
            .json(&json!({ "refresh_token": "nobody's" }))
            .send()
            .await
            .unwrap()
            .status()
    };
    let asked = async |process: &RoleProcess| {
        let metrics = process.metrics().await;
        metrics.lines().any(|line| line.starts_with("tutti_http_requests_total{") && line.contains("status=\"401\""))
    };
    assert_eq!(ask().await, 401);
    assert!(asked(&one).await);

    // Another machine takes over: the gateway finds it and drops the first without refusing a request.
    let other = start("127.0.0.2");
    other.wait_for_readyz("it is ready", |said| said == "ready\n").await;
    std::fs::write(&records, "127.0.0.2 accounts.test\n").unwrap();
    let began = Instant::now();
    while !asked(&other).await {
        assert_eq!(ask().await, 401);
        assert!(began.elapsed() < Duration::from_secs(30), "the new record is not looked up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(one);
    assert_eq!(ask().await, 401);

    // The look-up returns nothing: the known instance stays, also after the next look-up, which is at most five rounds
    // of a second away. Then there are two.
    std::fs::write(&records, "").unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(ask().await, 401);
    let one = start("127.0.0.1");
    one.wait_for_readyz("it is ready", |said| said == "ready\n").await;
    std::fs::write(&records, "127.0.0.1 accounts.test\n127.0.0.2 accounts.test\n").unwrap();
    gateway.wait_for_instances(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_may_not_migrate_waits_until_another_has() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let accounts = RoleProcess::start("accounts", folder.path(), port, &["db.migrate_on_start=false".into()]);
    accounts
        .wait_for_readyz("it waits for its schema", |said| {
            said.contains("the accounts database") && said.contains("tutti migrate")
        })
        .await;
    let data = folder.path().join(format!("accounts-127.0.0.1:{port}"));
    let migrate = std::process::Command::new(env!("CARGO_BIN_EXE_tutti"))
        .args(["migrate", "accounts", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    let text = String::from_utf8(migrate.stdout).unwrap();
    assert!(
        migrate.status.success() && text.contains("accounts") && text.contains("brought up to date"),
        "{text}{}",
        String::from_utf8_lossy(&migrate.stderr)
    );
    accounts.wait_for_readyz("it is ready", |said| said == "ready\n").await;
}

//! Roles in processes of their own, as far as the embedded engines go: the gateway here, accounts there.
//!
//! Invariant: a process that goes out of scope is killed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines::{Program, ReadyCheck, free_port};

/// A process that plays one role.
struct Part {
    program: Program,
    address: String,
    operations: String,
    client: reqwest::Client,
}

impl Part {
    fn start(role: &str, folder: &Path, port: u16, settings: &[String]) -> Self {
        let mut part = Self::idle(role, folder, &format!("127.0.0.1:{port}"), settings);
        part.program.spawn();
        part
    }

    /// One that listens at `host`, not started yet.
    fn idle(role: &str, folder: &Path, host: &str, settings: &[String]) -> Self {
        kit::tls::provider();
        let door = free_port();
        let (operations, data) = (format!("127.0.0.1:{door}"), folder.join(format!("{role}-{host}")));
        let mut arguments = vec![env!("CARGO_BIN_EXE_tutti"), "serve", role, "--listen", host, "--ops-listen", &operations, "--data", data.to_str().unwrap()];
        settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let program = Program::new(role, arguments, ReadyCheck::Readyz(door), &folder.join(format!("{role}-{host}.log")));
        Self { program, address: format!("http://{host}"), operations: format!("http://{operations}"), client: reqwest::Client::new() }
    }

    /// PendingDependencies until the operations door says this about what is missing.
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

#[tokio::test(flavor = "multi_thread")]
async fn processes_start_in_any_order_and_say_whom_they_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let (front, back) = (free_port(), free_port());
    let gateway = Part::start("gateway", folder.path(), front, &[format!("peers.accounts=[\"http://127.0.0.1:{back}\"]")]);
    let waits = format!("no instance of accounts answers at http://127.0.0.1:{back}");
    gateway.until("it says that accounts is missing", |said| said.contains(&waits)).await;
    assert_eq!(gateway.client.get(format!("{}/healthz", gateway.operations)).send().await.unwrap().status(), 200, "it lives, although it is not ready");
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

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_that_leaves_with_notice_is_missed_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let mut both = ports.map(|port| Part::start("accounts", folder.path(), port, &["server.drain_notice_seconds=6".into()]));
    let [one, other] = ports;
    let peers = format!("peers.accounts=[\"http://127.0.0.1:{one}\", \"http://127.0.0.1:{other}\"]");
    let gateway = Part::start("gateway", folder.path(), free_port(), &[peers, "gateway.anonymous_writes_per_second=1000000".into()]);
    for part in &both {
        part.until("it is ready", |said| said == "ready\n").await;
    }
    gateway.until("it finds accounts", |said| said == "ready\n").await;

    // A POST is not sent twice, so one that met a closing door would be answered 503.
    let enough = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..8)
        .map(|_| {
            let (client, url, enough) = (gateway.client.clone(), format!("{}/v1/sessions/refresh", gateway.address), enough.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while !enough.load(Ordering::Relaxed) {
                    let answer = client.post(&url).json(&json!({ "refresh_token": "nobody's" })).send().await.unwrap();
                    assert_eq!(answer.status(), 401, "after {asked} answers: {}", answer.text().await.unwrap());
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    both[0].program.send_sigterm();
    both[0].until("it says that it leaves", |said| said == "not ready:\n- the process is leaving\n").await;
    assert_eq!(reqwest::get(format!("{}/.well-known/jwks.json", both[0].address)).await.unwrap().status(), 200, "its door is open for a while");
    let status = tokio::task::block_in_place(|| both[0].program.wait_for_exit());
    assert!(status.unwrap().success(), "{}", both[0].program.logs());
    enough.store(true, Ordering::Relaxed);
    for asker in askers {
        assert!(asker.await.unwrap() > 0);
    }
}

/// Where this machine lets nobody mount a hosts file, this says so and passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_records_change_leads_to_the_new_instances() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("hosts");
    std::fs::write(&records, "127.0.0.1 accounts.test\n").unwrap();
    let wrapped = match testkit::mounts::hosts(&records) {
        Ok(wrapped) => wrapped,
        Err(reason) => return println!("NOT TESTED: names whose records change, because {reason}"),
    };
    let port = free_port();
    let start = |host: &str| {
        let mut part = Part::idle("accounts", folder.path(), &format!("{host}:{port}"), &[]);
        part.program.spawn();
        part
    };
    let one = start("127.0.0.1");
    let mut gateway = Part::idle("gateway", folder.path(), &format!("127.0.0.1:{}", free_port()), &[format!("peers.accounts=[\"http://accounts.test:{port}\"]")]);
    gateway.program.run_under(wrapped, &folder.path().join("gateway.log"));
    gateway.program.spawn();
    gateway.until("it finds accounts", |said| said == "ready\n").await;
    let ask = async || gateway.client.post(format!("{}/v1/sessions/refresh", gateway.address)).json(&json!({ "refresh_token": "nobody's" })).send().await.unwrap().status();
    let asked = async |part: &Part| {
        let figures = part.client.get(format!("{}/metrics", part.operations)).send().await.unwrap().text().await.unwrap();
        figures.lines().any(|line| line.starts_with("tutti_http_requests_total{") && line.contains("status=\"401\""))
    };
    assert_eq!(ask().await, 401);
    assert!(asked(&one).await);

    // Another machine takes over: it is found, and the first is let go without a refusal.
    let other = start("127.0.0.2");
    other.until("it is ready", |said| said == "ready\n").await;
    std::fs::write(&records, "127.0.0.2 accounts.test\n").unwrap();
    let began = Instant::now();
    while !asked(&other).await {
        assert_eq!(ask().await, 401);
        assert!(began.elapsed() < Duration::from_secs(30), "the new record is not looked up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(one);
    assert_eq!(ask().await, 401);

    // The name server says nothing: what was known stays, also after the next look-up, which is at most five rounds of a second away. Then there are two.
    std::fs::write(&records, "").unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(ask().await, 401);
    let one = start("127.0.0.1");
    one.until("it is ready", |said| said == "ready\n").await;
    std::fs::write(&records, "127.0.0.1 accounts.test\n127.0.0.2 accounts.test\n").unwrap();
    let began = Instant::now();
    let both = "tutti_peer_instances_healthy{role=\"accounts\"} 2";
    while !gateway.client.get(format!("{}/metrics", gateway.operations)).send().await.unwrap().text().await.unwrap().contains(both) {
        assert!(began.elapsed() < Duration::from_secs(30), "the second record is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_may_not_migrate_waits_until_somebody_has() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let accounts = Part::start("accounts", folder.path(), port, &["db.migrate_on_start=false".into()]);
    accounts.until("it waits for its schema", |said| said.contains("the accounts database") && said.contains("tutti migrate")).await;
    let data = folder.path().join(format!("accounts-127.0.0.1:{port}"));
    let migrate = std::process::Command::new(env!("CARGO_BIN_EXE_tutti")).args(["migrate", "accounts", "--data"]).arg(&data).output().unwrap();
    let said = String::from_utf8(migrate.stdout).unwrap();
    assert!(migrate.status.success() && said.contains("accounts") && said.contains("brought up to date"), "{said}{}", String::from_utf8_lossy(&migrate.stderr));
    accounts.until("it plays", |said| said == "ready\n").await;
}

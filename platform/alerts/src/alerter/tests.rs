//! Rounds with a clock of the test, a real outbox and a real receiver.
//!
//! Invariant: no test waits for time to pass.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base::{Environment, Random};
use http::{HeaderMap, StatusCode};
use mail::MailOptions;
use parking_lot::Mutex;
use serde_json::Value;

use super::*;

const GOOD: &str = "tutti_data_free_bytes 50\ntutti_data_size_bytes 100\ntutti_bus_dead_letters 1\n";
const BAD: &str = "tutti_data_free_bytes 5\ntutti_data_size_bytes 100\ntutti_bus_dead_letters 1\n";

/// A receiver of webhooks: what it got, and the status that it answers.
#[derive(Clone)]
struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    status: Arc<Mutex<StatusCode>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self { port, got: Arc::default(), status: Arc::new(Mutex::new(StatusCode::OK)) };
        let of_route = receiver.clone();
        let answer = move |headers: HeaderMap, body: Bytes| {
            let token = headers["authorization"].to_str().unwrap().to_owned();
            of_route.got.lock().push((token, serde_json::from_slice(&body).unwrap()));
            let status = *of_route.status.lock();
            async move { status }
        };
        let router = Router::new().route("/alerts", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// Returns what it got since it was asked last: each alert with its status.
    fn take(&self) -> Vec<String> {
        let alert = |alert: &Value| format!("{} {}", alert["labels"]["alertname"], alert["status"]).replace('"', "");
        let got = std::mem::take(&mut *self.got.lock());
        got.iter()
            .flat_map(|(token, body)| {
                assert_eq!(token, "Bearer SECRET");
                body["alerts"].as_array().unwrap().iter().map(alert)
            })
            .collect()
    }
}

async fn alerter(data: &Path, options: AlertOptions, clock: &Clock, has_role: bool) -> Alerter {
    base::tls::install_provider();
    let db = Db::sqlite(&data.join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    let site = "https://tutti.example".to_owned();
    let mails = MailOptions { from_address: "noreply@tutti.example".into(), ..MailOptions::default() };
    let (mails, folder) = ((&mails, Environment::default()), data.join("mail"));
    let mail = Mail::open(mails, &folder, site, clock.clone(), Random::system(), &Registry::default()).unwrap();
    let setup = Setup {
        options,
        data: data.to_owned(),
        origin: Origin { process: "a:1".into(), ..Origin::default() },
        has_role,
        mail,
        db: Some(db),
        clock: clock.clone(),
    };
    Alerter::new(setup, &Registry::default()).unwrap()
}

/// Runs a round each minute.
async fn run(alerter: &mut Alerter, clock: &Clock, minutes: u32, metrics: &str) {
    for _ in 0..minutes {
        alerter.evaluate(metrics).await;
        clock.advance(TimeDelta::minutes(1));
    }
}

#[tokio::test]
async fn both_channels_are_told_once_also_across_a_restart_and_a_receiver_that_fails() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = Clock::fixed(DateTime::UNIX_EPOCH + TimeDelta::days(1));
    let options = AlertOptions {
        mail_to: vec!["ops@example.org".into()],
        webhook_url: Some(format!("http://127.0.0.1:{}/alerts", receiver.port)),
        webhook_token: Some("SECRET".into()),
        allow_networks: vec!["127.0.0.0/8".into()],
        ..AlertOptions::default()
    };
    options.check().unwrap();
    let mut first = alerter(folder.path(), options.clone(), &clock, true).await;
    run(&mut first, &clock, 6, BAD).await;
    assert_eq!(receiver.take(), ["DeadLetters firing"]);
    *receiver.status.lock() = StatusCode::BAD_GATEWAY;
    run(&mut first, &clock, 5, BAD).await;
    assert_eq!(receiver.take(), ["DiskShort firing"], "it is answered with an error");
    *receiver.status.lock() = StatusCode::OK;
    run(&mut first, &clock, 2, BAD).await;
    assert_eq!(receiver.take(), ["DiskShort firing"], "so it is told again, once");
    drop(first);

    let mut second = alerter(folder.path(), options, &clock, true).await;
    run(&mut second, &clock, 5, BAD).await;
    assert_eq!(receiver.take(), [""; 0], "a restart tells nothing again");
    run(&mut second, &clock, 12, GOOD).await;
    assert_eq!(receiver.take(), ["DiskShort resolved"]);
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    let mails = mail::list(db.read(), &mail::Filter::default(), None, 10).await.unwrap();
    let subjects: Vec<&str> = mails.iter().rev().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["Alert: DeadLetters (a:1)", "Alert: DiskShort (a:1)", "Resolved: DiskShort (a:1)"]);
}

#[tokio::test]
async fn a_private_address_needs_leave_and_rules_are_left_out_where_they_should_be() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = Clock::fixed(DateTime::UNIX_EPOCH + TimeDelta::days(1));
    let options = AlertOptions {
        webhook_url: Some(format!("http://127.0.0.1:{}/alerts", receiver.port)),
        webhook_token: Some("SECRET".into()),
        disabled: vec!["DiskShort".into()],
        ..AlertOptions::default()
    };
    let mut refused = alerter(folder.path(), options.clone(), &clock, true).await;
    run(&mut refused, &clock, 7, BAD).await;
    let labels = ChannelLabels { channel: "webhook" };
    assert_eq!((receiver.take(), refused.metrics.failures.get_or_create(&labels).get()), (vec![], 2));
    let options = AlertOptions { allow_networks: vec!["127.0.0.0/8".into()], ..options };
    let mut allowed = alerter(folder.path(), options, &clock, false).await;
    run(&mut allowed, &clock, 30, BAD).await;
    assert_eq!(receiver.take(), [""; 0], "dead letters are told by processes with the role, and the disk by none");
}

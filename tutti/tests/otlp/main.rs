//! What a collector gets of the real binary, built with the feature `otlp`: `make faults` runs it, because it is built
//! once more for this.
//!
//! Invariant: a process that goes out of scope is killed.

#![allow(clippy::unwrap_used, reason = "tests may unwrap, also in their helper functions")]

mod collector;

use std::path::Path;
use std::time::{Duration, Instant};

use collector::{Collector, Seen};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use testkit::engines::{free_port, shared_nats, shared_postgres, shared_s3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

/// What a stranger sends to have its requests recorded.
const STRANGER: &str = "00-5eedfeed5eedfeed5eedfeed5eedfeed-00f067aa0ba902b7-01";
const HANDLE: &str = "grace.hopper";
const TITLE: &str = "wedding-in-june";

fn settings(endpoint: &str, ratio: &str) -> Vec<String> {
    vec![format!("telemetry.otlp_endpoint={endpoint}"), format!("telemetry.otlp_sample_ratio={ratio}")]
}

async fn start_alone(settings: Vec<String>) -> Fleet {
    base::tls::install_provider();
    let binary = Path::new(env!("CARGO_BIN_EXE_tutti"));
    tokio::task::spawn_blocking(move || Fleet::start_alone(binary, &settings)).await.unwrap()
}

async fn sign_up(client: &Client, url: &str) -> String {
    let body = json!({
        "handle": HANDLE,
        "email": format!("{HANDLE}@tutti.example"),
        "password": "a long enough password",
    });
    let sent = client.post(format!("{url}/v1/accounts")).header("traceparent", STRANGER).json(&body).send();
    let response = sent.await.unwrap();
    assert_eq!(response.status(), 201);
    response.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
}

async fn json_of(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let (found, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Returns a small photo.
fn photo() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    testkit::ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", path.to_str().unwrap()]);
    std::fs::read(path).unwrap()
}

/// Uploads a photo and waits until it is converted. Returns its id.
async fn upload(client: &Client, url: &str) -> String {
    let token = sign_up(client, url).await;
    let sent = client.post(format!("{url}/v1/media?name={TITLE}.jpg")).header("content-type", "image/jpeg");
    let item = json_of(sent.header("traceparent", STRANGER).bearer_auth(&token).body(photo()), 201).await;
    let id = item["id"].as_str().unwrap().to_owned();
    let started = Instant::now();
    loop {
        let item = json_of(client.get(format!("{url}/v1/media/{id}")).bearer_auth(&token), 200).await;
        if item["state"] == "ready" {
            return id;
        }
        assert!(item["state"] != "failed" && started.elapsed() < Duration::from_secs(120), "{item:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the one span with this service, name and trace; fails the test unless there is one.
fn the<'a>(spans: &'a [Seen], service: &str, name: &str, is: impl Fn(&Seen) -> bool) -> &'a Seen {
    let found: Vec<&Seen> =
        spans.iter().filter(|span| span.service == service && span.name == name && is(span)).collect();
    let names: Vec<String> =
        spans.iter().map(|span| format!("{} {} {}", span.trace, span.service, span.name)).collect();
    assert_eq!(found.len(), 1, "{service}: {name}, of\n{}", names.join("\n"));
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_one_trace_from_the_gateway_over_the_bus_to_the_worker() {
    base::tls::install_provider();
    let collector = Collector::start().await;
    let settings = settings(&collector.url, "1");
    let (mut fleet, _engines) = tokio::task::spawn_blocking(move || {
        let engines = (shared_postgres(), shared_nats(), shared_s3());
        let (postgres, nats, s3) = &engines;
        let urls = EngineUrls { postgres: postgres.url.clone(), nats: nats.url.clone(), s3: s3.account.clone() };
        let binary = Path::new(env!("CARGO_BIN_EXE_tutti"));
        (Fleet::start(binary, &urls, &Topology::one_of_each(), &settings), engines)
    })
    .await
    .unwrap();
    let client = Client::new();
    let id = upload(&client, fleet.gateway_url()).await;
    let operations = fleet.with_role("gateway").next().unwrap().operations_url.clone();
    let metrics = client.get(format!("{operations}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("tutti_trace_spans_total{outcome=\"dropped\"} 0"), "{metrics}");
    // Ending processes send their last spans.
    let statuses = tokio::task::block_in_place(|| fleet.terminate());
    assert!(statuses.iter().all(std::process::ExitStatus::success), "{statuses:?}");
    let spans = collector.spans();

    let gateway = the(&spans, "tutti-gateway", "POST /v1/media", |_| true);
    assert_eq!(gateway.parent, "", "it is the first span of its trace");
    let in_trace = |span: &Seen| span.trace == gateway.trace;
    let media = the(&spans, "tutti-media", "POST /v1/media", in_trace);
    assert_eq!(media.parent, gateway.id);
    assert_eq!(media.attribute("http.response.status_code").as_deref(), Some("201"));
    let published = the(&spans, "tutti-media", "publish media.received", in_trace);
    assert_eq!(published.parent, media.id);
    let received = the(&spans, "tutti-transcode", "process media.received", in_trace);
    assert_eq!(received.parent, published.id);
    assert_eq!(received.attribute("messaging.consumer.group.name").as_deref(), Some("transcode.received"));
    // What the worker publishes goes on in the trace, to its own tasks.
    let ticket = the(&spans, "tutti-transcode", "publish transcode.photo", in_trace);
    assert_eq!(ticket.parent, received.id);
    let task = the(&spans, "tutti-transcode", "process transcode.photo", in_trace);
    assert_eq!(task.parent, ticket.id);
    let transcode = fleet.with_role("transcode").next().unwrap().program.logs();
    let done = transcode.lines().find(|line| line.contains("a task is done")).unwrap();
    assert!(done.contains(&gateway.trace), "the log has the same id: {done}");

    // Nothing of a member, and no id that a client sent.
    let sent = format!("{spans:?}");
    for private in [HANDLE, TITLE, "tutti.example", &id, &STRANGER[3..35], "127.0.0.1"] {
        assert!(!sent.contains(private), "a span has {private}");
    }
    assert!(spans.iter().any(|span| span.name == "GET /v1/media/{id}"), "routes are templates");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_runs_every_role_has_a_span_for_each() {
    let collector = Collector::start().await;
    let mut fleet = start_alone(settings(&collector.url, "1")).await;
    upload(&Client::new(), fleet.gateway_url()).await;
    tokio::task::block_in_place(|| fleet.terminate());
    let spans = collector.spans();
    let of_role = |role: &'static str| move |span: &Seen| span.attribute("tutti.role").as_deref() == Some(role);
    let gateway = the(&spans, "tutti", "POST /v1/media", of_role("gateway"));
    let media = the(&spans, "tutti", "POST /v1/media", of_role("media"));
    assert_eq!((&media.trace, &media.parent), (&gateway.trace, &gateway.id));
    let task = the(&spans, "tutti", "process transcode.photo", |span| span.trace == gateway.trace);
    assert_eq!(task.attribute("tutti.attempt").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_have_its_requests_recorded() {
    let collector = Collector::start().await;
    let mut fleet = start_alone(settings(&collector.url, "0")).await;
    upload(&Client::new(), fleet.gateway_url()).await;
    tokio::task::block_in_place(|| fleet.terminate());
    assert_eq!(collector.spans().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_collector_a_process_works_and_ends_as_before() {
    let mut fleet = start_alone(settings(&format!("http://127.0.0.1:{}", free_port()), "1")).await;
    upload(&Client::new(), fleet.gateway_url()).await;
    let statuses = tokio::task::block_in_place(|| fleet.terminate());
    assert!(statuses.iter().all(std::process::ExitStatus::success), "{statuses:?}");
}

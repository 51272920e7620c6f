//! What operators see of every process: the admin role in one, another role in another one, and one that is away.

use std::path::Path;

use base::log_ring::LogLevel;
use chrono::{SecondsFormat, TimeDelta};
use http::Method;
use peer::PeerUrls;
use serde_json::{Value, json};
use service::{RoleInstance, Service};
use testkit::logs::log_into;
use testkit::{TestClient, World, WorldBuilder};
use utoipa::openapi::OpenApi;

/// Returns a role that does nothing.
fn media() -> Service {
    Service {
        name: "media",
        migrations: None,
        objects: &[],
        personal_data: service::personal_data::PersonalData::Nothing("A test."),
        openapi: OpenApi::default,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(std::future::ready(Ok(RoleInstance::default()))),
    }
}

/// Returns a builder of a process that signs with this key.
fn builder(key: &Path) -> WorldBuilder {
    World::builder().set(&format!("secrets.url_signing_key_file={}", key.display()))
}

/// Starts the admin role and another process, which share a key. Returns both, and a client of the first one.
async fn fleet(settings: &[&str]) -> (World, World, TestClient) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("url-signing.key");
    std::fs::write(&key, [7; 32]).unwrap();
    let front = settings.iter().fold(builder(&key), |world, setting| world.set(setting));
    let front = front.start(&[gateway::admin_service()]).await;
    let back = builder(&key).start(&[media()]).await;
    let client = front.operator("dora", &["developer"]);
    (front, back, client)
}

/// Returns an item of a list by the value of a field.
fn find<'a>(list: &'a Value, field: &str, value: &Value) -> &'a Value {
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item[field] == *value).unwrap_or_else(|| panic!("no {field} {value}: {list:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_is_listed_once_and_one_that_does_not_answer_is_unreachable() {
    let (front, back, client) = fleet(&[]).await;
    let urls = PeerUrls::parse(&[back.url.as_str(), "http://127.0.0.1:1"]).unwrap();
    front.process.peers.register_remote("media", urls);
    front.process.peers.register_remote_url("delivery", &back.url);
    let list = client.get("/v1/admin/processes").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3, "{list:#}");
    let own = find(&list, "roles", &json!(["admin"]));
    assert_eq!((&own["ready"], &own["unreachable"]), (&json!(true), &json!(false)), "{own:#}");
    let other = find(&list, "address", &json!(back.url.strip_prefix("http://").unwrap()));
    assert_eq!((&other["roles"], &other["ready"]), (&json!(["media"]), &json!(true)), "{other:#}");
    assert_eq!(other["version"], env!("CARGO_PKG_VERSION"));
    assert!(other["id"] != own["id"] && other["started_at"].is_string() && other["load"]["connections"].is_i64());
    let checks = other["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["name"] == "event bus" && check["ok"] == true), "{checks:?}");
    let away = find(&list, "address", &json!("127.0.0.1:1"));
    assert_eq!((&away["unreachable"], &away["ready"], &away["id"]), (&json!(true), &json!(false), &Value::Null));
    assert_eq!(away["roles"], json!(["media"]));
    // Pages have each process once.
    let first = client.get("/v1/admin/processes?limit=2").await.expect(200).json();
    let after = format!("/v1/admin/processes?limit=2&after={}", first["next"].as_str().unwrap().replace(' ', "+"));
    assert_eq!(client.get(&after).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    // A process that drains says so.
    back.process.this.set_draining();
    let list = client.get("/v1/admin/processes").await.expect(200).json();
    assert_eq!(find(&list, "address", &other["address"])["ready"], false);
    back.end().await;
    front.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_tells_of_itself_only_what_another_one_has_signed_its_request_for() {
    let (front, back, _) = fleet(&[]).await;
    let stranger = back.anonymous();
    let signer = &front.context("admin").url_signer;
    let signature = signer.sign_until("process", "/internal/process", back.clock().now() + TimeDelta::minutes(1));
    for (path, header) in [
        ("/internal/process", None),
        ("/internal/process/configuration", None),
        ("/internal/process/logs?limit=1", None),
        ("/internal/process", Some("x")),
        // Of another question.
        ("/internal/process/configuration", Some(signature.as_str())),
    ] {
        let request = stranger.request(Method::GET, path);
        let request = header.into_iter().fold(request, |request, text| request.header("tutti-process-signature", text));
        let refused = stranger.send(request.header("x-request-id", "that-of-another")).await;
        assert_ne!(refused.refused(404, "request.no_such_url").header("x-request-id"), "that-of-another");
    }
    let signed = || stranger.request(Method::GET, "/internal/process").header("tutti-process-signature", &signature);
    stranger.send(signed()).await.expect(200);
    back.clock().advance(TimeDelta::minutes(2));
    stranger.send(signed()).await.refused(404, "request.no_such_url");
    back.end().await;
    front.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let settings =
        ["objects.secret_key=LEAKME", "objects.endpoint=https://me:LEAKME@minio.internal", "mail.max_files=9"];
    let (front, back, client) = fleet(&settings).await;
    front.process.peers.register_remote_url("media", &back.url);
    let response = client.get("/v1/admin/configuration?limit=500").await.expect(200);
    assert!(!String::from_utf8_lossy(&response.body).contains("LEAKME"), "{response}");
    let list = response.json();
    assert_eq!(list["next"], Value::Null);
    let processes = client.get("/v1/admin/processes").await.expect(200).json();
    let (own, other) = (find(&processes, "roles", &json!(["admin"])), find(&processes, "roles", &json!(["media"])));
    let items = list["items"].as_array().unwrap();
    let setting = |key: &str, process: &Value| {
        let found = items.iter().find(|item| item["key"] == key && item["process"] == process["id"]);
        found.unwrap_or_else(|| panic!("no {key}: {list:#}"))
    };
    let shown = |key: &str, process| {
        let Value::Object(setting) = setting(key, process) else { panic!("{key}") };
        (setting["value"].clone(), setting["hidden"] == true, setting["source"].clone())
    };
    let flag = json!("command line");
    assert_eq!(shown("objects.secret_key", own), (Value::Null, true, flag.clone()));
    assert_eq!(shown("objects.endpoint", own), (json!("https://me:(hidden)@minio.internal"), true, flag.clone()));
    assert_eq!(shown("mail.max_files", own), (json!("9"), false, flag));
    assert_eq!(shown("mail.max_files", other), (json!("1000"), false, json!("default")));
    assert_eq!(shown("objects.secret_key", other), (Value::Null, false, json!("default")));
    assert!(setting("admin.listen", own)["description"].as_str().unwrap().contains("listener"));
    let of_other = format!("/v1/admin/configuration?process={}", other["id"].as_str().unwrap());
    let of_other = client.get(&of_other).await.expect(200).json();
    assert!(of_other["items"].as_array().unwrap().iter().all(|item| item["process"] == other["id"]));
    back.end().await;
    front.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_all_processes_are_one_list_newest_first() {
    let (front, back, client) = fleet(&[]).await;
    front.process.peers.register_remote_url("media", &back.url);
    let log = |world: &World, level: LogLevel, message: &str| {
        log_into(world.process.this.log_ring(), || match level {
            LogLevel::Error => tracing::error!("{message}"),
            LogLevel::Warn => tracing::warn!(media.id = 7, "{message}"),
            LogLevel::Info => tracing::info!("{message}"),
        });
    };
    log(&front, LogLevel::Info, "the first");
    // The other process's clock began later.
    log(&back, LogLevel::Warn, "the second, with 100 % & more");
    front.clock().advance(TimeDelta::hours(1));
    log(&front, LogLevel::Error, "the third");
    let messages = async |query: &str| -> (Vec<String>, Value) {
        let list = client.get(&format!("/v1/admin/logs?{query}")).await.expect(200).json();
        let items = list["items"].as_array().unwrap().iter();
        (items.map(|item| item["message"].as_str().unwrap().to_owned()).collect(), list["next"].clone())
    };
    let second = "the second, with 100 % & more";
    assert_eq!(
        messages("limit=500").await,
        (["the third", second, "the first"].map(str::to_owned).to_vec(), Value::Null)
    );
    assert_eq!(messages("level=warn").await.0, ["the third", second]);
    assert_eq!(messages("role=media").await.0, [second]);
    assert_eq!(messages("contains=100+%25+%26").await.0, [second]);
    let an_hour_later = front.clock().now().to_rfc3339_opts(SecondsFormat::Micros, true);
    assert_eq!(messages(&format!("since={an_hour_later}")).await.0, ["the third"]);
    assert_eq!(messages(&format!("until={an_hour_later}")).await.0, [second, "the first"]);
    assert_eq!(messages("request=0198c5a4e7d17f3ab1d2c3e4f5a6b7c8").await.0, Vec::<String>::new());
    client.get("/v1/admin/logs?since=yesterday").await.refused(400, "request.invalid");
    assert_eq!(messages("process=nobody").await.0, Vec::<String>::new());
    let (mut walked, mut after) = (Vec::new(), String::new());
    loop {
        let (items, next) = messages(&format!("limit=1{after}")).await;
        walked.extend(items);
        let Some(next) = next.as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(walked, ["the third", second, "the first"]);
    client.get("/v1/admin/logs?after=x").await.refused(400, "request.invalid");
    client.get("/v1/admin/logs?level=loud").await.refused(400, "request.invalid");
    back.end().await;
    front.end().await;
}

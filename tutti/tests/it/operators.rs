//! The first operator, from the command line to the operators' listener.

use std::process::Command;

use serde_json::{Value, json};
use testkit::app_code;

use crate::server::{Member, Server};

/// A step of an authenticator app's codes, in seconds.
const STEP: i64 = 30;

/// Runs a command on the data of a server. Returns whether it succeeded, and what it said.
fn tutti(server: &Server, arguments: &[&str]) -> (bool, String) {
    let [flag, path] = server.installation_args();
    let output = Command::new(env!("CARGO_BIN_EXE_tutti")).args(arguments).args([&flag, &path]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

async fn post(server: &Server, url: &str, body: &Value) -> (u16, Value) {
    let response = server.client.post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn code(server: &Server, url: &str, token: &str) -> (u16, String) {
    let response = server.client.get(url).bearer_auth(token).send().await.unwrap();
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Adds an authenticator app on the site. Returns its secret; the code of this moment is used.
async fn add_app(member: &Member) -> String {
    let send = async |path: &str, body: Value, expected: u16| -> Value {
        let response = member.request(reqwest::Method::POST, path).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, expected, "{body}");
        body
    };
    let begun = send("/v1/me/factors", json!({"kind": "totp"}), 201).await;
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let path = format!("/v1/me/factors/{}/confirm", begun["id"].as_str().unwrap());
    send(&path, json!({"code": app_code(&secret, now())}), 200).await;
    secret
}

/// Signs in at the operators' listener with the app that has this secret. Returns the access token.
async fn sign_in(server: &Server, handle: &str, secret: &str) -> String {
    // A code is accepted one step early, and the one of this step is used.
    let factor = json!({"kind": "totp", "code": app_code(secret, now() + STEP)});
    let login = json!({"login": handle, "password": "a long enough password", "factor": factor});
    let (status, signed_in) = post(server, &format!("{}/v1/sessions", server.admin_url()), &login).await;
    assert_eq!(status, 201, "{signed_in}");
    signed_in["access_token"].as_str().unwrap().to_owned()
}

/// Makes a member of the site an operator. Returns their access token for the operators' listener.
pub(crate) async fn make_operator(server: &Server, handle: &str, member: &Member) -> String {
    let secret = add_app(member).await;
    let (succeeded, said) = tutti(server, &["accounts", "grant", handle, "operator"]);
    assert!(succeeded, "{said}");
    sign_in(server, handle, &secret).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_operator_is_made_on_the_machine_and_needs_a_second_factor() {
    let server = Server::start_alone(&[]).await;
    let site = server.sign_up("ada").await;
    let (succeeded, said) = tutti(&server, &["accounts", "grant", "nobody-at-all", "operator"]);
    assert!(!succeeded && said.contains("sign up on the site first"), "{said}");
    let (succeeded, said) = tutti(&server, &["accounts", "grant", "ada", "king"]);
    assert!(!succeeded && said.contains("king") && said.contains("operator"), "{said}");
    let (succeeded, said) = tutti(&server, &["audit", "verify"]);
    assert!(succeeded && said.contains("empty"), "{said}");
    let grant = ["accounts", "grant", "ada", "operator", "--reason", "the first one"];
    let (succeeded, said) = tutti(&server, &grant);
    assert!(!succeeded && said.contains("no second factor") && said.contains("settings"), "{said}");
    let secret = add_app(&site).await;
    let (succeeded, said) = tutti(&server, &grant);
    assert!(succeeded && said.contains("member, operator"), "{said}");
    let (succeeded, said) = tutti(&server, &["audit", "verify"]);
    assert!(succeeded && said.contains("Entries: 1,"), "{said}");
    let (succeeded, said) = tutti(&server, &["audit", "verify", "--contains", &"0".repeat(64)]);
    assert!(!succeeded && said.contains("does not contain"), "{said}");

    let (admin, login) = (server.admin_url(), json!({"login": "ada", "password": "a long enough password"}));
    let (status, problem) = post(&server, &format!("{admin}/v1/sessions"), &login).await;
    assert_eq!((status, &problem["code"]), (401, &json!("auth.second_factor")), "{problem}");
    let token = &sign_in(&server, "ada", &secret).await;
    let list = |listener: &str| format!("{listener}/v1/admin/accounts");
    assert_eq!(code(&server, &list(&admin), token).await, (200, String::new()));
    // The site's own token is from before she was an operator; the site has none of this.
    assert_eq!(code(&server, &list(&admin), &site.token).await, (403, "auth.role_required".to_owned()));
    assert_eq!(code(&server, &list(&server.url), token).await, (404, "request.no_such_url".to_owned()));
    let document = server.client.get(format!("{admin}/v1/openapi.json")).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    assert_eq!(document["paths"]["/v1/admin/accounts"]["get"]["x-admin-role"], "viewer");
    assert!(document["paths"]["/v1/media"].is_null() && document["components"]["schemas"]["Media"].is_null());
    timed_jobs_are_paused_and_run_on_the_machine(&server);
}

/// Pauses a job of a running server, has it run once all the same, and resumes it.
fn timed_jobs_are_paused_and_run_on_the_machine(server: &Server) {
    let (succeeded, said) = tutti(server, &["jobs", "pause", "media.nothing"]);
    assert!(!succeeded && said.contains("tutti jobs list"), "{said}");
    let (succeeded, said) = tutti(server, &["jobs", "pause", "media.sweep", "--reason", "a test"]);
    assert!(succeeded && said.contains("is paused in all processes"), "{said}");
    let (succeeded, said) = tutti(server, &["jobs", "list"]);
    let paused = said.lines().find(|line| line.starts_with("media.sweep ")).unwrap_or_default();
    assert!(succeeded && paused.contains("every 10 min") && paused.contains("paused by machine:"), "{said}");
    let (succeeded, said) = tutti(server, &["jobs", "run", "media.sweep", "--reason", "a test"]);
    assert!(succeeded && said.contains("was asked to run"), "{said}");
    let started = std::time::Instant::now();
    let run = loop {
        let (succeeded, said) = tutti(server, &["jobs", "history", "media.sweep", "--limit", "1", "--json"]);
        assert!(succeeded, "{said}");
        let runs: Value = serde_json::from_str(&said).unwrap();
        if runs[0]["finished_at"].is_string() {
            break runs[0].clone();
        }
        assert!(started.elapsed().as_secs() < 60, "the run that was asked for never ended: {runs}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    assert_eq!((&run["state"], &run["attempts"]), (&json!("done"), &json!(1)), "{run}");
    assert!(run["requested_by"].as_str().is_some_and(|by| by.starts_with("machine:")), "{run}");
    let (succeeded, said) = tutti(server, &["jobs", "resume", "media.sweep"]);
    assert!(succeeded && said.contains("goes on"), "{said}");
}

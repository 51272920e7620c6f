//! The first operator, from the command line to the operators' listener.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::Server;

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
    let (succeeded, said) = tutti(&server, &["accounts", "grant", "ada", "operator", "--reason", "the first one"]);
    assert!(succeeded && said.contains("member, operator"), "{said}");
    let (succeeded, said) = tutti(&server, &["audit", "verify"]);
    assert!(succeeded && said.contains("Entries: 1,"), "{said}");
    let (succeeded, said) = tutti(&server, &["audit", "verify", "--contains", &"0".repeat(64)]);
    assert!(!succeeded && said.contains("does not contain"), "{said}");

    let (admin, login) = (server.admin_url(), json!({"login": "ada", "password": "a long enough password"}));
    let (status, signed_in) = post(&server, &format!("{admin}/v1/sessions"), &login).await;
    assert_eq!(status, 201, "{signed_in}");
    let token = signed_in["access_token"].as_str().unwrap();
    let list = |listener: &str| format!("{listener}/v1/admin/accounts");
    assert_eq!(code(&server, &list(&admin), token).await, (403, "auth.second_factor_required".to_owned()));
    // The site's own token is from before she was an operator; the site has none of this.
    assert_eq!(code(&server, &list(&admin), &site.token).await, (403, "auth.role_required".to_owned()));
    assert_eq!(code(&server, &list(&server.url), token).await, (404, "request.no_such_url".to_owned()));
    let document = server.client.get(format!("{admin}/v1/openapi.json")).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    assert_eq!(document["paths"]["/v1/admin/accounts"]["get"]["x-admin-role"], "viewer");
    assert!(document["paths"]["/v1/media"].is_null() && document["components"]["schemas"]["Media"].is_null());
}

//! A member who is suspended, with the token that they sign in for: what they reach of the whole API.
//!
//! The operations come from `docs/openapi.json`. Invariant: an operation that is added is closed to suspended members,
//! unless it is added to [`OPEN`] too.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::edge::{operations, status_and_code};
use crate::operators::make_operator;
use crate::server::Server;

/// What a suspended member may use: the statement of reasons, the appeal, their data, and signing out, which is last.
const OPEN: [&str; 8] = [
    "list_decisions",
    "show_decision",
    "appeal_decision",
    "request_export",
    "list_exports",
    "get_export",
    "get_export_archive",
    "end_current_session",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_member_reaches_what_an_appeal_needs_and_no_other_operation() {
    let limits = ["gateway.writes_per_second=0", "gateway.reads_per_second=0"];
    let server = Server::start(&limits).await;
    let (olga, _eve) = (server.sign_up("olga").await, server.sign_up("eve").await);
    let operator = make_operator(&server, "olga", &olga).await;
    let found = server.client.get(format!("{}/v1/accounts/eve", server.url)).send().await.unwrap();
    let account: Value = found.json().await.unwrap();
    let suspend = format!("{}/v1/admin/accounts/{}/suspend", server.admin_url(), account["id"].as_str().unwrap());
    let sanction = json!({"state": "banned", "reason": "Spam."});
    let suspended = server.client.post(suspend).bearer_auth(&operator).json(&sanction).send().await.unwrap();
    assert_eq!(suspended.status(), 200);

    let login = json!({"login": "eve", "password": "a long enough password", "for_appeals": true});
    let signed_in = server.client.post(format!("{}/v1/sessions", server.url)).json(&login).send().await.unwrap();
    assert_eq!(signed_in.status(), 201);
    let signed_in: Value = signed_in.json().await.unwrap();
    let token = signed_in["access_token"].as_str().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());

    let (mut open, mut marked, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let ask = async |method: &Method, path: &str| {
        status_and_code(&server, method, format!("{}{path}", server.url), headers.clone()).await
    };
    let mut operations = operations();
    operations.sort_by_key(|(_, _, operation)| operation["operationId"] == "end_current_session");
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap();
        if operation["x-suspended"] == true {
            marked.insert(id);
        }
        let (status, code) = ask(method, path).await;
        let is_refused = status == 403 && (code == "auth.suspended" || *method == Method::HEAD);
        if !is_refused {
            open.insert(id);
        }
        if OPEN.contains(&id) && (is_refused || status == 401 || status >= 500) {
            wrong.push(format!("{id}: {status} {code}"));
        }
    }
    assert_eq!(open, BTreeSet::from(OPEN), "what a suspended member reaches");
    assert_eq!(marked, BTreeSet::from(OPEN), "what `x-suspended` says");
    assert_eq!(wrong, Vec::<String>::new());
}

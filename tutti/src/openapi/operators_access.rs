//! The operators' listener in front of the real table of roles: every operation of its document is sent with every
//! role's token, and compared with the table of who may.
//!
//! Does not own that table (`http_server::operators`). Invariant: what is not in the listener's document is not there.

use std::collections::BTreeMap;

use axum::Router;
use gateway::{ADMIN_PREFIX, ListenerKind};
use http::Method;
use serde_json::Value;
use service::Service;
use testkit::{TestClient, World};

use super::json;
use crate::roles;

/// The roles of an account.
const ROLES: [&str; 6] = ["member", "curator", "viewer", "developer", "moderator", "operator"];

/// What each value of `x-admin-role` stands for, written down a second time.
fn may(required: &str, role: &str) -> bool {
    let holders: &[&str] = match required {
        "viewer" => &["viewer", "developer", "moderator", "operator"],
        "developer" => &["developer", "operator"],
        "moderator" => &["moderator", "operator"],
        "operator" => &["operator"],
        other => panic!("{other} is no role of operators"),
    };
    holders.contains(&role)
}

/// Starts the listener. Every other role responds with 200 to everything.
async fn listener() -> World {
    let others: Vec<Service> = roles::all().into_iter().filter(|service| service.name != "admin").collect();
    let world = World::builder().beside(&others).start(&[gateway::admin_service()]).await;
    for service in others {
        world.process.peers.register_local(service.name, Router::new().fallback(async || "reached"));
    }
    world
}

/// Returns the operations of operators: method, path with parameters filled in, and the role that each needs.
fn operations() -> Vec<(Method, String, String)> {
    let document: Value = serde_json::from_str(&json(ListenerKind::Operators).unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(required) = operation["x-admin-role"].as_str() else {
                assert!(!path.starts_with(ADMIN_PREFIX), "{method} {path} has no role");
                continue;
            };
            let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            found.push((method.to_uppercase().parse().unwrap(), path, required.to_owned()));
        }
    }
    found
}

async fn status(client: &TestClient, method: &Method, path: &str) -> (u16, Value) {
    let response = client.send(client.request(method.clone(), path)).await;
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_operators_is_open_to_the_roles_of_its_row_only() {
    let world = listener().await;
    let operators: BTreeMap<&str, TestClient> =
        ROLES.into_iter().map(|role| (role, world.operator(role, &["member", role]))).collect();
    let site = world.member_with("eve", &["operator"]);
    let one_factor = world.member_who("eve", &["operator"], |claims| claims.operators = true);
    let operations = operations();
    assert!(operations.len() >= 3, "{operations:?}");
    for (method, path, required) in &operations {
        let code = |(status, problem): (u16, Value)| (status, problem["code"].as_str().unwrap_or_default().to_owned());
        for (role, client) in &operators {
            let found = code(status(client, method, path).await);
            let refusal = (403, "auth.role_required".to_owned());
            assert_eq!(found != refusal, may(required, role), "{role}: {method} {path}: {found:?}");
            assert_ne!(found.0, 401, "{role}: {method} {path}");
        }
        let refused = code(status(&world.anonymous(), method, path).await);
        assert_eq!(refused, (401, "auth.required".to_owned()), "{method} {path}");
        let refused = code(status(&site, method, path).await);
        assert_eq!(refused, (403, "auth.operators_session_required".to_owned()), "{method} {path}");
        let refused = code(status(&one_factor, method, path).await);
        assert_eq!(refused, (403, "auth.second_factor_required".to_owned()), "{method} {path}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_listener_has_sign_in_and_nothing_else_of_the_site() {
    let world = listener().await;
    let operator = world.operator("ada", &["operator"]);
    let sent = async |method: Method, path: &str| status(&operator, &method, path).await.0;
    assert_eq!(sent(Method::POST, "/v1/sessions").await, 200);
    assert_eq!(sent(Method::POST, "/v1/sessions/refresh").await, 200);
    assert_eq!(sent(Method::DELETE, "/v1/sessions/current").await, 200);
    assert_eq!(sent(Method::POST, "/v1/sessions/passkey-challenges").await, 200);
    assert_eq!(sent(Method::POST, "/v1/me/proof").await, 200);
    assert_eq!(sent(Method::GET, "/v1/sessions").await, 405);
    for (method, path) in
        [(Method::GET, "/v1/me"), (Method::POST, "/v1/accounts"), (Method::GET, "/v1/media"), (Method::GET, "/metrics")]
    {
        assert_eq!(sent(method.clone(), path).await, sent(method, "/v1/nothing").await, "{path}");
    }
    assert_eq!(sent(Method::GET, "/v1/nothing").await, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_gateway_has_no_operation_of_operators() {
    let others: Vec<Service> = roles::all().into_iter().filter(|service| service.name != "gateway").collect();
    let world = World::builder().beside(&others).start(&[gateway::service()]).await;
    for service in others {
        world.process.peers.register_local(service.name, Router::new().fallback(async || "reached"));
    }
    let operator = world.operator("ada", &["operator"]);
    for (method, path, _) in operations() {
        let (found, unknown) =
            (status(&operator, &method, &path).await, status(&operator, &method, "/v1/nothing").await);
        assert_eq!((found.0, &found.1["code"]), (unknown.0, &unknown.1["code"]), "{method} {path}");
        assert!(method != Method::GET || found.0 == 404, "{path}");
    }
    world.end().await;
}

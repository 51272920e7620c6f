//! The operators' listener: the networks that may use it, what it tells roles, and its own operations.
//!
//! The walk over the product's real operations is in `tutti/src/openapi/operators_access.rs`.

use axum::Router;
use axum::extract::Request;
use http::Method;
use serde_json::json;
use service::{RoleInstance, RoleInterface, Service};
use testkit::World;
use utoipa::openapi::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder};

/// Returns a fake accounts role with a sign-in and an operation of operators.
fn accounts() -> Service {
    let openapi: fn() -> OpenApi = || {
        let mut part = OpenApi::default();
        for (path, name, value) in [
            ("/v1/sessions", "x-admin-sign-in", json!(true)),
            ("/v1/admin/accounts", "x-admin-role", json!("viewer")),
            ("/v1/me", "x-cookies", json!(true)),
        ] {
            let extensions = ExtensionsBuilder::new().add(name, value).build();
            let operation = OperationBuilder::new().extensions(Some(extensions)).build();
            part.paths.add_path_operation(path, vec![HttpMethod::Post], operation);
        }
        part
    };
    Service {
        name: "accounts",
        migrations: None,
        objects: &[],
        openapi,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(std::future::ready(Ok(RoleInstance::default()))),
    }
}

/// Starts a role in front of the fake one, which responds with the listener that it was told.
async fn world(front: Service, settings: &[&str]) -> World {
    let builder = settings.iter().fold(World::builder(), |world, setting| world.set(setting));
    let world = builder.beside(&[accounts()]).start(&[front]).await;
    let tell = async |request: Request| {
        let listener = request.headers().get("x-tutti-listener").cloned();
        listener.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    world.process.peers.register_local("accounts", Router::new().fallback(tell));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_listener_starts_with_an_operation_of_operators_that_names_no_role() {
    for front in [gateway::admin_service(), gateway::service()] {
        let world = world(front, &[]).await;
        let mut context = world.context(front.name).clone();
        let mut part = OpenApi::default();
        part.paths.add_path_operation("/v1/admin/mails", vec![HttpMethod::Get], OperationBuilder::new().build());
        context.roles = [RoleInterface { role: "accounts", openapi: part, codes: &[] }].into();
        let error = (front.start)(context).await.unwrap_err().to_string();
        assert!(error.contains("/v1/admin/mails") && error.contains("x-admin-role"), "{error}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_clients_of_other_networks_nothing_is_there() {
    let world = world(gateway::admin_service(), &["admin.networks=[\"10.0.0.0/8\", \"192.0.2.7\"]"]).await;
    let operator = world.operator("ada", &["operator"]);
    for path in ["/v1/openapi.json", "/docs/", "/", "/v1/admin/jobs", "/v1/nothing"] {
        operator.get(path).await.refused(404, "request.no_such_url");
        let forged = operator.request(Method::GET, path).header("x-forwarded-for", "10.0.0.1");
        operator.send(forged.header("x-tutti-client", "10.0.0.1")).await.refused(404, "request.no_such_url");
    }
    operator.post("/v1/sessions", &json!({})).await.refused(404, "request.no_such_url");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_at_the_operators_listener_only_and_the_members_page_at_the_public_one() {
    let operators = world(gateway::admin_service(), &[]).await;
    let visitor = operators.anonymous();
    let console = visitor.get("/").await.expect(200).body;
    assert!(String::from_utf8_lossy(&console).contains("Tutti, operators"));
    for page in ["/audit", "/members/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "/sign-in", "/nowhere"] {
        assert_eq!(visitor.get(page).await.expect(200).body, console, "{page}");
    }
    let foreign = ["/index.html", "/console.html", "/sw.js", "/routes.json", "/manifest.webmanifest", "/robots.txt"];
    for path in foreign.into_iter().chain(["/assets/nothing.js", "/assets/console/nothing.js", "/assets/x"]) {
        visitor.get(path).await.refused(404, "request.no_such_url");
    }
    operators.end().await;
    let site = world(gateway::service(), &[]).await;
    for path in ["/console.html", "/assets/console/nothing.js"] {
        site.anonymous().get(path).await.refused(404, "request.no_such_url");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_learn_which_listener_a_request_came_through() {
    let operators = world(gateway::admin_service(), &["admin.networks=[\"127.0.0.0/8\"]"]).await;
    let told = operators.anonymous().post("/v1/sessions", &json!({})).await.expect(200);
    assert_eq!(told.body, b"operators");
    let viewer = operators.operator("vera", &["viewer"]);
    assert_eq!(viewer.post("/v1/admin/accounts", &json!({})).await.expect(200).body, b"operators");
    operators.end().await;
    // Clients of the public listener can't say so themselves.
    let site = world(gateway::service(), &[]).await;
    let client = site.anonymous();
    let forged = client.request(Method::POST, "/v1/sessions").header("x-tutti-listener", "operators");
    assert_eq!(client.send(forged.json(&json!({}))).await.expect(200).body, b"");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_dead_letter_is_a_404_and_a_silent_role_is_named() {
    let world = world(gateway::admin_service(), &[]).await;
    let developer = world.operator("dora", &["developer"]);
    assert_eq!(developer.get("/v1/admin/dead-letters").await.expect(200).json()["items"], json!([]));
    let redeliver = "/v1/admin/dead-letters/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10/redeliver";
    developer.post(redeliver, &json!({"reason": "x"})).await.refused(404, "admin.dead_letter_not_found");
    developer.post(redeliver, &json!({})).await.refused(422, "request.invalid");
    // The fake role's response is no list of jobs.
    let jobs = developer.get("/v1/admin/jobs").await.expect(200).json();
    assert_eq!((&jobs["items"], &jobs["degraded"]), (&json!([]), &json!(["accounts"])));
    world.end().await;
}

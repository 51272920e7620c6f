//! An API key at the public listener: it reaches what its scope names, and nothing else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Member, Server};

/// Returns the status of a response, and the code of its problem if it is one.
async fn status(client: &Member, method: Method, path: &str) -> (u16, String) {
    let response = client.request(method, path).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_reaches_what_its_scope_names_until_it_is_revoked() {
    let server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let body = json!({"name": "Reader", "scopes": ["media:read"]});
    let response = ada.request(Method::POST, "/v1/me/api-keys").json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let created: Value = response.json().await.unwrap();
    let secret = created["key"].as_str().unwrap();
    let reader = Member { token: secret.to_owned(), ..ada.clone() };
    reader.get("/v1/media").await;
    for (method, path) in [
        (Method::POST, "/v1/media"),
        (Method::GET, "/v1/albums"),
        (Method::GET, "/v1/me"),
        (Method::DELETE, "/v1/me"),
        (Method::POST, "/v1/me/password"),
        (Method::GET, "/v1/me/api-keys"),
        (Method::DELETE, "/v1/sessions"),
    ] {
        let found = status(&reader, method.clone(), path).await;
        assert_eq!(found, refused(403, "auth.scope"), "{method} {path}");
    }
    assert_eq!(status(&reader, Method::GET, "/v1/no-such-path").await, refused(404, "request.no_such_url"));
    let unknown = Member { token: format!("{secret}x"), ..reader.clone() };
    assert_eq!(status(&unknown, Method::GET, "/v1/media").await, refused(401, "auth.invalid_token"));

    let path = format!("/v1/me/api-keys/{}", created["id"].as_str().unwrap());
    assert_eq!(ada.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let started = std::time::Instant::now();
    while status(&reader, Method::GET, "/v1/media").await.0 != 401 {
        assert!(started.elapsed().as_secs() < 60, "a revoked key is still accepted");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    ada.get("/v1/media").await;
    assert!(!server.logs().contains(secret), "the key is in the log");
}

//! An API key at the public listener: it reaches what its scope names, and nothing else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::operators::make_operator;
use crate::server::{Member, Server};
use crate::wav::wave;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_team_reads_what_is_public_and_sends_for_the_member_whom_it_names() {
    let server = Server::start_alone(&[]).await;
    let (olga, ada) = (server.sign_up("olga").await, server.sign_up("ada").await);
    let operator = make_operator(&server, "olga", &olga).await;
    let keys = format!("{}/v1/admin/api-keys", server.admin_url());
    let expires_at = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let body = json!({
        "name": "Kiosk",
        "scopes": ["media:read", "media:write", "members:act"],
        "expires_at": expires_at,
        "reason": "For the kiosk.",
    });
    let response = server.client.post(&keys).bearer_auth(&operator).json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let created: Value = response.json().await.unwrap();
    let secret = created["key"].as_str().unwrap();
    let team = Member { token: secret.to_owned(), ..ada.clone() };

    let private = ada.upload("private.wav", "audio/wav", wave(&[0; 4_410])).await;
    let public = ada.upload("public.wav&visibility=public", "audio/wav", wave(&[1; 4_410])).await;
    let item = |item: &Value| format!("/v1/media/{}", item["id"].as_str().unwrap());
    assert_eq!(team.get(&item(&public)).await["id"], public["id"]);
    assert_eq!(status(&team, Method::GET, &item(&private)).await.0, 404);
    for (method, path) in [
        (Method::POST, "/v1/media".to_owned()),
        (Method::DELETE, item(&public)),
        (Method::GET, "/v1/albums".to_owned()),
        (Method::GET, "/v1/me".to_owned()),
    ] {
        assert_eq!(status(&team, method.clone(), &path).await, refused(403, "auth.scope"), "{method} {path}");
    }
    let send = async |on_behalf_of: &str| {
        let request = team.request(Method::POST, "/v1/media?name=kiosk.wav").header("content-type", "audio/wav");
        let request = request.header("tutti-on-behalf-of", on_behalf_of).body(wave(&[2; 4_410]));
        request.send().await.unwrap()
    };
    let sent = send("ada").await;
    assert_eq!(sent.status(), StatusCode::CREATED);
    let sent: Value = sent.json().await.unwrap();
    assert_eq!(ada.get(&item(&sent)).await["id"], sent["id"], "it is hers, and private");
    assert_eq!(send("nobody-at-all").await.status(), StatusCode::FORBIDDEN);
    // Neither by itself nor for an operator does it do what operators do.
    for on_behalf_of in [None, Some("olga")] {
        let request = server.client.get(&keys).bearer_auth(secret);
        let request = on_behalf_of.into_iter().fold(request, |all, handle| all.header("tutti-on-behalf-of", handle));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{on_behalf_of:?}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "auth.scope");
    }
    assert!(!server.logs().contains(secret), "the key is in the log");
}

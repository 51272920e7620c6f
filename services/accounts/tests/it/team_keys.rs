//! API keys of the team: making, using and revoking them.

use super::api_keys::world_beside_media;
use super::*;
use base::Query as _;
use chrono::TimeDelta;
use http::{HeaderMap, Method, header};
use http_server::auth::{Claims, FindTeamKeyToken, ON_BEHALF_OF, hash_api_key};

const PATH: &str = "/v1/admin/api-keys";

fn request(world: &World, scopes: &[&str]) -> Value {
    let expires_at = world.clock().now() + TimeDelta::days(1);
    json!({"name": "Kiosk", "scopes": scopes, "expires_at": expires_at, "reason": "For the kiosk."})
}

/// Makes a key. Returns its view and its secret.
async fn create(operator: &Person, body: &Value) -> (Value, String) {
    let mut view = operator.member.post(PATH, body).await.expect(201).json();
    let secret = view.as_object_mut().unwrap().remove("key").unwrap();
    (view, secret.as_str().unwrap().to_owned())
}

async fn list(operator: &Person) -> Vec<Value> {
    operator.member.get(PATH).await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn revoke(operator: &Person, id: &str) -> TestResponse {
    let body = json!({"reason": "It was stolen."});
    operator.member.send(operator.member.request(Method::DELETE, &format!("{PATH}/{id}")).json(&body)).await
}

/// Sends a key as the gateway does, perhaps on behalf of a member. Returns its claims, and those of the token
/// with which the request goes on, which reaches nothing of the account.
async fn exchange(world: &World, key: &str, member: Option<&str>) -> Result<(Claims, Option<Claims>), String> {
    let verifier = &world.process.verifier;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    if let Some(member) = member {
        headers.insert(ON_BEHALF_OF, member.parse().unwrap());
    }
    let claims = verifier.exchange_team_key(&mut headers).await.map_err(|problem| problem.code.into_owned())?.unwrap();
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok((claims, None)) };
    let token = value.to_str().unwrap().trim_start_matches("Bearer ");
    let acting = verifier.verify(token).await.map_err(|problem| problem.code.into_owned())?;
    let with_token = world.anonymous().with_token(token);
    for path in ["/v1/me", "/v1/me/api-keys", PATH, "/v1/admin/accounts"] {
        with_token.get(path).await.refused(403, "auth.scope");
    }
    Ok((claims, Some(acting)))
}

#[tokio::test]
async fn operators_make_and_revoke_keys_of_the_team_with_a_reason() {
    let world = world_beside_media().await;
    let olga = sign_up_operator(&world, "olga", "operator").await;
    for (field, value, code) in [
        ("name", json!(" "), "accounts.invalid_api_key"),
        ("scopes", json!([]), "accounts.invalid_api_key"),
        ("scopes", json!(["accounts:read"]), "accounts.invalid_api_key"),
        ("expires_at", json!(world.clock().now()), "accounts.invalid_api_key"),
        ("expires_at", json!(world.clock().now() + TimeDelta::days(367)), "accounts.invalid_api_key"),
        ("expires_at", Value::Null, "request.invalid"),
        ("reason", json!(" "), "accounts.invalid_api_key"),
        ("reason", Value::Null, "request.invalid"),
    ] {
        let mut body = request(&world, &["media:read"]);
        body[field] = value;
        olga.member.post(PATH, &body).await.refused(422, code);
    }
    assert!(list(&olga).await.is_empty());
    let (view, key) = create(&olga, &request(&world, &["members:act", "media:read"])).await;
    assert!(key.starts_with("tutti-team_") && key.len() == 54, "{} characters", key.len());
    assert_eq!((&view["created_by"], &view["last_used_at"]), (&olga.account["id"], &Value::Null));
    assert_eq!(view["scopes"], json!(["media:read", "members:act"]));
    assert_eq!(list(&olga).await, std::slice::from_ref(&view));
    let stored = world.stored_bytes("accounts").await;
    assert!(!stored.windows(key.len()).any(|bytes| bytes == key.as_bytes()), "the key is stored");
    let id = view["id"].as_str().unwrap();
    revoke(&olga, "nonsense").await.refused(404, "accounts.api_key_not_found");
    olga.member.delete(&format!("{PATH}/{id}")).await.expect(415);
    revoke(&olga, id).await.expect(204);
    revoke(&olga, id).await.refused(404, "accounts.api_key_not_found");
    assert!(list(&olga).await.is_empty());
    let trail = olga.member.get("/v1/admin/audit?who=olga").await.expect(200).json();
    let [revoked, created] = &trail["items"].as_array().unwrap()[..] else { panic!("{trail}") };
    assert_eq!(
        (&created["action"], &created["reason"]),
        (&json!("accounts.team_key_created"), &json!("For the kiosk."))
    );
    assert_eq!(
        (&revoked["action"], &revoked["reason"]),
        (&json!("accounts.team_key_revoked"), &json!("It was stolen."))
    );
    assert_eq!((&created["after"]["scopes"], &revoked["target"]["id"]), (&view["scopes"], &view["id"]));
    assert!(!trail.to_string().contains(&key));
    world.clock().advance(TimeDelta::minutes(11));
    olga.member.post(PATH, &request(&world, &["media:read"])).await.refused(403, "auth.proof_required");
    world.end().await;
}

#[tokio::test]
async fn a_key_of_the_team_is_nobodys_and_acts_for_members_only_if_its_scope_says_so() {
    let world = world_beside_media().await;
    let olga = sign_up_operator(&world, "olga", "operator").await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let (reading, reader) = create(&olga, &request(&world, &["media:read"])).await;
    let (acting, actor) = create(&olga, &request(&world, &["media:write", "members:act"])).await;
    let (claims, token) = exchange(&world, &reader, None).await.unwrap();
    assert_eq!((claims.roles, claims.scope), (vec!["team".to_owned()], vec!["media:read".to_owned()]));
    assert_eq!(claims.sub.to_string(), reading["id"].as_str().unwrap());
    assert!(token.is_none() && claims.exp - claims.iat <= 120 && !claims.operators);
    assert_eq!(exchange(&world, &reader, Some("ada")).await.unwrap_err(), "auth.on_behalf_of");

    let (_, token) = exchange(&world, &actor, Some("ADA")).await.unwrap();
    let token = token.unwrap();
    assert_eq!(token.sub.to_string(), ada.account["id"].as_str().unwrap());
    assert_eq!(token.sid.to_string(), acting["id"].as_str().unwrap());
    assert_eq!(token.scope, ["media:write", "members:act"]);
    let of_olga = exchange(&world, &actor, olga.account["id"].as_str()).await.unwrap().1.unwrap();
    assert_eq!((of_olga.handle.as_str(), of_olga.roles), ("olga", vec!["member".to_owned()]));
    let path = format!("/v1/admin/accounts/{}/suspend", bob.account["id"].as_str().unwrap());
    olga.member.post(&path, &json!({"state": "suspended", "reason": "Spam."})).await.expect(200);
    for nobody in ["bob", "nobody-at-all"] {
        assert_eq!(exchange(&world, &actor, Some(nobody)).await.unwrap_err(), "auth.on_behalf_of", "{nobody}");
    }
    assert!(list(&olga).await.iter().all(|key| key["last_used_at"].is_string()), "the last use is shown");

    // What the gateway has kept ends as the token of a session does.
    revoke(&olga, acting["id"].as_str().unwrap()).await.expect(204);
    world.process.verifier.read_ended_sessions().await.unwrap();
    assert_eq!(exchange(&world, &actor, None).await.unwrap_err(), "auth.session_ended");
    let query = FindTeamKeyToken { hash: hash_api_key(&reader), member: None };
    let peers = &world.context("accounts").peers;
    assert!(peers.ask(&query).await.unwrap().is_some());
    world.clock().advance(TimeDelta::days(1));
    assert!(peers.ask(&query).await.unwrap().is_none(), "{} has expired", query.path());
    world.end().await;
}

#[tokio::test]
async fn a_repeated_request_for_a_key_returns_the_same_key_once() {
    let world = world_beside_media().await;
    let olga = sign_up_operator(&world, "olga", "operator").await;
    let of_team = request(&world, &["media:read"]);
    let own = json!({"name": "Karaoke server", "scopes": ["media:read"]});
    for (path, body) in [(PATH, &of_team), ("/v1/me/api-keys", &own)] {
        let made = post_with_key(&olga.member, path, "a", body).await.expect(201).json();
        assert_eq!(post_with_key(&olga.member, path, "a", body).await.expect(201).json()["key"], made["key"], "{path}");
        let mut other = body.clone();
        other["name"] = json!("Another");
        post_with_key(&olga.member, path, "a", &other).await.refused(422, "request.idempotency_key_reused");
        post_with_key(&olga.member, path, &"a".repeat(256), body).await.refused(400, "request.bad_idempotency_key");
        let items = olga.member.get(path).await.expect(200).json()["items"].clone();
        assert_eq!((items.as_array().unwrap().len(), &items[0]["id"]), (1, &made["id"]), "{path}");
        // After it was revoked, another key is made, which has another secret.
        let request = olga.member.request(Method::DELETE, &format!("{path}/{}", made["id"].as_str().unwrap()));
        olga.member.send(request.json(&json!({"reason": "For a test."}))).await.expect(204);
        let again = post_with_key(&olga.member, path, "a", body).await.expect(201).json();
        assert!(again["key"] != made["key"] && again["id"] != made["id"], "{path}");
    }
    let ada = sign_up(&world, "ada").await;
    post_with_key(&ada.member, "/v1/me/api-keys", "a", &own).await.expect(201);
    assert_eq!(ada.member.get("/v1/me/api-keys").await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_an_erased_operator_did_for_the_team_stays_without_their_name() {
    let world = world_beside_media().await;
    let olga = sign_up_operator(&world, "olga", "operator").await;
    let grace = sign_up_operator(&world, "grace", "operator").await;
    let (key, _) = create(&olga, &request(&world, &["media:read"])).await;
    let flag = olga.member.request(Method::PUT, "/v1/admin/flags/uploads");
    olga.member.send(flag.json(&json!({"on": false, "reason": "The disk is full."}))).await.expect(200);
    let changed_by = async || {
        let flags = grace.member.get("/v1/admin/flags").await.expect(200).json();
        let flags = flags["items"].as_array().unwrap().clone();
        flags.into_iter().find(|flag| flag["name"] == "uploads").unwrap()["changed_by"].clone()
    };
    assert_eq!(changed_by().await, "olga");
    olga.member.delete("/v1/me").await.expect(204);
    assert_eq!(changed_by().await, Value::Null);
    let [kept] = &list(&grace).await[..] else { panic!("the key is gone") };
    assert_eq!((&kept["id"], &kept["created_by"]), (&key["id"], &Value::Null));
    world.end().await;
}

//! API keys: making, listing, using and revoking them.

use super::*;
use chrono::TimeDelta;
use contract::accounts::SessionsEnded;
use http::{HeaderMap, header};
use http_server::auth::{Claims, FindApiKeyToken, hash_api_key};
use service::personal_data::PersonalData;
use service::{RoleInstance, Service};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::{OpenApi, OpenApiBuilder};

/// Returns the part of a role with an operation that has the tag `media`.
fn media_part() -> OpenApi {
    let operation = OperationBuilder::new().tag("media").build();
    let paths = PathsBuilder::new().path("/v1/media", PathItem::new(HttpMethod::Get, operation));
    OpenApiBuilder::new().paths(paths.build()).build()
}

/// Starts a world whose product has a media role, which does not run here.
pub(super) async fn world_beside_media() -> World {
    let media = Service {
        name: "media",
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: media_part,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(async { Ok(RoleInstance::default()) }),
    };
    builder().beside(&[media]).start(&[accounts::service()]).await
}

pub(super) fn request(expires_at: Option<chrono::DateTime<chrono::Utc>>) -> Value {
    json!({"name": "Karaoke server", "scopes": ["media:write", "media:read"], "expires_at": expires_at})
}

/// Makes a key. Returns its view and its secret.
pub(super) async fn create(person: &Person, body: &Value) -> (Value, String) {
    let mut view = person.member.post("/v1/me/api-keys", body).await.expect(201).json();
    let secret = view.as_object_mut().unwrap().remove("key").unwrap();
    (view, secret.as_str().unwrap().to_owned())
}

/// Returns the keys that the list shows.
async fn list(person: &Person) -> Vec<Value> {
    person.member.get("/v1/me/api-keys").await.expect(200).json()["items"].as_array().unwrap().clone()
}

/// Returns the claims of an access token of the key, or the code of the refusal, as the gateway gets them.
async fn exchange(world: &World, key: &str) -> Result<(Claims, String), String> {
    let verifier = &world.process.verifier;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    verifier.exchange_api_key(&mut headers).await.map_err(|problem| problem.code.into_owned())?;
    let token = headers[header::AUTHORIZATION].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    let claims = verifier.verify(&token).await.map_err(|problem| problem.code.into_owned())?;
    Ok((claims, token))
}

/// Whether accounts still returns tokens of a key.
async fn is_known(world: &World, key: &str) -> bool {
    let query = FindApiKeyToken { hash: hash_api_key(key) };
    world.context("accounts").peers.ask(&query).await.unwrap().is_some()
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_its_hash() {
    let world = world_beside_media().await;
    let ada = sign_up(&world, "ada").await;
    let (view, key) = create(&ada, &request(None)).await;
    assert!(key.starts_with("tutti_") && key.len() == 49, "{} characters", key.len());
    assert_eq!((&view["name"], &view["scopes"]), (&json!("Karaoke server"), &json!(["media:read", "media:write"])));
    assert_eq!(list(&ada).await, [view]);
    let stored = world.stored_bytes("accounts").await;
    assert!(!stored.windows(key.len()).any(|bytes| bytes == key.as_bytes()), "the key is stored");
    let hash = hash_api_key(&key);
    assert!(stored.windows(hash.len()).any(|bytes| bytes == hash.as_bytes()), "its hash is");
    world.end().await;
}

#[tokio::test]
async fn a_key_acts_for_its_member_within_its_scope_and_without_other_roles() {
    let world = world_beside_media().await;
    let olga = sign_up(&world, "olga").await;
    insert_factor(&world, "olga").await;
    assign(&world, "olga", "operator").await;
    let (view, key) = create(&olga, &request(None)).await;
    let (claims, token) = exchange(&world, &key).await.unwrap();
    assert_eq!(claims.sub.to_string(), olga.account["id"].as_str().unwrap());
    assert_eq!(claims.sid.to_string(), view["id"].as_str().unwrap());
    assert_eq!((claims.scope, claims.roles), (vec!["media:read".into(), "media:write".into()], vec!["member".into()]));
    assert!(claims.exp - claims.iat <= 120, "it is short-lived");
    assert!(claims.amr.is_empty() && !claims.operators, "it proves nothing of who uses it");
    let with_key = world.anonymous().with_token(&token);
    for path in ["/v1/me", "/v1/sessions", "/v1/me/api-keys", "/v1/admin/accounts", "/v1/admin/audit"] {
        with_key.get(path).await.refused(403, "auth.scope");
    }
    with_key.delete("/v1/me").await.refused(403, "auth.scope");
    with_key.post("/v1/me/api-keys", &request(None)).await.refused(403, "auth.scope");
    world.end().await;
}

#[tokio::test]
async fn a_revoked_key_and_its_tokens_are_refused() {
    let world = world_beside_media().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let (view, key) = create(&ada, &request(None)).await;
    let path = format!("/v1/me/api-keys/{}", view["id"].as_str().unwrap());
    assert!(exchange(&world, &key).await.is_ok() && is_known(&world, &key).await);
    bob.member.delete(&path).await.refused(404, "accounts.api_key_not_found");
    world.anonymous().delete(&path).await.refused(401, "auth.required");
    ada.member.delete("/v1/me/api-keys/nonsense").await.refused(404, "accounts.api_key_not_found");
    assert!(is_known(&world, &key).await);
    ada.member.delete(&path).await.expect(204);
    ada.member.delete(&path).await.refused(404, "accounts.api_key_not_found");
    assert!(!is_known(&world, &key).await && list(&ada).await.is_empty());
    // The token that the gateway has kept ends as that of a session does.
    world.process.verifier.read_ended_sessions().await.unwrap();
    assert_eq!(exchange(&world, &key).await.unwrap_err(), "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn a_key_ends_at_its_time_and_with_the_account_and_pauses_with_a_suspension() {
    let world = world_beside_media().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let (_, short) = create(&ada, &request(Some(world.clock().now() + TimeDelta::minutes(1)))).await;
    let (claims, _) = exchange(&world, &short).await.unwrap();
    assert_eq!(claims.exp - claims.iat, 60, "its tokens do not outlive it");
    world.clock().advance(TimeDelta::minutes(1));
    assert!(!is_known(&world, &short).await);
    let (_, long) = create(&bob, &request(None)).await;
    let suspended = "update account set state = 'suspended' where handle = 'bob'";
    let db = world.context("accounts").db.clone();
    let set = async |text: &'static str| {
        let written: Result<u64, db::Error> =
            db.write(db::Lane::ALL, async move |tx| db::Sql::execute(tx, text, vec![]).await).await;
        assert_eq!(written.unwrap(), 1);
    };
    set(suspended).await;
    assert!(!is_known(&world, &long).await);
    set("update account set state = 'active' where handle = 'bob'").await;
    assert!(is_known(&world, &long).await);
    bob.member.send(bob.member.request(http::Method::DELETE, "/v1/me")).await.expect(204);
    assert!(!is_known(&world, &long).await);
    world.end().await;
}

#[tokio::test]
async fn a_new_password_ends_the_keys_that_the_member_made_and_says_so() {
    let world = world_beside_media().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    let (_, changed) = create(&ada, &request(None)).await;
    let (_, of_bob) = create(&sign_up(&world, "bob").await, &request(None)).await;
    let wrong = json!({"current": "a wrong password", "new": "another fine password"});
    ada.member.post("/v1/me/password", &wrong).await.refused(403, "auth.wrong_password");
    assert!(is_known(&world, &changed).await);
    tick(&world);
    let body = json!({"current": PASSWORD, "new": "another fine password"});
    ada.member.post("/v1/me/password", &body).await.expect(204);
    assert!(!is_known(&world, &changed).await && list(&ada).await.is_empty());
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.text.contains("keys"), "{}", mail.text);
    let (_, reset) = create(&ada, &request(None)).await;
    forget_password(&world, "ada").await;
    let body = json!({"code": mailed_link(&world, "ada@example.org").await, "password": "a third fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    assert!(!is_known(&world, &reset).await && is_known(&world, &of_bob).await);
    world.end().await;
}

#[tokio::test]
async fn an_address_that_is_taken_back_ends_the_keys_of_who_changed_it() {
    let world = world_beside_media().await;
    sign_up_confirmed(&world, "ada").await;
    let thief = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    tick(&world);
    let change = json!({"email": "thief@example.net", "password": PASSWORD});
    thief.member.post("/v1/me/email", &change).await.expect(202);
    let code = json!({"code": mailed_link(&world, "thief@example.net").await});
    thief.member.post("/v1/me/email/confirm", &code).await.expect(200);
    let (_, stolen) = create(&thief, &request(None)).await;
    assert!(is_known(&world, &stolen).await);
    let back = json!({"code": mailed_link(&world, "ada@example.org").await, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &back).await.expect(204);
    assert!(!is_known(&world, &stolen).await);
    world.end().await;
}

#[tokio::test]
async fn the_last_use_is_shown_and_written_once_a_minute() {
    let world = world_beside_media().await;
    let ada = sign_up(&world, "ada").await;
    let (_, key) = create(&ada, &request(None)).await;
    let last_use = async || list(&ada).await[0]["last_used_at"].clone();
    assert_eq!(last_use().await, Value::Null);
    assert!(is_known(&world, &key).await);
    let first = last_use().await;
    assert!(first.is_string());
    world.clock().advance(TimeDelta::seconds(59));
    assert!(is_known(&world, &key).await);
    assert_eq!(last_use().await, first);
    world.clock().advance(TimeDelta::seconds(1));
    assert!(is_known(&world, &key).await);
    assert_ne!(last_use().await, first);
    world.end().await;
}

#[tokio::test]
async fn a_key_needs_the_password_or_a_recent_sign_in() {
    let world = world_beside_media().await;
    let ada = sign_up(&world, "ada").await;
    world.clock().advance(TimeDelta::minutes(11));
    ada.member.post("/v1/me/api-keys", &request(None)).await.refused(403, "auth.proof_required");
    let with_password = |password: &str| {
        let mut body = request(None);
        body["password"] = password.into();
        body
    };
    let wrong = with_password("not the password");
    ada.member.post("/v1/me/api-keys", &wrong).await.refused(403, "auth.wrong_password");
    assert!(list(&ada).await.is_empty());
    create(&ada, &with_password(PASSWORD)).await;
    world.anonymous().post("/v1/me/api-keys", &request(None)).await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn a_bad_request_for_a_key_and_one_key_too_many_are_refused() {
    let world = world_beside_media().await;
    let ada = sign_up(&world, "ada").await;
    for (field, value) in [
        ("name", json!(" ")),
        ("scopes", json!([])),
        ("scopes", json!(["accounts:write"])),
        ("scopes", json!(["media"])),
        ("expires_at", json!(world.clock().now())),
    ] {
        let mut body = request(None);
        body[field] = value;
        ada.member.post("/v1/me/api-keys", &body).await.refused(422, "accounts.invalid_api_key");
    }
    assert!(list(&ada).await.is_empty());
    for _ in 0..50 {
        create(&ada, &request(None)).await;
    }
    ada.member.post("/v1/me/api-keys", &request(None)).await.refused(403, "accounts.too_many_api_keys");
    assert_eq!(list(&ada).await.len(), 50);
    world.end().await;
}

#[tokio::test]
async fn the_end_of_a_key_that_expires_is_announced_once() {
    let world = world_beside_media().await;
    let listener = testkit::fake_role("notify").records::<SessionsEnded>();
    listener.join(&world).await;
    let ada = sign_up(&world, "ada").await;
    let (lasting, _) = create(&ada, &request(None)).await;
    let (view, _) = create(&ada, &request(Some(world.clock().now() + TimeDelta::hours(1)))).await;
    // Twice the interval of the job, and once more.
    for hours in [3, 3] {
        world.clock().advance(TimeDelta::hours(hours));
        let is_told = async || (!listener.events::<SessionsEnded>().is_empty()).then_some(());
        world.wait_for("the end of the key", is_told).await;
        world.settle().await;
    }
    let told = listener.events::<SessionsEnded>();
    let keys: Vec<String> = told.iter().flat_map(|ended| &ended.sessions).map(ToString::to_string).collect();
    assert_eq!(keys, [view["id"].as_str().unwrap()], "not {}", lasting["id"]);
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(list(&ada).await.len(), 2, "it stays in the list");
    world.end().await;
}

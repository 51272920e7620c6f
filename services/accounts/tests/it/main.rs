//! Tests of the accounts role over real HTTP with real SQL.
//!
//! Owns the helpers that all tests share. Invariant: every world has cheap password hashes, so that the tests run fast.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod addresses;
mod api_keys;
mod authenticator;
mod authenticator_app;
mod contention;
mod cookie_sessions;
mod decisions;
mod email_change;
mod exports;
mod factors;
mod flags;
mod handles;
mod limits;
mod older_folder;
mod operators;
mod other_roles;
mod passkeys;
mod profile;
mod profile_verdicts;
mod proofs;
mod recovery;
mod refresh;
mod region;
mod roles;
mod sessions;
mod sign_in;
mod sign_ins;
mod sign_up;
mod sign_up_work;
mod signing_keys;
mod standing;
mod team_keys;
mod webhooks;

use http_server::operators::Actor;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World, WorldBuilder};

/// A valid password.
const PASSWORD: &str = "a fine long password";

/// Returns a builder of a world with cheap hashes, to be configured further.
fn builder() -> WorldBuilder {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1", "accounts.throttle_delay_ms=1"];
    cheap.into_iter().fold(World::builder().with_real_accounts(), WorldBuilder::set)
}

/// Starts a world with the accounts role only.
async fn world() -> World {
    builder().start(&[accounts::service()]).await
}

/// A signed-in member, with the refresh token and account that the server returned.
struct Person {
    member: TestClient,
    refresh: String,
    account: Value,
}

impl Person {
    /// Reads the tokens of a response, and checks its shape.
    #[track_caller]
    fn of(world: &World, response: &TestResponse) -> Self {
        let body = response.json();
        assert_eq!(body["expires_in"], 900, "{response}");
        assert_eq!(response.header("cache-control"), "no-store", "{response}");
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name}: {response}")).to_owned();
        Self {
            member: world.anonymous().with_token(&text("access_token")),
            refresh: text("refresh_token"),
            account: body["account"].clone(),
        }
    }

    /// Returns the id of the session.
    async fn session(&self) -> String {
        let list = self.member.get("/v1/sessions").await.expect(200).json();
        let current = list["items"].as_array().unwrap().iter().find(|item| item["current"] == true).unwrap();
        current["id"].as_str().unwrap().to_owned()
    }
}

/// Returns the body of a sign-up with this handle.
fn sign_up_body(name: &str) -> Value {
    json!({"handle": name, "email": format!("{name}@example.org"), "password": PASSWORD})
}

/// Signs up.
async fn sign_up(world: &World, name: &str) -> Person {
    Person::of(world, &world.anonymous().post("/v1/accounts", &sign_up_body(name)).await.expect(201))
}

/// Signs in on another device.
async fn sign_in(world: &World, login: &str, password: &str) -> TestResponse {
    world.anonymous().post("/v1/sessions", &json!({"login": login, "password": password, "device": "Phone"})).await
}

/// Exchanges a refresh token.
async fn refresh(world: &World, token: &str) -> TestResponse {
    world.anonymous().post("/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

/// Sends a POST with an `Idempotency-Key`.
async fn post_with_key(member: &TestClient, path: &str, key: &str, body: &Value) -> TestResponse {
    member.send(member.request(http::Method::POST, path).header("idempotency-key", key).json(body)).await
}

/// Returns the code in the link of the newest mail to an address.
async fn mailed_link(world: &World, email: &str) -> String {
    let mail = world.mail_to(email).await;
    let link = mail.links.iter().find_map(|link| link.split_once("code=")).unwrap_or_else(|| panic!("{}", mail.text));
    link.1.to_owned()
}

/// Returns the short code in the newest mail to an address.
async fn mailed_short_code(world: &World, email: &str) -> String {
    let mail = world.mail_to(email).await;
    let is_code = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b'-' && word.to_uppercase() == **word;
    mail.text.split_whitespace().find(is_code).unwrap_or_else(|| panic!("{}", mail.text)).to_owned()
}

/// Signs up and confirms the address.
async fn sign_up_confirmed(world: &World, name: &str) -> Person {
    let person = sign_up(world, name).await;
    let code = mailed_link(world, &format!("{name}@example.org")).await;
    person.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200);
    person
}

/// Signs up, gives the account an authenticator app and a role, and signs in at the operators' listener.
async fn sign_up_operator(world: &World, name: &str, role: &str) -> Person {
    let person = sign_up(world, name).await;
    let secret = factors::add_app(world, &person).await;
    assign(world, name, role).await;
    sign_in_operator(world, name, &secret).await
}

/// Inserts a second factor, without which an account is given no role. No code belongs to it.
async fn insert_factor(world: &World, name: &str) {
    let text = "
        insert into factor (id, account_id, kind, name, secret, created_at)
        select id, id, 'totp', 'App', $1, created_at
          from account
         where handle = $2";
    let values = vec![vec![0_u8; 8].into(), name.to_owned().into()];
    let db = world.context("accounts").db.clone();
    let inserted: Result<u64, db::Error> =
        db.write(db::Lane::ALL, async move |tx| db::Sql::execute(tx, text, values).await).await;
    assert_eq!(inserted.unwrap(), 1);
}

/// Gives an account a role, as a command on the machine does.
async fn assign(world: &World, name: &str, role: &str) {
    let (db, now) = (world.context("accounts").db.clone(), world.clock().now());
    accounts::assign(&db, name, role, Actor::machine("root"), "", now).await.unwrap();
}

/// Signs in at the operators' listener with the app that has this secret.
async fn sign_in_operator(world: &World, name: &str, secret: &str) -> Person {
    let factor = json!({"kind": "totp", "code": factors::current_code(world, secret)});
    let body = json!({"login": name, "password": PASSWORD, "factor": factor});
    Person::of(world, &through_listener(world, "/v1/sessions", &body).await.expect(201))
}

/// Sends a request as the operators' listener forwards it.
async fn through_listener(world: &World, path: &str, body: &Value) -> TestResponse {
    let client = world.anonymous();
    let request = client.request(http::Method::POST, path).header("x-tutti-listener", "operators");
    client.send(request.json(body)).await
}

/// Moves the clock, so that the next mail is newer than those before it.
fn tick(world: &World) {
    world.clock().advance(chrono::TimeDelta::seconds(1));
}

/// Asks for a link to a new password, and waits until the request is handled.
async fn forget_password(world: &World, login: &str) {
    tick(world);
    world.anonymous().post("/v1/passwords/forgotten", &json!({"login": login})).await.expect(202);
    world.settle().await;
}

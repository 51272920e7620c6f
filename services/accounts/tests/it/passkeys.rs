//! Passkeys, as second factors and alone.

use super::authenticator::Device;
use super::factors::add_app;
use super::*;
use chrono::TimeDelta;
use service::personal_data::PersonalData;
use service::{RoleInstance, Service};
use utoipa::openapi::OpenApiBuilder;

/// Begins a passkey and returns the path that confirms it, and the options.
async fn begin(person: &Person) -> (String, Value) {
    let setup = person.member.post("/v1/me/factors", &json!({"kind": "passkey"})).await.expect(201).json();
    (format!("/v1/me/factors/{}/confirm", setup["id"].as_str().unwrap()), setup["options"].clone())
}

/// Adds a passkey.
pub(super) async fn add_passkey(person: &Person, number: u8) -> Device {
    let mut device = Device::new(number);
    let (path, options) = begin(person).await;
    let credential = device.create(&options);
    person.member.post(&path, &json!({"credential": credential})).await.expect(200);
    device
}

/// Returns the options for a sign-in by passkey alone.
async fn challenge(world: &World) -> Value {
    world.anonymous().post("/v1/sessions/passkey-challenges", &json!({})).await.expect(201).json()["options"].clone()
}

/// Returns the options that the right password gets.
async fn second_factor(world: &World, login: &str) -> Value {
    let problem = sign_in(world, login, PASSWORD).await.refused(401, "auth.second_factor").json();
    assert_eq!(problem["factors"], json!(["passkey"]));
    problem["passkey"].clone()
}

/// Signs in with a passkey alone.
async fn sign_in_alone(world: &World, assertion: &Value) -> TestResponse {
    let body = json!({"factor": {"kind": "passkey", "assertion": assertion}});
    world.anonymous().post("/v1/sessions", &body).await
}

/// Signs in with the password and a passkey.
async fn sign_in_second(world: &World, login: &str, assertion: &Value) -> TestResponse {
    let factor = json!({"kind": "passkey", "assertion": assertion});
    let body = json!({"login": login, "password": PASSWORD, "factor": factor});
    world.anonymous().post("/v1/sessions", &body).await
}

#[tokio::test]
async fn a_passkey_signs_in_alone_and_as_a_second_factor() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mut device = add_passkey(&ada, 1).await;
    let alone = sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    let alone = Person::of(&world, &alone);
    assert_eq!(alone.account, ada.account);
    let claims = world.process.verifier.verify(alone.member.token().unwrap()).await.unwrap();
    assert_eq!(claims.amr, ["hwk", "user", "mfa"]);
    let options = second_factor(&world, "ada").await;
    let second = Person::of(&world, &sign_in_second(&world, "ada", &device.sign(&options)).await.expect(201));
    let claims = world.process.verifier.verify(second.member.token().unwrap()).await.unwrap();
    assert_eq!(claims.amr, ["pwd", "hwk", "user", "mfa"]);
    let list = ada.member.get("/v1/me/factors").await.expect(200).json();
    assert_eq!(list["items"][0]["kind"], "passkey");
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
    // It also proves who a signed-in member is.
    world.clock().advance(TimeDelta::minutes(11));
    let asked = second.member.delete("/v1/me").await.refused(403, "auth.proof_required").json();
    let factor = json!({"kind": "passkey", "assertion": device.sign(&asked["passkey"])});
    second.member.post("/v1/me/proof", &json!({"factor": factor})).await.expect(204);
    second.member.delete("/v1/me").await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_response_for_another_origin_is_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for origin in ["https://evil.example", "https://localhost:5173", "http://localhost.evil.example", "null"] {
        let mut device = Device::new(9);
        device.origin = origin.to_owned();
        let (path, options) = begin(&ada).await;
        let credential = device.create(&options);
        ada.member.post(&path, &json!({"credential": credential})).await.refused(403, "auth.factor_refused");
    }
    let mut device = add_passkey(&ada, 1).await;
    device.origin = "https://evil.example".to_owned();
    let response = device.sign(&challenge(&world).await);
    sign_in_alone(&world, &response).await.refused(401, "auth.wrong_factor");
    let response = device.sign(&second_factor(&world, "ada").await);
    sign_in_second(&world, "ada", &response).await.refused(401, "auth.wrong_factor");
    world.end().await;
}

/// Returns a role that has nothing but the section of the operators' listener.
fn admin() -> Service {
    Service {
        name: "admin",
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: || OpenApiBuilder::new().build(),
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(async { Ok(RoleInstance::default()) }),
    }
}

#[tokio::test]
async fn the_console_below_the_host_of_the_site_has_its_passkeys() {
    const CONSOLE: &str = "http://console.localhost:9443";
    let world = builder().set(&format!("admin.public_url={CONSOLE}")).start(&[accounts::service(), admin()]).await;
    let mut device = add_passkey(&sign_up(&world, "ada").await, 1).await;
    device.origin = CONSOLE.to_owned();
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    device.origin = "http://other.localhost:9443".to_owned();
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.refused(401, "auth.wrong_factor");
    world.end().await;
}

#[tokio::test]
async fn a_challenge_is_used_once_in_time_and_for_what_it_was_made() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mut device = add_passkey(&ada, 1).await;
    let options = challenge(&world).await;
    let response = device.sign(&options);
    sign_in_alone(&world, &response).await.expect(201);
    sign_in_alone(&world, &response).await.refused(401, "auth.wrong_factor");
    sign_in_alone(&world, &device.sign(&options)).await.refused(401, "auth.wrong_factor");
    // A challenge that we never made.
    let own = json!({"publicKey": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}});
    sign_in_alone(&world, &device.sign(&own)).await.refused(401, "auth.wrong_factor");
    // A challenge after the password does not sign in without it, nor the other way around.
    let options = second_factor(&world, "ada").await;
    sign_in_alone(&world, &device.sign(&options)).await.refused(401, "auth.wrong_factor");
    let response = device.sign(&challenge(&world).await);
    sign_in_second(&world, "ada", &response).await.refused(401, "auth.wrong_factor");
    // A refused response uses its challenge up.
    let options = challenge(&world).await;
    device.flags = 1;
    sign_in_alone(&world, &device.sign(&options)).await.refused(401, "auth.wrong_factor");
    device.flags = 5;
    sign_in_alone(&world, &device.sign(&options)).await.refused(401, "auth.wrong_factor");
    let options = challenge(&world).await;
    world.clock().advance(TimeDelta::minutes(5));
    sign_in_alone(&world, &device.sign(&options)).await.refused(401, "auth.wrong_factor");
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn another_accounts_passkey_is_refused() {
    let world = world().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let (mut hers, mut his) = (add_passkey(&ada, 1).await, add_passkey(&bob, 2).await);
    let response = his.sign(&second_factor(&world, "ada").await);
    sign_in_second(&world, "ada", &response).await.refused(401, "auth.wrong_factor");
    // A device that lies about its account, or about its credential.
    his.user.clone_from(&hers.user);
    sign_in_alone(&world, &his.sign(&challenge(&world).await)).await.refused(401, "auth.wrong_factor");
    his.credential.clone_from(&hers.credential);
    sign_in_alone(&world, &his.sign(&challenge(&world).await)).await.refused(401, "auth.wrong_factor");
    let response = his.sign(&second_factor(&world, "ada").await);
    sign_in_second(&world, "ada", &response).await.refused(401, "auth.wrong_factor");
    // A credential that another account has is not added.
    let (path, options) = begin(&bob).await;
    let credential = Device::new(1).create(&options);
    bob.member.post(&path, &json!({"credential": credential})).await.refused(403, "auth.factor_refused");
    sign_in_alone(&world, &hers.sign(&challenge(&world).await)).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_copied_key_is_noticed_by_its_counter() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mut device = add_passkey(&ada, 1).await;
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    let copy = device.sign_again(&challenge(&world).await);
    sign_in_alone(&world, &copy).await.refused(401, "auth.wrong_factor");
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn malformed_passkeys_are_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let attestations = [
        String::new(),
        "AA".to_owned(),
        "_____w".to_owned(),
        // Arrays in arrays, 30,000 deep; a map that claims 2⁶⁴ entries; bytes that claim 16 MB.
        "gYGB".repeat(10_000),
        "u___________".to_owned(),
        "WgD___8A".to_owned(),
    ];
    for attestation in attestations {
        let (path, options) = begin(&ada).await;
        let mut credential = Device::new(1).create(&options);
        credential["response"]["attestationObject"] = attestation.into();
        ada.member.post(&path, &json!({"credential": credential})).await.refused(403, "auth.factor_refused");
    }
    let (path, options) = begin(&ada).await;
    for body in [json!({"credential": {}}), json!({"credential": [1]}), json!({"code": "000000"})] {
        ada.member.post(&path, &body).await.refused(403, "auth.factor_refused");
    }
    ada.member.post(&path, &json!({})).await.refused(422, "request.invalid");
    let mut device = Device::new(1);
    let credential = device.create(&options);
    ada.member.post(&path, &json!({"credential": credential})).await.expect(200);
    for (field, value) in
        [("authenticatorData", "AA"), ("signature", ""), ("clientDataJSON", "e30"), ("userHandle", "AA")]
    {
        let mut response = device.sign(&challenge(&world).await);
        response["response"][field] = value.into();
        sign_in_alone(&world, &response).await.refused(401, "auth.wrong_factor");
    }
    sign_in_alone(&world, &json!({"id": 7})).await.refused(401, "auth.wrong_factor");
    world.end().await;
}

#[tokio::test]
async fn an_account_has_ten_passkeys_at_most() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for number in 0..10 {
        add_passkey(&ada, number).await;
    }
    let options = second_factor(&world, "ada").await;
    assert_eq!(options["publicKey"]["allowCredentials"].as_array().unwrap().len(), 10);
    let body = json!({"kind": "passkey"});
    ada.member.post("/v1/me/factors", &body).await.refused(409, "accounts.too_many_factors");
    world.end().await;
}

#[tokio::test]
async fn an_unverified_user_is_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mut device = Device::new(1);
    device.flags = 1;
    let (path, options) = begin(&ada).await;
    let credential = device.create(&options);
    ada.member.post(&path, &json!({"credential": credential})).await.refused(403, "auth.factor_refused");
    world.end().await;
}

#[tokio::test]
async fn a_sign_in_by_passkey_is_listed_and_a_new_device_is_mailed() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mut device = add_passkey(&ada, 1).await;
    tick(&world);
    let factor = json!({"kind": "passkey", "assertion": device.sign(&challenge(&world).await)});
    world.anonymous().post("/v1/sessions", &json!({"device": "Tablet", "factor": factor})).await.expect(201);
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.text.contains("Device: Tablet"), "{}", mail.text);
    tick(&world);
    device.origin = "https://evil.example".to_owned();
    let response = device.sign(&challenge(&world).await);
    sign_in_alone(&world, &response).await.refused(401, "auth.wrong_factor");
    let list = ada.member.get("/v1/me/sign-ins").await.expect(200).json();
    let shown: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| (&item["device"], &item["outcome"])).collect();
    let (unknown, tablet) = (json!("Unknown device"), json!("Tablet"));
    let (failed, succeeded) = (json!("failed"), json!("succeeded"));
    assert_eq!(shown, [(&unknown, &failed), (&tablet, &succeeded), (&unknown, &succeeded)]);
    world.end().await;
}

#[tokio::test]
async fn a_flood_of_challenges_keeps_nobody_from_signing_in() {
    let world = world().await;
    let mut device = add_passkey(&sign_up(&world, "ada").await, 1).await;
    let (db, until) = (world.context("accounts").db.clone(), world.clock().now() + TimeDelta::minutes(4));
    let filled: Result<(), db::Error> = db
        .write(db::Lane::ALL, async move |tx| {
            for batch in 0..40_u32 {
                let ids = (0..500).map(|number| (batch * 500 + number).to_be_bytes().to_vec());
                let values = ids.flat_map(|id| [id.into(), "".into(), until.into()]).collect();
                let rows = db::placeholders(500, 3);
                let text = format!("insert into passkey_challenge (id, state, expires_at) values {rows}");
                db::Sql::execute(tx, &text, values).await?;
            }
            Ok(())
        })
        .await;
    filled.unwrap();
    sign_in_alone(&world, &device.sign(&challenge(&world).await)).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_site_without_a_host_name_has_no_passkeys_and_says_so() {
    let world = builder().set("mail.site_url=http://192.0.2.7:8080").start(&[accounts::service()]).await;
    let ada = sign_up(&world, "ada").await;
    let body = json!({"kind": "passkey"});
    ada.member.post("/v1/me/factors", &body).await.refused(409, "accounts.passkeys_off");
    let challenge = world.anonymous().post("/v1/sessions/passkey-challenges", &json!({})).await;
    challenge.refused(409, "accounts.passkeys_off");
    // Everything else works.
    add_app(&world, &ada).await;
    let problem = sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.second_factor").json();
    assert_eq!(problem["factors"], json!(["totp"]));
    world.end().await;
}

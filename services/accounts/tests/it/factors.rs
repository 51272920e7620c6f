//! Authenticator apps and recovery codes.

use super::*;
use chrono::TimeDelta;
use testkit::app_code;

/// Adds an authenticator app. Returns its secret; the clock is moved to a step whose code was not used yet.
pub(super) async fn add_app(world: &World, person: &Person) -> String {
    let setup = person.member.post("/v1/me/factors", &json!({"kind": "totp"})).await.expect(201);
    assert_eq!(setup.header("cache-control"), "no-store", "{setup}");
    let setup = setup.json();
    let secret = setup["secret"].as_str().unwrap().to_owned();
    assert!(setup["uri"].as_str().unwrap().starts_with("otpauth://totp/Tutti:"), "{setup}");
    let path = format!("/v1/me/factors/{}/confirm", setup["id"].as_str().unwrap());
    let first = app_code(&secret, world.clock().now().timestamp());
    person.member.post(&path, &json!({"code": first})).await.expect(200);
    world.clock().advance(TimeDelta::seconds(30));
    secret
}

/// Returns the current code.
pub(super) fn current_code(world: &World, secret: &str) -> String {
    app_code(secret, world.clock().now().timestamp())
}

/// Signs in with a factor from a client address.
async fn sign_in_from(world: &World, address: &str, factor: &Value) -> TestResponse {
    let anonymous = world.anonymous();
    let request = anonymous.request(http::Method::POST, "/v1/sessions").header("x-tutti-client", address);
    anonymous.send(request.json(&json!({"login": "ada", "password": PASSWORD, "factor": factor}))).await
}

/// Signs in with a factor.
pub(super) async fn sign_in_with(world: &World, factor: &Value) -> TestResponse {
    sign_in_from(world, "127.0.0.1", factor).await
}

#[tokio::test]
async fn a_factor_is_asked_for_after_the_right_password_only() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let begun = ada.member.post("/v1/me/factors", &json!({"kind": "totp", "name": "Phone"})).await.expect(201).json();
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    let path = format!("/v1/me/factors/{}/confirm", begun["id"].as_str().unwrap());
    ada.member.post(&path, &json!({"code": "000000"})).await.refused(403, "auth.factor_refused");
    let secret = begun["secret"].as_str().unwrap();
    let added = ada.member.post(&path, &json!({"code": current_code(&world, secret)})).await.expect(200).json();
    assert_eq!((&added["kind"], &added["name"]), (&json!("totp"), &json!("Phone")));
    ada.member.post(&path, &json!({"code": "000000"})).await.refused(404, "accounts.factor_not_found");

    let problem = sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.second_factor").json();
    assert_eq!(problem["factors"], json!(["totp"]));
    // A wrong password says the same with and without factors, and whatever factor is sent.
    sign_up(&world, "bob").await;
    let mut responses = Vec::new();
    for login in ["ada", "bob", "nobody-at-all"] {
        let body =
            json!({"login": login, "password": "not the password", "factor": {"kind": "totp", "code": "000000"}});
        let mut problem = world.anonymous().post("/v1/sessions", &body).await.refused(401, "auth.wrong_login").json();
        problem["request_id"] = Value::Null;
        responses.push(problem);
    }
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:#?}");
    world.clock().advance(TimeDelta::seconds(30));
    let factor = json!({"kind": "totp", "code": current_code(&world, secret)});
    Person::of(&world, &sign_in_with(&world, &factor).await.expect(201));
    world.end().await;
}

#[tokio::test]
async fn a_code_is_accepted_once_and_one_step_early_or_late() {
    let world = world().await;
    let secret = add_app(&world, &sign_up(&world, "ada").await).await;
    let now = || world.clock().now().timestamp();
    let with = |code: String| json!({"kind": "totp", "code": code});
    let first = with(app_code(&secret, now()));
    sign_in_with(&world, &first).await.expect(201);
    sign_in_with(&world, &first).await.refused(401, "auth.wrong_factor");
    world.clock().advance(TimeDelta::seconds(29));
    sign_in_with(&world, &first).await.refused(401, "auth.wrong_factor");
    // One step early is fine, and then no earlier code is accepted any more.
    world.clock().advance(TimeDelta::minutes(5));
    sign_in_with(&world, &with(app_code(&secret, now() + 60))).await.refused(401, "auth.wrong_factor");
    sign_in_with(&world, &with(app_code(&secret, now() + 30))).await.expect(201);
    sign_in_with(&world, &with(app_code(&secret, now()))).await.refused(401, "auth.wrong_factor");
    world.clock().advance(TimeDelta::minutes(5));
    sign_in_with(&world, &with(app_code(&secret, now() - 60))).await.refused(401, "auth.wrong_factor");
    sign_in_with(&world, &with(app_code(&secret, now() - 30))).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn of_two_uses_of_one_code_at_once_one_signs_in() {
    let world = world().await;
    let secret = add_app(&world, &sign_up(&world, "ada").await).await;
    for _ in 0..5 {
        world.clock().advance(TimeDelta::minutes(2));
        let factor = json!({"kind": "totp", "code": current_code(&world, &secret)});
        let (one, two) = tokio::join!(sign_in_with(&world, &factor), sign_in_with(&world, &factor));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401], "{one}\n{two}");
    }
    world.end().await;
}

#[tokio::test]
async fn wrong_codes_get_nowhere_and_do_not_lock_out_the_owner() {
    guess(200).await;
}

#[tokio::test]
#[ignore = "long: make faults"]
async fn ten_thousand_wrong_codes_get_nowhere_and_do_not_lock_out_the_owner() {
    guess(10_000).await;
}

/// Guesses this many codes, each from a network of its own, and then signs in as the owner.
async fn guess(guesses: u32) {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    let (mut wrong, right) = (0, current_code(&world, &secret));
    for guess in 0..guesses {
        let guessed = format!("{guess:06}");
        if guessed == right
            || [30, -30].iter().any(|off| guessed == app_code(&secret, world.clock().now().timestamp() + off))
        {
            continue;
        }
        let address = format!("10.{}.{}.1", guess / 250 % 250, guess % 250);
        let response = sign_in_from(&world, &address, &json!({"kind": "totp", "code": guessed})).await;
        assert!([401, 429].contains(&response.status.as_u16()), "{response}");
        wrong += usize::from(response.status == 401);
    }
    assert_eq!(wrong, 30, "the guesses of a day");
    // A stranger with the right code has to wait as well, the owner has not.
    let factor = json!({"kind": "totp", "code": right});
    sign_in_from(&world, "10.251.0.1", &factor).await.refused(429, "auth.too_many_attempts");
    sign_in_with(&world, &factor).await.expect(201);
    world.clock().advance(TimeDelta::minutes(11));
    let proof = json!({"factor": {"kind": "totp", "code": current_code(&world, &secret)}});
    ada.member.post("/v1/me/proof", &proof).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_known_network_and_a_session_have_their_own_limits() {
    let world = builder().set("accounts.wrong_codes_per_day=3").start(&[accounts::service()]).await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    let wrong = json!({"kind": "recovery", "code": "aaaa-aaaa-aaaa-aaaa"});
    for _ in 0..3 {
        sign_in_with(&world, &wrong).await.refused(401, "auth.wrong_factor");
    }
    let response = sign_in_with(&world, &wrong).await.refused(429, "auth.too_many_attempts");
    assert_eq!(response.header("retry-after"), "28800");
    for _ in 0..3 {
        ada.member.post("/v1/me/proof", &json!({"factor": wrong})).await.refused(403, "auth.factor_refused");
    }
    ada.member.post("/v1/me/proof", &json!({"factor": wrong})).await.refused(429, "auth.too_many_attempts");
    let factor = json!({"kind": "totp", "code": current_code(&world, &secret)});
    sign_in_from(&world, "198.51.100.7", &factor).await.expect(201);
    world.end().await;
}

/// Makes new recovery codes.
async fn new_codes(person: &Person) -> Vec<String> {
    let body = person.member.post("/v1/me/recovery-codes", &json!({})).await.expect(201).json();
    body["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_new_ones_replace_the_old() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    ada.member.post("/v1/me/recovery-codes", &json!({})).await.refused(409, "accounts.no_factor");
    add_app(&world, &ada).await;
    let (old, codes) = (new_codes(&ada).await, new_codes(&ada).await);
    assert_eq!(codes.len(), 10);
    let with = |code: &str| json!({"kind": "recovery", "code": code});
    sign_in_with(&world, &with(&old[0])).await.refused(401, "auth.wrong_factor");
    let problem = sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.second_factor").json();
    assert_eq!(problem["factors"], json!(["totp", "recovery"]));
    sign_in_with(&world, &with(&codes[0].to_uppercase().replace('-', " "))).await.expect(201);
    sign_in_with(&world, &with(&codes[0])).await.refused(401, "auth.wrong_factor");
    let factor = with(&codes[1]);
    let (one, two) = tokio::join!(sign_in_with(&world, &factor), sign_in_with(&world, &factor));
    assert_ne!(one.status, two.status, "one of two uses at once succeeds");
    assert_eq!(ada.member.get("/v1/me/factors").await.expect(200).json()["recovery_codes"], 8);
    // Another account's code is worth nothing.
    let bob = sign_up(&world, "bob").await;
    add_app(&world, &bob).await;
    let foreign = new_codes(&bob).await;
    sign_in_with(&world, &with(&foreign[0])).await.refused(401, "auth.wrong_factor");
    world.end().await;
}

#[tokio::test]
async fn neither_a_secret_nor_a_recovery_code_is_readable_in_the_database() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    let codes = new_codes(&ada).await;
    let bytes = world.stored_bytes("accounts").await;
    let raw = totp_rs::Secret::try_from_base32(&secret).unwrap();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!has(secret.as_bytes()) && !has(raw.as_bytes()));
    for code in codes {
        assert!(!has(code.as_bytes()) && !has(code.replace('-', "").as_bytes()));
    }
    world.end().await;
}

#[tokio::test]
async fn a_factor_that_is_confirmed_too_late_is_gone() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let setup = ada.member.post("/v1/me/factors", &json!({"kind": "totp"})).await.expect(201).json();
    let path = format!("/v1/me/factors/{}/confirm", setup["id"].as_str().unwrap());
    world.clock().advance(TimeDelta::minutes(15));
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    let body = json!({"code": current_code(&world, setup["secret"].as_str().unwrap())});
    ada.member.post(&path, &body).await.refused(404, "accounts.factor_not_found");
    assert_eq!(ada.member.get("/v1/me/factors").await.expect(200).json()["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn factors_are_their_members_own() {
    let world = world().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    add_app(&world, &ada).await;
    let list = ada.member.get("/v1/me/factors").await.expect(200).json();
    let path = format!("/v1/me/factors/{}", list["items"][0]["id"].as_str().unwrap());
    bob.member.delete(&path).await.refused(404, "accounts.factor_not_found");
    bob.member
        .post(&format!("{path}/confirm"), &json!({"code": "000000"}))
        .await
        .refused(404, "accounts.factor_not_found");
    bob.member.delete("/v1/me/factors/no-id").await.refused(404, "accounts.factor_not_found");
    assert_eq!(bob.member.get("/v1/me/factors").await.expect(200).json()["items"], json!([]));
    for path in ["/v1/me/factors", "/v1/me/recovery-codes", "/v1/me/proof"] {
        world.anonymous().post(path, &json!({"kind": "totp"})).await.refused(401, "auth.required");
    }
    world.anonymous().get("/v1/me/factors").await.refused(401, "auth.required");
    world.anonymous().delete(&path).await.refused(401, "auth.required");
    ada.member.delete(&path).await.expect(204);
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn malformed_factors_are_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for body in [json!({}), json!({"kind": "sms"}), json!({"kind": "totp", "secret": "x"})] {
        ada.member.post("/v1/me/factors", &body).await.refused(422, "request.invalid");
    }
    add_app(&world, &ada).await;
    ada.member.post("/v1/me/factors", &json!({"kind": "totp"})).await.refused(409, "accounts.too_many_factors");
    for factor in [json!({}), json!({"kind": "totp"}), json!({"kind": "passkey", "code": "1"}), json!("123456")] {
        sign_in_with(&world, &factor).await.refused(422, "request.invalid");
    }
    for code in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"] {
        let response = sign_in_with(&world, &json!({"kind": "totp", "code": code})).await;
        response.refused(401, "auth.wrong_factor");
    }
    let long = json!({"kind": "recovery", "code": "x".repeat(50_000)});
    sign_in_with(&world, &long).await.refused(401, "auth.wrong_factor");
    for body in [json!({"password": PASSWORD}), json!({"factor": {"kind": "totp", "code": "000000"}})] {
        world.anonymous().post("/v1/sessions", &body).await.refused(422, "request.invalid");
    }
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_factor_behind() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    add_app(&world, &ada).await;
    new_codes(&ada).await;
    ada.member.delete("/v1/me").await.expect(204);
    let again = sign_up(&world, "ada").await;
    let list = again.member.get("/v1/me/factors").await.expect(200).json();
    assert_eq!((&list["items"], &list["recovery_codes"]), (&json!([]), &json!(0)));
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn metrics_count_factors_by_kind_and_outcome() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    sign_in_with(&world, &json!({"kind": "totp", "code": current_code(&world, &secret)})).await.expect(201);
    sign_in_with(&world, &json!({"kind": "recovery", "code": "x"})).await.refused(401, "auth.wrong_factor");
    let text = world.process.metrics.text();
    for line in [
        r#"tutti_accounts_factors_total{kind="totp",outcome="ok"} 1"#,
        r#"tutti_accounts_factors_total{kind="recovery",outcome="wrong"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_repeated_sign_up_is_no_way_around_a_factor() {
    let world = world().await;
    let body = sign_up_body("ada");
    post_with_key(&world.anonymous(), "/v1/accounts", "one", &body).await.expect(201);
    // A repeated request replaces the session of the first one.
    let ada = post_with_key(&world.anonymous(), "/v1/accounts", "one", &body).await.expect(201);
    let ada = Person::of(&world, &ada);
    add_app(&world, &ada).await;
    post_with_key(&world.anonymous(), "/v1/accounts", "one", &body).await.refused(409, "accounts.handle_taken");
    world.end().await;
}

#[tokio::test]
async fn each_change_of_factors_is_mailed_and_what_was_only_begun_is_not() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let mailed = async |part: &str| {
        let mail = world.mail_to("ada@example.org").await;
        assert!(mail.text.contains(part) && mail.text.contains("/settings"), "{part}: {}", mail.text);
    };
    tick(&world);
    add_app(&world, &ada).await;
    mailed("A second factor was added to your account on Tutti: Authenticator app").await;
    new_codes(&ada).await;
    mailed("The recovery codes of your account on Tutti were replaced").await;
    tick(&world);
    let begun = ada.member.post("/v1/me/factors", &json!({"kind": "passkey"})).await.expect(201).json();
    ada.member.delete(&format!("/v1/me/factors/{}", begun["id"].as_str().unwrap())).await.expect(204);
    let list = ada.member.get("/v1/me/factors").await.expect(200).json();
    ada.member.delete(&format!("/v1/me/factors/{}", list["items"][0]["id"].as_str().unwrap())).await.expect(204);
    mailed("A second factor was removed from your account on Tutti: Authenticator app").await;
    let count = world.mails_to("ada@example.org").await.len();
    assert_eq!(count, 4, "one to confirm the address, three about factors");
    world.end().await;
}

#[tokio::test]
async fn a_wrong_factor_is_a_failed_attempt_in_the_list_of_sign_ins() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    let wrong = json!({"kind": "recovery", "code": "aaaa-aaaa-aaaa-aaaa"});
    for _ in 0..2 {
        sign_in_from(&world, "192.0.2.77", &wrong).await.refused(401, "auth.wrong_factor");
    }
    let factor = json!({"kind": "totp", "code": current_code(&world, &secret)});
    sign_in_from(&world, "192.0.2.77", &factor).await.expect(201);
    sign_in_from(&world, "192.0.2.78", &factor).await.refused(401, "auth.wrong_factor");
    // The question for a factor is no failure.
    sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.second_factor");
    let list = ada.member.get("/v1/me/sign-ins").await.expect(200).json();
    let failed: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|item| item["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{list}");
    assert_eq!((&failed[0]["network"], &failed[0]["attempts"]), (&json!("192.0.2.0/24"), &json!(3)));
    world.end().await;
}

#[tokio::test]
async fn a_mailed_new_password_leaves_second_factors_in_place() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    forget_password(&world, "ada").await;
    let body = json!({"code": mailed_link(&world, "ada@example.org").await, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    sign_in(&world, "ada", "another fine password").await.refused(401, "auth.second_factor");
    let factor = json!({"kind": "totp", "code": current_code(&world, &secret)});
    let body = json!({"login": "ada@example.org", "password": "another fine password", "factor": factor});
    world.anonymous().post("/v1/sessions", &body).await.expect(201);
    world.end().await;
}

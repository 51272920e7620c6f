//! Sign-in.

use super::*;

#[tokio::test]
async fn a_handle_or_an_address_in_any_case_signs_in() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for login in ["ada", " ADA ", "ada@example.org", "Ada@Example.ORG"] {
        let again = Person::of(&world, &sign_in(&world, login, PASSWORD).await.expect(201));
        assert_eq!(again.account, ada.account);
        assert_ne!(again.refresh, ada.refresh);
        assert_eq!(again.member.get("/v1/me").await.expect(200).json()["handle"], "ada");
    }
    world.end().await;
}

/// Returns the number of password hashes computed so far.
pub(super) fn hash_count(world: &World) -> u64 {
    let text = world.process.metrics.text();
    let line = text.lines().find(|line| line.starts_with("tutti_accounts_password_hashes_total")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_wrong_login_and_a_wrong_password_get_the_same_response_at_the_same_cost() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let mut responses = Vec::new();
    for login in ["ada", "nobody-at-all", "ada@example.org", "nobody@example.org", "", "not a name"] {
        let before = hash_count(&world);
        let response = sign_in(&world, login, "not the password").await.refused(401, "auth.wrong_login");
        assert_eq!(hash_count(&world), before + 1, "{login:?} costs one hash");
        let mut problem = response.json();
        problem["request_id"] = Value::Null;
        responses.push(problem);
    }
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:#?}");
    // A password is compared exactly: spaces and case count.
    sign_in(&world, "ada", &format!("{PASSWORD} ")).await.refused(401, "auth.wrong_login");
    sign_in(&world, "ada", &PASSWORD.to_uppercase()).await.refused(401, "auth.wrong_login");
    world.end().await;
}

#[tokio::test]
async fn a_password_too_long_to_be_one_costs_no_hash() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let before = hash_count(&world);
    for login in ["ada", "nobody-at-all"] {
        sign_in(&world, login, &"x".repeat(1_001)).await.refused(401, "auth.wrong_login");
    }
    assert_eq!(hash_count(&world), before);
    world.end().await;
}

#[tokio::test]
async fn bad_input_is_refused() {
    let world = world().await;
    let anonymous = world.anonymous();
    anonymous.post("/v1/sessions", &json!({"login": "ada"})).await.refused(422, "request.invalid");
    anonymous.post("/v1/sessions", &json!({"login": 7, "password": "x"})).await.refused(422, "request.invalid");
    anonymous
        .send(
            anonymous.request(http::Method::POST, "/v1/sessions").header("content-type", "application/json").body("{"),
        )
        .await
        .refused(400, "request.not_json");
    world.end().await;
}

#[tokio::test]
async fn a_repeated_request_opens_one_session() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let body = json!({"login": "ada", "password": PASSWORD});
    for _ in 0..3 {
        post_with_key(&world.anonymous(), "/v1/sessions", "one", &body).await.expect(201);
    }
    post_with_key(&world.anonymous(), "/v1/sessions", "two", &body).await.expect(201);
    assert_eq!(ada.member.get("/v1/sessions").await.expect(200).json()["items"].as_array().unwrap().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn an_access_token_names_the_account_and_its_expiry() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let claims = world.process.verifier.verify(ada.member.token().unwrap()).await.unwrap();
    assert_eq!(claims.sub.to_string(), ada.account["id"].as_str().unwrap());
    assert_eq!(claims.sid.to_string(), ada.session().await);
    assert_eq!(
        (claims.handle.as_str(), claims.iss.as_str(), claims.roles.as_slice()),
        ("ada", "tutti", &["member".to_owned()][..])
    );
    assert_eq!((claims.iat, claims.exp - claims.iat), (world.clock().now().timestamp(), 900));
    world.clock().advance(chrono::TimeDelta::seconds(901));
    ada.member.get("/v1/me").await.refused(401, "auth.expired");
    world.end().await;
}

#[tokio::test]
async fn a_hash_with_old_parameters_is_replaced_at_sign_in() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let folder = world.crash().await;
    let world = World::builder()
        .with_real_accounts()
        .in_folder(folder)
        .set("accounts.argon2_memory_kib=128")
        .set("accounts.argon2_passes=1")
        .start(&[accounts::service()])
        .await;
    let before = hash_count(&world);
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    assert_eq!(hash_count(&world), before + 2, "one hash to verify, one to rehash");
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    assert_eq!(hash_count(&world), before + 3, "the stored hash has the configured parameters now");
    world.end().await;
}

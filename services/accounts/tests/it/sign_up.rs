//! Sign-up.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn a_new_account_is_signed_in_at_once() {
    let world = world().await;
    let response = world
        .anonymous()
        .post("/v1/accounts", &json!({"handle": " Ada.L ", "email": "Ada@Example.org", "password": PASSWORD}))
        .await
        .expect(201);
    assert_eq!(response.header("location"), "/v1/accounts/ada.l");
    let ada = Person::of(&world, &response);
    let account = &ada.account;
    assert_eq!((account["handle"].as_str(), account["email"].as_str()), (Some("ada.l"), Some("ada@example.org")));
    assert_eq!((account["display_name"].as_str(), account["bio"].as_str()), (Some("Ada.L"), Some("")));
    assert_eq!((&account["avatar"], &account["roles"]), (&Value::Null, &json!(["member"])));
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), *account);
    world.end().await;
}

#[tokio::test]
async fn a_taken_handle_is_refused_in_any_case_and_mails_nobody() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let anonymous = world.anonymous();
    anonymous
        .post("/v1/accounts", &json!({"handle": "ADA", "email": "other@example.org", "password": PASSWORD}))
        .await
        .refused(409, "accounts.handle_taken");
    anonymous.post("/v1/accounts", &sign_up_body("ada")).await.refused(409, "accounts.handle_taken");
    assert_eq!(world.mails().await.len(), 1, "the one to ada, of the account that was created");
    world.end().await;
}

#[tokio::test]
async fn invalid_sign_ups_are_refused_with_a_code() {
    let world = world().await;
    let with = |key: &str, value: Value| {
        let mut body = sign_up_body("ada");
        body[key] = value;
        body
    };
    for (body, status, code) in [
        (with("handle", json!("a b")), 422, "accounts.invalid_handle"),
        (with("handle", json!("admin")), 422, "accounts.invalid_handle"),
        (with("handle", json!("аda")), 422, "accounts.invalid_handle"),
        (with("email", json!("ada")), 422, "accounts.invalid_email"),
        (with("password", json!("short")), 422, "accounts.weak_password"),
        (with("password", json!("password123")), 422, "accounts.weak_password"),
        (with("password", json!("ada@example.org")), 422, "accounts.weak_password"),
        (with("password", json!("x1y2".repeat(300))), 422, "accounts.weak_password"),
        (with("password", json!(7)), 422, "request.invalid"),
        (json!({"handle": "ada"}), 422, "request.invalid"),
        (with("email", json!("x".repeat(70_000))), 413, "request.too_large"),
    ] {
        world.anonymous().post("/v1/accounts", &body).await.refused(status, code);
    }
    let anonymous = world.anonymous();
    anonymous
        .send(anonymous.request(http::Method::POST, "/v1/accounts").body("{"))
        .await
        .refused(415, "request.not_json");
    anonymous.get("/v1/accounts/ada").await.refused(404, "accounts.not_found");
    world.end().await;
}

#[tokio::test]
async fn a_repeated_sign_up_signs_in_again() {
    let world = world().await;
    let anonymous = world.anonymous();
    let first =
        Person::of(&world, &post_with_key(&anonymous, "/v1/accounts", "key-1", &sign_up_body("ada")).await.expect(201));
    let again =
        Person::of(&world, &post_with_key(&anonymous, "/v1/accounts", "key-1", &sign_up_body("ada")).await.expect(201));
    assert_eq!(first.account, again.account);
    // The session whose tokens were lost was replaced by the new one.
    first.member.get("/v1/me").await.refused(401, "auth.session_ended");
    assert_eq!(again.member.get("/v1/sessions").await.expect(200).json()["items"].as_array().unwrap().len(), 1);

    // Only the same request counts as repeated: same key, same e-mail address, right password, same day.
    let other = |key: &str, value: &str| {
        let mut body = sign_up_body("ada");
        body[key] = value.into();
        body
    };
    post_with_key(&anonymous, "/v1/accounts", "key-2", &sign_up_body("ada"))
        .await
        .refused(409, "accounts.handle_taken");
    post_with_key(&anonymous, "/v1/accounts", "key-1", &other("email", "b@example.org"))
        .await
        .refused(409, "accounts.handle_taken");
    post_with_key(&anonymous, "/v1/accounts", "key-1", &other("password", "another fine password"))
        .await
        .refused(409, "accounts.handle_taken");
    post_with_key(&anonymous, "/v1/accounts", &"k".repeat(256), &sign_up_body("bob"))
        .await
        .refused(400, "request.bad_idempotency_key");
    world.clock().advance(chrono::TimeDelta::hours(25));
    post_with_key(&anonymous, "/v1/accounts", "key-1", &sign_up_body("ada"))
        .await
        .refused(409, "accounts.handle_taken");
    world.end().await;
}

#[tokio::test]
async fn one_of_many_sign_ups_gets_the_handle_and_repeated_requests_count_as_one() {
    let world = world().await;
    let strangers = (0..8).map(|number| {
        let (anonymous, mut body) = (world.anonymous(), sign_up_body("ada"));
        body["email"] = format!("ada{number}@example.org").into();
        async move { anonymous.post("/v1/accounts", &body).await.status.as_u16() }
    });
    let mut statuses = join_all(strangers).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let copies = (0..8).map(|_| {
        let anonymous = world.anonymous();
        async move { post_with_key(&anonymous, "/v1/accounts", "one", &sign_up_body("bob")).await }
    });
    for response in join_all(copies).await {
        response.expect(201);
    }
    world.end().await;
}

/// Runs all futures at once.
async fn join_all<T: Send + 'static>(work: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = work.map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn passwords_and_tokens_are_nowhere_in_readable_form() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = ada.refresh.clone();
    let next = Person::of(&world, &refresh(&world, &secret).await.expect(200));
    let folder = world.folder().join("data");
    let kept = world.stored_bytes("accounts").await;
    assert!(kept.windows(3).any(|window| window == b"ada"), "the account is stored");
    for secret in [PASSWORD, &secret, &next.refresh, &secret[22..], &next.refresh[22..]] {
        let digits = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        for form in [secret, &digits] {
            assert!(
                !kept.windows(form.len()).any(|window| window == form.as_bytes()),
                "a secret is stored in readable form"
            );
        }
    }
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700,
        "only the server's user can read the keys"
    );
    world.end().await;
}

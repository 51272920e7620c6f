//! Limits on wrong passwords, sign-ups and password hashes.

use super::*;
use chrono::TimeDelta;

/// Signs in with a client address as the gateway sets it.
pub(super) async fn sign_in_from(world: &World, address: &str, login: &str, password: &str) -> TestResponse {
    let anonymous = world.anonymous();
    let request = anonymous.request(http::Method::POST, "/v1/sessions").header("x-tutti-client", address);
    anonymous.send(request.json(&json!({"login": login, "password": password}))).await
}

#[tokio::test]
async fn guessing_one_password_is_stopped_for_known_and_unknown_logins_alike() {
    let world = builder().set("accounts.attempts_per_login=3").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    for login in ["ada", "nobody-at-all"] {
        for network in 1..=3 {
            sign_in_from(&world, &format!("10.0.0.{network}"), login, "a wrong password")
                .await
                .refused(401, "auth.wrong_login");
        }
        let response = sign_in_from(&world, "10.0.0.9", &login.to_uppercase(), PASSWORD)
            .await
            .refused(429, "auth.too_many_attempts");
        assert_eq!(response.header("retry-after"), "300");
    }
    world.clock().advance(TimeDelta::seconds(300));
    sign_in_from(&world, "10.0.0.9", "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn guessing_many_logins_from_one_address_is_stopped() {
    let world = builder().set("accounts.attempts_per_address=5").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    for number in 0..5 {
        sign_in_from(&world, &format!("2001:db8::{number}"), &format!("name{number}"), "a wrong password")
            .await
            .refused(401, "auth.wrong_login");
    }
    let response = sign_in_from(&world, "2001:db8::99", "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    assert_eq!(response.header("retry-after"), "180");
    sign_in_from(&world, "2001:db8:0:1::1", "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_whole_venue_may_sign_in_from_one_address() {
    let world = builder()
        .set("accounts.attempts_per_address=2")
        .set("accounts.attempts_per_login=2")
        .start(&[accounts::service()])
        .await;
    sign_up(&world, "ada").await;
    for _ in 0..20 {
        sign_in(&world, "ada", PASSWORD).await.expect(201);
    }
    world.end().await;
}

#[tokio::test]
async fn a_stolen_token_can_not_guess_the_password() {
    let world = builder().set("accounts.attempts_per_login=3").start(&[accounts::service()]).await;
    let ada = sign_up(&world, "ada").await;
    for _ in 0..3 {
        let body = json!({"current": "a wrong password", "new": "another fine password"});
        ada.member.post("/v1/me/password", &body).await.refused(403, "auth.wrong_password");
    }
    let body = json!({"current": PASSWORD, "new": "another fine password"});
    ada.member.post("/v1/me/password", &body).await.refused(429, "auth.too_many_attempts");
    world.end().await;
}

/// Guesses from one network until it is refused. Returns the number of guesses.
async fn guess_until_refused(world: &World, address: &str, login: &str) -> usize {
    for guess in 0..50 {
        let response = sign_in_from(world, address, login, "a wrong password").await;
        if response.status == 429 {
            response.refused(429, "auth.too_many_attempts");
            return guess;
        }
        response.refused(401, "auth.wrong_login");
    }
    panic!("{address} is never refused");
}

#[tokio::test]
async fn the_owner_gets_in_from_elsewhere_while_one_network_guesses() {
    let world = world().await;
    sign_up(&world, "ada").await;
    for address in ["203.0.113.7", "2001:db8:7::1"] {
        assert_eq!(guess_until_refused(&world, address, "ada").await, 10);
        sign_in_from(&world, address, "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    }
    // These two networks are unknown to the account.
    sign_in_from(&world, "198.51.100.20", "ada", PASSWORD).await.expect(201);
    sign_in_from(&world, "2001:db8:8::1", "ada@example.org", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_live_session_changes_the_password_and_leaves_while_others_guess() {
    let world = builder().set("accounts.attempts_per_login_everywhere=20").start(&[accounts::service()]).await;
    let ada = sign_up(&world, "ada").await;
    world.clock().advance(TimeDelta::minutes(30));
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    // Also from the owner's own network and address.
    for address in ["127.0.0.1", "203.0.113.7", "198.51.100.7"] {
        assert_eq!(guess_until_refused(&world, address, "ada").await, 10);
    }
    let new = "another fine password";
    ada.member.post("/v1/me/password", &json!({"current": PASSWORD, "new": new})).await.expect(204);
    ada.member.send(ada.member.request(http::Method::DELETE, "/v1/me")).await.refused(403, "auth.proof_required");
    ada.member
        .send(ada.member.request(http::Method::DELETE, "/v1/me").json(&json!({"password": new})))
        .await
        .expect(204);
    world.end().await;
}

#[tokio::test]
async fn guessing_from_everywhere_is_stopped_and_known_networks_still_get_in() {
    let world = builder().set("accounts.attempts_per_login_everywhere=30").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    sign_in_from(&world, "192.0.2.77", "ada", PASSWORD).await.expect(201);
    let mut guesses = 0;
    for network in 0..40 {
        let response = sign_in_from(&world, &format!("10.9.{network}.1"), "ada", "a wrong password").await;
        guesses += usize::from(response.status == 401);
    }
    assert_eq!(guesses, 30);
    let response = sign_in_from(&world, "10.10.0.1", "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    assert_eq!(response.header("retry-after"), "30");
    sign_in_from(&world, "192.0.2.78", "ada", PASSWORD).await.expect(201);
    // A known network is limited to ten guesses as well.
    assert_eq!(guess_until_refused(&world, "192.0.2.79", "ada").await, 10);
    // A network is known for 90 days after its last use.
    world.clock().advance(TimeDelta::days(91));
    for network in 0..30 {
        sign_in_from(&world, &format!("10.9.{network}.1"), "ada", "a wrong password")
            .await
            .refused(401, "auth.wrong_login");
    }
    sign_in_from(&world, "192.0.2.78", "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    world.end().await;
}

#[tokio::test]
async fn a_new_password_makes_all_networks_unknown() {
    let world = builder().set("accounts.attempts_per_login_everywhere=1").start(&[accounts::service()]).await;
    let ada = sign_up(&world, "ada").await;
    sign_in_from(&world, "192.0.2.77", "ada", PASSWORD).await.expect(201);
    let new = "another fine password";
    ada.member.post("/v1/me/password", &json!({"current": PASSWORD, "new": new})).await.expect(204);
    sign_in_from(&world, "192.0.2.77", "ada", PASSWORD).await.refused(401, "auth.wrong_login");
    sign_in_from(&world, "192.0.2.77", "ada", new).await.refused(429, "auth.too_many_attempts");
    world.end().await;
}

#[tokio::test]
async fn client_addresses_are_nowhere_in_whole() {
    let world = world().await;
    sign_up(&world, "ada").await;
    sign_in_from(&world, "192.0.2.77", "ada", PASSWORD).await.expect(201);
    let kept = world.stored_bytes("accounts").await;
    // The member's list of sign-ins shows the network.
    assert!(!kept.windows(10).any(|window| window == b"192.0.2.77"), "a whole address is stored");
    world.end().await;
}

#[tokio::test]
async fn a_sign_up_that_is_repeated_can_not_guess_the_password() {
    let world = builder().set("accounts.attempts_per_login=3").start(&[accounts::service()]).await;
    let anonymous = world.anonymous();
    post_with_key(&anonymous, "/v1/accounts", "key-1", &sign_up_body("ada")).await.expect(201);
    let repeat = async |address: &str, password: &str| {
        let mut body = sign_up_body("ada");
        body["password"] = password.into();
        let request = anonymous.request(http::Method::POST, "/v1/accounts").header("idempotency-key", "key-1");
        anonymous.send(request.header("x-tutti-client", address).json(&body)).await
    };
    for guess in 0..3 {
        repeat("203.0.113.7", &format!("a wrong password {guess}")).await.refused(409, "accounts.handle_taken");
    }
    repeat("203.0.113.7", PASSWORD).await.refused(429, "auth.too_many_attempts");
    sign_in_from(&world, "203.0.113.7", "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    repeat("198.51.100.7", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn sign_ups_per_address_are_limited() {
    let world = builder().set("accounts.sign_ups_per_address=2").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    sign_up(&world, "bob").await;
    let response =
        world.anonymous().post("/v1/accounts", &sign_up_body("eve")).await.refused(429, "accounts.too_many_sign_ups");
    assert_eq!(response.header("retry-after"), "1800");
    world.clock().advance(TimeDelta::minutes(30));
    sign_up(&world, "eve").await;
    world.end().await;
}

#[tokio::test]
async fn a_full_hash_queue_gives_503_with_retry_after() {
    // One expensive hash at a time and one place in the queue: of many requests at once, most are refused.
    let world = World::builder()
        .with_real_accounts()
        .set("accounts.argon2_memory_kib=20000")
        .set("accounts.hashes_at_once=1")
        .set("accounts.hashes_waiting=1")
        .start(&[accounts::service()])
        .await;
    sign_up(&world, "ada").await;
    let tries: Vec<_> = (0..24)
        .map(|_| {
            let anonymous = world.anonymous();
            tokio::spawn(
                async move { anonymous.post("/v1/sessions", &json!({"login": "ada", "password": PASSWORD})).await },
            )
        })
        .collect();
    let (mut served, mut busy) = (0, 0);
    for attempt in tries {
        let response = attempt.await.unwrap();
        if response.status == http::StatusCode::CREATED {
            served += 1;
            continue;
        }
        let response = response.refused(503, "accounts.busy");
        assert_eq!(response.header("retry-after"), "2");
        busy += 1;
    }
    assert!(served >= 2 && busy >= 1, "{served} served, {busy} refused");
    // A refused attempt is not counted.
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    let metrics = world.process.metrics.text();
    assert!(metrics.contains(&format!("tutti_accounts_sign_ins_total{{outcome=\"busy\"}} {busy}")), "{metrics}");
    world.end().await;
}

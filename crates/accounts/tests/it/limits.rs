//! How often somebody may try.

use super::*;
use chrono::TimeDelta;

/// Signs in as if the gateway had said where from.
async fn sign_in_from(world: &World, address: &str, login: &str, password: &str) -> Answer {
    let nobody = world.nobody();
    let request = nobody.request(http::Method::POST, "/v1/sessions").header("x-tutti-client", address);
    nobody.send(request.json(&json!({"login": login, "password": password}))).await
}

#[tokio::test]
async fn guessing_one_password_ends_soon_and_for_unknown_names_alike() {
    let world = builder().set("accounts.attempts_per_login=3").start(&[accounts::service()]).await;
    join(&world, "ada").await;
    for login in ["ada", "nobody-at-all"] {
        for network in 1..=3 {
            sign_in_from(&world, &format!("10.0.0.{network}"), login, "a wrong password").await.refused(401, "auth.wrong_login");
        }
        let answer = sign_in_from(&world, "10.0.0.9", &login.to_uppercase(), PASSWORD).await.refused(429, "auth.too_many_attempts");
        assert_eq!(answer.header("retry-after"), "300");
    }
    world.clock().advance(TimeDelta::seconds(300));
    sign_in_from(&world, "10.0.0.9", "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn guessing_many_names_from_one_place_ends_too() {
    let world = builder().set("accounts.attempts_per_address=5").start(&[accounts::service()]).await;
    join(&world, "ada").await;
    for number in 0..5 {
        sign_in_from(&world, &format!("2001:db8::{number}"), &format!("name{number}"), "a wrong password").await.refused(401, "auth.wrong_login");
    }
    let answer = sign_in_from(&world, "2001:db8::99", "ada", PASSWORD).await.refused(429, "auth.too_many_attempts");
    assert_eq!(answer.header("retry-after"), "180");
    sign_in_from(&world, "2001:db8:0:1::1", "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_whole_venue_may_sign_in_from_one_address() {
    let world = builder().set("accounts.attempts_per_address=2").set("accounts.attempts_per_login=2").start(&[accounts::service()]).await;
    join(&world, "ada").await;
    for _ in 0..20 {
        sign_in(&world, "ada", PASSWORD).await.expect(201);
    }
    world.end().await;
}

#[tokio::test]
async fn a_stolen_token_can_not_guess_the_password() {
    let world = builder().set("accounts.attempts_per_login=3").start(&[accounts::service()]).await;
    let ada = join(&world, "ada").await;
    for _ in 0..3 {
        let body = json!({"current": "a wrong password", "new": "another fine password"});
        ada.member.post("/v1/me/password", &body).await.refused(403, "auth.wrong_password");
    }
    let body = json!({"current": PASSWORD, "new": "another fine password"});
    ada.member.post("/v1/me/password", &body).await.refused(429, "auth.too_many_attempts");
    world.end().await;
}

#[tokio::test]
async fn accounts_are_not_made_by_the_thousand() {
    let world = builder().set("accounts.signups_per_address=2").start(&[accounts::service()]).await;
    join(&world, "ada").await;
    join(&world, "bob").await;
    let answer = world.nobody().post("/v1/accounts", &wish("eve")).await.refused(429, "accounts.too_many_sign_ups");
    assert_eq!(answer.header("retry-after"), "1800");
    world.clock().advance(TimeDelta::minutes(30));
    join(&world, "eve").await;
    world.end().await;
}

#[tokio::test]
async fn those_who_find_no_place_to_wait_are_told_when_to_come_back() {
    // One hash at a time, dear ones, and one place to wait: of many at once most find none.
    let world = World::builder()
        .with_real_accounts()
        .set("accounts.argon2_memory_kib=20000")
        .set("accounts.hashes_at_once=1")
        .set("accounts.hashes_waiting=1")
        .start(&[accounts::service()])
        .await;
    join(&world, "ada").await;
    let tries: Vec<_> = (0..24)
        .map(|_| {
            let nobody = world.nobody();
            tokio::spawn(async move { nobody.post("/v1/sessions", &json!({"login": "ada", "password": PASSWORD})).await })
        })
        .collect();
    let (mut served, mut busy) = (0, 0);
    for attempt in tries {
        let answer = attempt.await.unwrap();
        if answer.status == http::StatusCode::CREATED {
            served += 1;
            continue;
        }
        let answer = answer.refused(503, "accounts.busy");
        assert_eq!(answer.header("retry-after"), "2");
        busy += 1;
    }
    assert!(served >= 2 && busy >= 1, "{served} served, {busy} told to come back");
    // Being told to come back is not held against anybody.
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    let figures = world.process.metrics.text();
    assert!(figures.contains(&format!("tutti_accounts_log_ins_total{{outcome=\"busy\"}} {busy}")), "{figures}");
    world.end().await;
}

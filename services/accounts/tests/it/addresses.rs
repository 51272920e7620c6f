//! Confirming the address of an account, and addresses that several accounts have.

use super::*;
use chrono::TimeDelta;

/// Sends a code to be confirmed.
async fn confirm(person: &Person, code: &str) -> TestResponse {
    person.member.post("/v1/me/email/confirm", &json!({"code": code})).await
}

/// Signs up with this address.
async fn sign_up_with(world: &World, handle: &str, email: &str) -> Person {
    tick(world);
    let body = json!({"handle": handle, "email": email, "password": PASSWORD});
    Person::of(world, &world.anonymous().post("/v1/accounts", &body).await.expect(201))
}

#[tokio::test]
async fn a_link_or_a_code_confirms_the_address_once() {
    let world = world().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    assert_eq!(ada.account["email_confirmed"], false);
    let claims = world.process.verifier.verify(ada.member.token().unwrap()).await.unwrap();
    assert!(!claims.confirmed);
    let link = mailed_link(&world, "ada@example.org").await;
    assert_eq!(confirm(&ada, &link).await.expect(200).json()["email_confirmed"], true);
    confirm(&ada, &link).await.refused(422, "accounts.invalid_code");
    let short = mailed_short_code(&world, "bob@example.org").await;
    let typed = short.replace('-', " ").to_lowercase();
    assert_eq!(confirm(&bob, &typed).await.expect(200).json()["email_confirmed"], true);
    confirm(&bob, &short).await.refused(422, "accounts.invalid_code");
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(ada.account["email_confirmed"], true);
    let claims = world.process.verifier.verify(ada.member.token().unwrap()).await.unwrap();
    assert!(claims.confirmed);
    world.anonymous().post("/v1/me/email/confirm", &json!({"code": link})).await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn foreign_truncated_and_expired_codes_confirm_nothing() {
    let world = world().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let link = mailed_link(&world, "ada@example.org").await;
    let short = mailed_short_code(&world, "ada@example.org").await;
    for code in [link.as_str(), &short] {
        confirm(&bob, code).await.refused(422, "accounts.invalid_code");
    }
    for code in ["", "0", &link[..42], &format!("{link}A"), &short[..8], "' or 1=1 --", &"x".repeat(10_000)] {
        confirm(&ada, code).await.refused(422, "accounts.invalid_code");
    }
    ada.member.post("/v1/me/email/confirm", &json!({"code": 7})).await.refused(422, "request.invalid");
    // The code of a forgotten password confirms nothing here.
    forget_password(&world, "ada").await;
    let reset = mailed_link(&world, "ada@example.org").await;
    confirm(&ada, &reset).await.refused(422, "accounts.invalid_code");
    world.clock().advance(TimeDelta::hours(24));
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    confirm(&ada, &link).await.refused(422, "accounts.invalid_code");
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json()["email_confirmed"], false);
    world.end().await;
}

#[tokio::test]
async fn the_mail_is_sent_again_a_few_times_and_then_every_ten_minutes() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let again = async || ada.member.post("/v1/me/email/confirmation", &json!({})).await;
    for _ in 0..2 {
        again().await.expect(202);
    }
    let response = again().await.refused(429, "accounts.too_many_mails");
    assert_eq!(response.header("retry-after"), "600");
    world.clock().advance(TimeDelta::minutes(10));
    again().await.expect(202);
    let mails = world.mails_to("ada@example.org").await;
    assert_eq!(mails.len(), 4);
    // Each of them works until one was used.
    let first = mails[0].links.iter().find_map(|link| link.split_once("code=")).unwrap().1.to_owned();
    confirm(&ada, &first).await.expect(200);
    again().await.refused(409, "accounts.email_confirmed");
    world.anonymous().post("/v1/me/email/confirmation", &json!({})).await.refused(401, "auth.required");
    world.end().await;
}

/// Returns the body of a response to a sign-up with what must differ replaced, and the names of its headers.
fn without_names(response: &TestResponse, handle: &str, email: &str) -> (String, Vec<String>) {
    let body = response.json();
    let mut text = String::from_utf8(response.body.clone()).unwrap();
    let differing = [&body["account"]["id"], &body["access_token"], &body["refresh_token"]];
    for value in differing.iter().map(|value| value.as_str().unwrap()).chain([email, handle]) {
        text = text.replace(value, &"x".repeat(value.len()));
    }
    let mut headers: Vec<String> = response.headers.keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    (text, headers)
}

#[tokio::test]
async fn a_taken_and_a_free_address_get_the_same_response_at_the_same_cost() {
    let world = world().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    tick(&world);
    let mut responses = Vec::new();
    for (handle, email) in [("eve", "ADA@example.org"), ("bob", "bob@example.org")] {
        let before = sign_in::hash_count(&world);
        let body = json!({"handle": handle, "email": email, "password": PASSWORD});
        let response = world.anonymous().post("/v1/accounts", &body).await.expect(201);
        assert_eq!(sign_in::hash_count(&world), before + 1);
        assert_eq!(response.header("content-length"), response.body.len().to_string());
        responses.push(without_names(&response, handle, &email.to_lowercase()));
    }
    assert_eq!(responses[0], responses[1]);
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.text.contains("@eve") && mail.text.contains("@ada"), "{}", mail.text);
    assert!(mail.links.iter().all(|link| !link.contains("code=")), "{:?}", mail.links);
    assert!(mail.links.iter().any(|link| link.ends_with("/forgot")), "{:?}", mail.links);
    // From a network that both know, the address signs in to the owner's account.
    let owner = Person::of(&world, &sign_in(&world, "ada@example.org", PASSWORD).await.expect(201));
    assert_eq!(owner.account["id"], ada.account["id"]);
    world.end().await;
}

#[tokio::test]
async fn a_sign_in_by_a_shared_address_does_not_tell_that_another_account_has_it() {
    const EVES: &str = "a password of eve's own";
    let world = world().await;
    sign_up_confirmed(&world, "ada").await;
    sign_up(&world, "bob").await;
    let sign_in_as = async |from: &str, email: &str, password: &str, expected: Option<&str>, hashes: u64| {
        let before = sign_in::hash_count(&world);
        let response = limits::sign_in_from(&world, from, email, password).await;
        match expected {
            Some(handle) => assert_eq!(response.expect(201).json()["account"]["handle"], handle),
            None => drop(response.refused(401, "auth.wrong_login")),
        }
        assert_eq!(sign_in::hash_count(&world), before + hashes, "{from} {email}");
    };
    // One address is confirmed by another account, one is unconfirmed, and one is free.
    for (handle, email, sharers) in
        [("carol", "ada@example.org", 2), ("dave", "bob@example.org", 2), ("erin", "free@example.org", 1)]
    {
        tick(&world);
        let body = json!({"handle": handle, "email": email, "password": EVES});
        let anonymous = world.anonymous();
        let request = anonymous.request(http::Method::POST, "/v1/accounts").header("x-tutti-client", "203.0.113.7");
        anonymous.send(request.json(&body)).await.expect(201);
        sign_in_as("203.0.113.8", email, EVES, Some(handle), 1).await;
        sign_in_as("203.0.113.7", email, "a wrong password", None, sharers).await;
        sign_in_as("192.0.2.1", email, EVES, Some(handle), sharers).await;
    }
    // The address stays with its owner: from a network that the owner knows, from one that no account knows, and from
    // one that only the other account knows.
    for (from, hashes) in [("127.0.0.1", 1), ("198.51.100.1", 1), ("203.0.113.9", 2)] {
        sign_in_as(from, "ada@example.org", PASSWORD, Some("ada"), hashes).await;
        sign_in_as(from, "bob@example.org", PASSWORD, Some("bob"), hashes).await;
    }
    world.end().await;
}

#[tokio::test]
async fn asking_again_for_a_taken_address_says_nothing_either() {
    let world = world().await;
    sign_up_confirmed(&world, "ada").await;
    let eve = sign_up_with(&world, "eve", "ada@example.org").await;
    eve.member.post("/v1/me/email/confirmation", &json!({})).await.expect(202);
    let bob = sign_up(&world, "bob").await;
    let change = json!({"email": "ada@example.org", "password": PASSWORD});
    bob.member.post("/v1/me/email", &change).await.expect(202);
    let mails = world.mails_to("ada@example.org").await;
    assert_eq!(mails.len(), 4, "one to confirm, three that tell the owner");
    for mail in &mails[1..] {
        assert!(mail.links.iter().all(|link| !link.contains("code=")), "{:?}", mail.links);
    }
    world.end().await;
}

#[tokio::test]
async fn an_address_belongs_to_the_account_that_confirms_it_first() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let first = mailed_link(&world, "ada@example.org").await;
    let bob = sign_up_with(&world, "bob", "ada@example.org").await;
    let second = mailed_link(&world, "ada@example.org").await;
    // Until one of them confirms it, the address signs in to the older account: no stranger takes it from there.
    let by_address = async || sign_in(&world, "ada@example.org", PASSWORD).await.expect(201).json()["account"].clone();
    assert_eq!(by_address().await["handle"], "ada");
    confirm(&bob, &first).await.refused(422, "accounts.invalid_code");
    confirm(&bob, &second).await.expect(200);
    assert_eq!(by_address().await["handle"], "bob");
    confirm(&ada, &first).await.refused(409, "accounts.email_taken");
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json()["email_confirmed"], false);
    // When the owner is erased, the address can be confirmed again.
    bob.member.delete("/v1/me").await.expect(204);
    confirm(&ada, &first).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn odd_addresses_are_refused_and_long_ones_work() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let label = "d".repeat(62);
    let longest = format!("{}@{label}.{label}.{}", "l".repeat(64), "e".repeat(63));
    assert_eq!(longest.len(), 254);
    let long = format!("{}@{label}.{label}.{label}.ee", "l".repeat(64));
    let refused = [
        "\"ada lovelace\"@example.org",
        "\"ada\"@example.org",
        "ada(comment)@example.org",
        "ada@example.org (Ada)",
        "Ada <ada@example.org>",
        "ädä@example.org",
        "ada@[127.0.0.1]",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org,eve@example.org",
        &long,
    ];
    for email in refused {
        let body = json!({"handle": "bob", "email": email, "password": PASSWORD});
        world.anonymous().post("/v1/accounts", &body).await.refused(422, "accounts.invalid_email");
        let change = json!({"email": email, "password": PASSWORD});
        ada.member.post("/v1/me/email", &change).await.refused(422, "accounts.invalid_email");
    }
    assert_eq!(world.mails().await.len(), 1, "a refused address gets no mail");
    for (handle, email) in [("bob", longest.as_str()), ("eve", "o'neil+x@xn--bcher-kva.example")] {
        let person = sign_up_with(&world, handle, email).await;
        confirm(&person, &mailed_link(&world, email).await).await.expect(200);
        sign_in(&world, email, PASSWORD).await.expect(201);
    }
    world.end().await;
}

#[tokio::test]
async fn strangers_fill_nobodys_mailbox() {
    let world = builder().set("accounts.mails_per_mailbox=2").start(&[accounts::service()]).await;
    for number in 0..5 {
        sign_up_with(&world, &format!("eve{number}"), "ada@example.org").await;
    }
    assert_eq!(world.mails_to("ada@example.org").await.len(), 2);
    world.clock().advance(TimeDelta::minutes(30));
    let ada = sign_up(&world, "ada").await;
    confirm(&ada, &mailed_link(&world, "ada@example.org").await).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn strangers_use_up_none_of_the_mails_of_a_member() {
    let world = builder().set("accounts.mails_per_mailbox=2").start(&[accounts::service()]).await;
    let ada = sign_up_confirmed(&world, "ada").await;
    for number in 0..3 {
        sign_up_with(&world, &format!("eve{number}"), "ada@example.org").await;
        sign_up_with(&world, &format!("mallory{number}"), "ada@example.net").await;
    }
    let change = json!({"email": "ada@example.net", "password": PASSWORD});
    let eve = sign_up_with(&world, "eve", "eve@example.org").await;
    eve.member.post("/v1/me/email", &change).await.refused(429, "accounts.too_many_mails");
    tick(&world);
    ada.member.post("/v1/me/email", &change).await.expect(202);
    confirm(&ada, &mailed_link(&world, "ada@example.net").await).await.expect(200);
    let back = json!({"email": "ada@example.org", "password": PASSWORD});
    tick(&world);
    ada.member.post("/v1/me/email", &back).await.expect(202);
    confirm(&ada, &mailed_link(&world, "ada@example.org").await).await.expect(200);
    forget_password(&world, "ada").await;
    let body = json!({"code": mailed_link(&world, "ada@example.org").await, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_new_account_and_its_mail_survive_a_crash_together() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let folder = world.crash().await;
    let world = builder().in_folder(folder).start(&[accounts::service()]).await;
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    confirm(&ada, &mailed_link(&world, "ada@example.org").await).await.expect(200);
    world.end().await;
}

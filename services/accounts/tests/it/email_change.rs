//! Changing the address of an account, and taking it back.

use super::*;
use chrono::TimeDelta;

/// Asks for a new address.
async fn change(world: &World, person: &Person, email: &str, password: &str) -> TestResponse {
    tick(world);
    person.member.post("/v1/me/email", &json!({"email": email, "password": password})).await
}

/// Returns the address of a member's account.
async fn email_of(person: &Person) -> Value {
    person.member.get("/v1/me").await.expect(200).json()["email"].clone()
}

#[tokio::test]
async fn an_address_changes_when_the_new_one_is_confirmed_and_the_old_one_is_told() {
    let world = world().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    change(&world, &ada, "ada@example.net", "a wrong password").await.refused(403, "auth.wrong_password");
    change(&world, &ada, "ada@example.org", PASSWORD).await.refused(409, "accounts.email_confirmed");
    ada.member.post("/v1/me/email", &json!({"email": "ada@example.net"})).await.refused(422, "request.invalid");
    let body = json!({"email": "ada@example.net", "password": PASSWORD});
    world.anonymous().post("/v1/me/email", &body).await.refused(401, "auth.required");
    change(&world, &ada, "ADA@example.net", PASSWORD).await.expect(202);
    assert_eq!(email_of(&ada).await, "ada@example.org");
    assert_eq!(world.mails_to("ada@example.org").await.len(), 1, "the old address is told after the change");
    let code = mailed_short_code(&world, "ada@example.net").await;
    let changed = ada.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200).json();
    assert_eq!((&changed["email"], &changed["email_confirmed"]), (&json!("ada@example.net"), &json!(true)));
    assert_eq!(world.mails_to("ada@example.org").await.len(), 2);
    sign_in(&world, "ada@example.net", PASSWORD).await.expect(201);
    sign_in(&world, "ada@example.org", PASSWORD).await.refused(401, "auth.wrong_login");
    world.end().await;
}

#[tokio::test]
async fn the_old_address_takes_the_account_back() {
    let world = world().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    let thief = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    change(&world, &thief, "thief@example.net", PASSWORD).await.expect(202);
    let code = mailed_link(&world, "thief@example.net").await;
    thief.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200);
    // What the thief does next does not make the link to the old address useless.
    forget_password(&world, "ada").await;
    let stolen = mailed_link(&world, "thief@example.net").await;
    let body = json!({"code": stolen, "password": "a password of the thief"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    world.clock().advance(TimeDelta::hours(71));
    let back = mailed_link(&world, "ada@example.org").await;
    let body = json!({"code": back, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    world.anonymous().post("/v1/passwords/reset", &body).await.refused(422, "accounts.invalid_code");
    refresh(&world, &thief.refresh).await.refused(401, "auth.invalid_refresh");
    let owner = Person::of(&world, &sign_in(&world, "ada@example.org", "another fine password").await.expect(201));
    assert_eq!(owner.account["id"], ada.account["id"]);
    assert_eq!(owner.account["email_confirmed"], true);
    world.end().await;
}

#[tokio::test]
async fn many_changes_of_a_thief_do_not_push_out_the_way_back() {
    let world = world().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    for number in 0..12 {
        let email = format!("thief-{number}@example.net");
        change(&world, &ada, &email, PASSWORD).await.expect(202);
        let code = mailed_link(&world, &email).await;
        ada.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200);
    }
    let back = mailed_link(&world, "ada@example.org").await;
    let body = json!({"code": back, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.expect(204);
    sign_in(&world, "ada@example.org", "another fine password").await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn an_address_that_was_never_confirmed_is_told_without_a_way_back() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    change(&world, &ada, "ada@example.net", PASSWORD).await.expect(202);
    let code = mailed_link(&world, "ada@example.net").await;
    ada.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200);
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.links.iter().all(|link| !link.contains("code=")), "{:?}", mail.links);
    world.end().await;
}

#[tokio::test]
async fn a_changed_address_ends_what_was_mailed_to_the_old_one() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let confirmation = mailed_link(&world, "ada@example.org").await;
    forget_password(&world, "ada").await;
    let reset = mailed_link(&world, "ada@example.org").await;
    change(&world, &ada, "ada@example.net", PASSWORD).await.expect(202);
    let code = mailed_link(&world, "ada@example.net").await;
    ada.member.post("/v1/me/email/confirm", &json!({"code": code})).await.expect(200);
    ada.member.post("/v1/me/email/confirm", &json!({"code": confirmation})).await.refused(422, "accounts.invalid_code");
    let body = json!({"code": reset, "password": "another fine password"});
    world.anonymous().post("/v1/passwords/reset", &body).await.refused(422, "accounts.invalid_code");
    assert_eq!(email_of(&ada).await, "ada@example.net");
    world.end().await;
}

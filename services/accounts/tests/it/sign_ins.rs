//! The list of sign-ins, and mails about new devices.

use super::limits::sign_in_from;
use super::*;
use chrono::TimeDelta;

/// Signs in from a device and address.
async fn sign_in_with(world: &World, device: &str, address: &str) -> Person {
    tick(world);
    let anonymous = world.anonymous();
    let request = anonymous.request(http::Method::POST, "/v1/sessions").header("x-tutti-client", address);
    let body = json!({"login": "ada", "password": PASSWORD, "device": device});
    Person::of(world, &anonymous.send(request.json(&body)).await.expect(201))
}

/// Returns the items of a member's list of sign-ins.
async fn sign_ins(person: &Person) -> Vec<Value> {
    person.member.get("/v1/me/sign-ins").await.expect(200).json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_new_device_or_network_is_mailed_and_a_known_one_is_not() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let count = async || world.mails_to("ada@example.org").await.len();
    assert_eq!(count().await, 1, "the first session is no news");
    sign_in_with(&world, "Phone", "203.0.113.7").await;
    assert_eq!(count().await, 2);
    let mail = world.mail_to("ada@example.org").await;
    for part in ["Phone", "203.0.113.0/24", "/settings"] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    // Another address of the same network.
    sign_in_with(&world, "Phone", "203.0.113.99").await;
    assert_eq!(count().await, 2);
    sign_in_with(&world, "Phone", "198.51.100.1").await;
    sign_in_with(&world, "Laptop", "203.0.113.7").await;
    assert_eq!(count().await, 4);
    sign_in_from(&world, "192.0.2.1", "ada", "a wrong password").await.refused(401, "auth.wrong_login");
    assert_eq!(count().await, 4, "a wrong password is no sign-in");
    world.end().await;
}

#[tokio::test]
async fn a_member_sees_sign_ins_and_failed_attempts_of_their_own() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let bob = sign_up(&world, "bob").await;
    tick(&world);
    for _ in 0..3 {
        sign_in_from(&world, "192.0.2.77", "ada", "a wrong password").await.refused(401, "auth.wrong_login");
    }
    assert_eq!(sign_ins(&ada).await.len(), 2);
    tick(&world);
    sign_in_from(&world, "192.0.2.78", "ADA@example.org", "a wrong password").await.refused(401, "auth.wrong_login");
    sign_in_with(&world, "Phone", "2001:db8:1:2::7").await;
    let list = sign_ins(&ada).await;
    let shown: Vec<_> = list
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            (text("device"), text("network"), text("outcome"), item["attempts"].as_i64().unwrap())
        })
        .collect();
    let expected = [
        ("Phone", "2001:db8:1::/48", "succeeded", 1),
        ("Unknown device", "192.0.2.0/24", "failed", 4),
        ("Unknown device", "127.0.0.1", "succeeded", 1),
    ];
    let expected = expected.map(|(device, network, outcome, attempts)| {
        (device.to_owned(), network.to_owned(), outcome.to_owned(), attempts)
    });
    assert_eq!(shown, expected);
    assert_eq!(sign_ins(&bob).await.len(), 1);
    world.anonymous().get("/v1/me/sign-ins").await.refused(401, "auth.required");
    ada.member.get("/v1/me/sign-ins?after=7").await.refused(400, "request.invalid");
    world.end().await;
}

#[tokio::test]
async fn the_list_is_paged_without_gaps() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for number in 0..6 {
        sign_in_with(&world, &format!("Phone {number}"), "127.0.0.1").await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = ada.member.get(&format!("/v1/me/sign-ins?limit=3{after}")).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    world.end().await;
}

/// Returns how many rows of sign-ins and of mailed codes there are.
async fn rows(world: &World) -> (i64, i64) {
    #[derive(db::FromQueryResult)]
    struct Row {
        sign_ins: i64,
        codes: i64,
    }
    let text = "select (select count(*) from sign_in) as sign_ins, (select count(*) from mailed_code) as codes";
    let row: Option<Row> = db::Sql::row(world.context("accounts").db.read(), text, vec![]).await.unwrap();
    row.map(|row| (row.sign_ins, row.codes)).unwrap()
}

#[tokio::test]
async fn sign_ins_and_codes_are_removed_when_they_are_old() {
    let world = builder().set("accounts.maintenance_seconds=1").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    sign_in_from(&world, "192.0.2.77", "ada", PASSWORD).await.expect(201);
    assert_eq!(rows(&world).await, (2, 1));
    world.clock().advance(TimeDelta::hours(26));
    world.wait_for("the code is removed", async || (rows(&world).await == (2, 0)).then_some(())).await;
    world.clock().advance(TimeDelta::days(90));
    world.wait_for("the sign-ins are removed", async || (rows(&world).await == (0, 0)).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn nothing_about_sign_ins_and_codes_is_left_of_an_erased_account() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    sign_in_from(&world, "192.0.2.77", "ada", "a wrong password").await.refused(401, "auth.wrong_login");
    assert_eq!(sign_ins(&ada).await.len(), 2);
    // One more attempt waits to be stored when the account is erased.
    sign_in_from(&world, "192.0.2.77", "ada", "a wrong password").await.refused(401, "auth.wrong_login");
    ada.member.delete("/v1/me").await.expect(204);
    let bob = sign_up(&world, "bob").await;
    assert_eq!(sign_ins(&bob).await.len(), 1);
    assert_eq!(rows(&world).await, (1, 1));
    world.end().await;
}

//! Which handles and e-mail addresses count as taken.

use super::*;
use db::{FromQueryResult, Lane, Sql as _};
use uuid::Uuid;

async fn refused(world: &World, handle: &str, email: &str, code: &str) {
    let body = json!({"handle": handle, "email": email, "password": PASSWORD});
    let status = if code.ends_with("_taken") { 409 } else { 422 };
    world.anonymous().post("/v1/accounts", &body).await.refused(status, code);
}

#[tokio::test]
async fn a_handle_that_is_confusable_with_another_is_taken() {
    let world = world().await;
    let paypal = sign_up(&world, "paypal").await;
    for confusable in ["paypa1", "PAYPA1"] {
        refused(&world, confusable, "other@example.org", "accounts.handle_taken").await;
    }
    // In lower case, as handles are, `PaypaI` is `paypai`, which does not look like `paypal`.
    sign_up(&world, "paypai").await;
    sign_up(&world, "modern").await;
    refused(&world, "rnodem", "other@example.org", "accounts.handle_taken").await;
    refused(&world, "rnodern", "other@example.org", "accounts.handle_taken").await;
    sign_up(&world, "g00gle").await;
    refused(&world, "google", "other@example.org", "accounts.handle_taken").await;
    world.anonymous().get("/v1/accounts/paypa1").await.refused(404, "accounts.not_found");
    // An erased account leaves its handle, and those that look like it, to others.
    paypal.member.delete("/v1/me").await.expect(204);
    sign_up(&world, "paypa1").await;
    refused(&world, "paypal", "other@example.org", "accounts.handle_taken").await;
    world.end().await;
}

#[tokio::test]
async fn one_of_two_confusable_sign_ups_at_once_gets_the_handle() {
    let world = world().await;
    let sign_ups = (0..8).map(|number| {
        let handle = if number % 2 == 0 { "hello" } else { "he11o" };
        let body = json!({"handle": handle, "email": format!("m{number}@example.org"), "password": PASSWORD});
        let anonymous = world.anonymous();
        tokio::spawn(async move { anonymous.post("/v1/accounts", &body).await.status.as_u16() })
    });
    let mut statuses = Vec::new();
    for sign_up in sign_ups.collect::<Vec<_>>() {
        statuses.push(sign_up.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    world.end().await;
}

#[tokio::test]
async fn confusable_accounts_of_an_earlier_release_stay_and_new_ones_are_refused() {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        handle_skeleton: Option<String>,
    }
    let world = builder().set("accounts.maintenance_seconds=1").start(&[accounts::service()]).await;
    let older = sign_up(&world, "paypal").await;
    world.clock().advance(chrono::TimeDelta::milliseconds(1));
    let newer = sign_up(&world, "newer").await;
    let newer_id = newer.account["id"].as_str().unwrap();
    // An earlier release stored no skeletons, and allowed both handles.
    let update = "
        update account
           set handle_skeleton = null,
               handle = case when handle = 'newer' then 'paypa1' else handle end";
    let db = &world.context("accounts").db;
    db.write(Lane::ALL, async move |tx| tx.execute(update, vec![]).await).await.unwrap();
    world.clock().advance(chrono::TimeDelta::seconds(2));
    let rows = world
        .wait_for("the older account has the skeleton", async || {
            let text = "select id, handle_skeleton from account order by id";
            let rows: Vec<Row> = db.read().rows(text, vec![]).await.unwrap();
            Some(rows).filter(|rows| rows.iter().any(|row| row.handle_skeleton.is_some()))
        })
        .await;
    assert_eq!(rows.iter().map(|row| row.handle_skeleton.as_deref()).collect::<Vec<_>>(), [Some("paypal"), None]);
    assert_eq!(rows[1].id.to_string(), newer_id);
    for handle in ["paypal", "paypa1"] {
        world.anonymous().get(&format!("/v1/accounts/{handle}")).await.expect(200);
        sign_in(&world, handle, PASSWORD).await.expect(201);
        refused(&world, handle, "other@example.org", "accounts.handle_taken").await;
    }
    // When the older one is erased, the newer one gets the skeleton.
    older.member.delete("/v1/me").await.expect(204);
    world.clock().advance(chrono::TimeDelta::seconds(2));
    world
        .wait_for("the newer account has the skeleton", async || {
            let text = "select id, handle_skeleton from account";
            let rows: Vec<Row> = db.read().rows(text, vec![]).await.unwrap();
            rows.iter().all(|row| row.handle_skeleton.as_deref() == Some("paypal")).then_some(())
        })
        .await;
    refused(&world, "paypal", "other@example.org", "accounts.handle_taken").await;
    world.end().await;
}

#[tokio::test]
async fn an_address_is_the_same_in_every_form() {
    let world = world().await;
    let body = json!({"handle": "ada", "email": "Ada@B\u{fc}cher.example", "password": PASSWORD});
    let ada = Person::of(&world, &world.anonymous().post("/v1/accounts", &body).await.expect(201));
    assert_eq!(ada.account["email"], "ada@xn--bcher-kva.example");
    let forms = ["ada@xn--bcher-kva.example", "ADA@BU\u{308}CHER.example", "ａｄａ＠b\u{fc}cher.example"];
    for form in forms {
        let again = Person::of(&world, &sign_in(&world, form, PASSWORD).await.expect(201));
        assert_eq!(again.account["id"], ada.account["id"], "{form}");
    }
    for (handle, form) in ["bob", "cleo", "dan"].into_iter().zip(forms) {
        let body = json!({"handle": handle, "email": form, "password": PASSWORD});
        let other = Person::of(&world, &world.anonymous().post("/v1/accounts", &body).await.expect(201));
        assert_eq!(other.account["email"], ada.account["email"], "{form}");
    }
    world.end().await;
}

#[tokio::test]
async fn an_address_that_can_not_be_used_is_refused_with_a_sentence() {
    let world = world().await;
    let (local, b, c, d, e) = ("a".repeat(64), "b".repeat(60), "c".repeat(60), "d".repeat(9), "e".repeat(54));
    let long = format!("{local}@{b}.{c}.{d}.{e}.org");
    assert_eq!(long.len(), 255);
    for (email, word) in [
        ("\"ada\"@example.org", "quotes"),
        ("\"ada lovelace\"@example.org", "quotes"),
        ("ada(home)@example.org", "comment"),
        ("ada@example.org (Ada)", "comment"),
        ("Ada <ada@example.org>", "ada@example.org"),
        ("ada@example.org\r\nBcc: eve@example.org", "ada@example.org"),
        ("ada@xn--a.example", "domain"),
        (long.as_str(), "254"),
    ] {
        let body = json!({"handle": "ada", "email": email, "password": PASSWORD});
        let response = world.anonymous().post("/v1/accounts", &body).await;
        let problem = response.refused(422, "accounts.invalid_email").json();
        assert!(problem["detail"].as_str().unwrap().contains(word), "{email}: {problem}");
    }
    world.anonymous().get("/v1/accounts/ada").await.refused(404, "accounts.not_found");
    world.end().await;
}

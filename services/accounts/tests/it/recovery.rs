//! Forgotten passwords.

use super::*;
use chrono::TimeDelta;

const NEW: &str = "another fine password";

/// Sets a new password with a code.
async fn reset(world: &World, code: &str) -> TestResponse {
    world.anonymous().post("/v1/passwords/reset", &json!({"code": code, "password": NEW})).await
}

/// Sets a new password with a login and a code.
async fn reset_with_login(world: &World, login: &str, code: &str) -> TestResponse {
    world.anonymous().post("/v1/passwords/reset", &json!({"login": login, "code": code, "password": NEW})).await
}

#[tokio::test]
async fn a_known_and_an_unknown_login_get_the_same_response_and_the_same_row() {
    let world = world().await;
    sign_up(&world, "ada").await;
    for login in ["ada", " ADA@example.org ", "nobody-at-all", "nobody@example.org", "", "' or 1=1 --"] {
        let before = outbox_rows(&world).await;
        let response = world.anonymous().post("/v1/passwords/forgotten", &json!({"login": login})).await.expect(202);
        assert_eq!(response.body, b"", "{login:?}");
        assert_eq!(outbox_rows(&world).await, before + 1, "{login:?} costs one row");
    }
    world.settle().await;
    let mails = world.mails().await;
    assert_eq!(mails.len(), 3, "one to confirm, two for the two known logins");
    assert!(mails.iter().all(|mail| mail.to == "ada@example.org"));
    world.anonymous().post("/v1/passwords/forgotten", &json!({})).await.refused(422, "request.invalid");
    world.end().await;
}

/// Returns how many events the role has recorded.
async fn outbox_rows(world: &World) -> i64 {
    #[derive(db::FromQueryResult)]
    struct Row {
        events: i64,
    }
    let db = world.context("accounts").db.read();
    let row: Option<Row> = db::Sql::row(db, "select count(*) as events from outbox", vec![]).await.unwrap();
    row.unwrap().events
}

#[tokio::test]
async fn a_link_sets_a_password_once_ends_all_sessions_and_says_so() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    forget_password(&world, "ada@example.org").await;
    let link = mailed_link(&world, "ada@example.org").await;
    ada.member.get("/v1/me").await.expect(200);
    reset(&world, &link).await.expect(204);
    reset(&world, &link).await.refused(422, "accounts.invalid_code");
    ada.member.get("/v1/me").await.refused(401, "auth.session_ended");
    refresh(&world, &ada.refresh).await.refused(401, "auth.invalid_refresh");
    sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.wrong_login");
    let ada = Person::of(&world, &sign_in(&world, "ada", NEW).await.expect(201));
    assert_eq!(ada.account["email_confirmed"], true, "the mail was read at this address");
    let subjects: Vec<String> = world.mails_to("ada@example.org").await.into_iter().map(|mail| mail.subject).collect();
    assert!(subjects.iter().any(|subject| subject.contains("was changed")), "{subjects:?}");
    world.end().await;
}

#[tokio::test]
async fn an_address_in_another_script_is_found_in_each_of_its_forms() {
    let world = world().await;
    let body = json!({"handle": "ada", "email": "ada@b\u{fc}cher.example", "password": PASSWORD});
    world.anonymous().post("/v1/accounts", &body).await.expect(201);
    let stored = "ada@xn--bcher-kva.example";
    for login in ["ada@B\u{fc}cher.example", "ada@bu\u{308}cher.example", stored] {
        let before = world.mails_to(stored).await.len();
        forget_password(&world, login).await;
        assert_eq!(world.mails_to(stored).await.len(), before + 1, "{login}");
    }
    let short = mailed_short_code(&world, stored).await;
    reset_with_login(&world, "ada@B\u{fc}cher.example", &short).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_login_with_a_nul_is_an_unknown_one() {
    let world = world().await;
    sign_up(&world, "ada").await;
    for login in ["ada\0", "\0", "ada@example.org\0"] {
        let body = json!({"login": login});
        world.anonymous().post("/v1/passwords/forgotten", &body).await.expect(202);
        reset_with_login(&world, login, "ABCD-EFGH").await.refused(422, "accounts.invalid_code");
        sign_in(&world, login, PASSWORD).await.refused(401, "auth.wrong_login");
    }
    world.anonymous().get("/v1/accounts/a%00").await.refused(404, "accounts.not_found");
    world.end().await;
}

#[tokio::test]
async fn a_short_code_needs_its_login() {
    let world = world().await;
    sign_up(&world, "ada").await;
    sign_up(&world, "bob").await;
    forget_password(&world, "ada").await;
    let short = mailed_short_code(&world, "ada@example.org").await;
    reset(&world, &short).await.refused(422, "accounts.code_needs_login");
    for login in ["bob", "nobody-at-all", ""] {
        reset_with_login(&world, login, &short).await.refused(422, "accounts.invalid_code");
    }
    reset_with_login(&world, "ADA@example.org", &short.to_lowercase()).await.expect(204);
    reset_with_login(&world, "ada", &short).await.refused(422, "accounts.invalid_code");
    sign_in(&world, "ada", NEW).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn foreign_truncated_and_expired_codes_set_no_password() {
    let world = world().await;
    sign_up(&world, "ada").await;
    // The code that confirms an address is none for a password.
    let confirmation = mailed_link(&world, "ada@example.org").await;
    reset(&world, &confirmation).await.refused(422, "accounts.invalid_code");
    forget_password(&world, "ada").await;
    let link = mailed_link(&world, "ada@example.org").await;
    for code in ["", &link[..42], &link[1..], &format!("{link}A"), "' or 1=1 --", &"A".repeat(43)] {
        reset(&world, code).await.refused(422, "accounts.invalid_code");
    }
    let body = json!({"code": link, "password": "short"});
    world.anonymous().post("/v1/passwords/reset", &body).await.refused(422, "accounts.weak_password");
    world.anonymous().post("/v1/passwords/reset", &json!({"code": link})).await.refused(422, "request.invalid");
    world.clock().advance(TimeDelta::minutes(30));
    reset(&world, &link).await.refused(422, "accounts.invalid_code");
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_weak_password_does_not_use_the_link_up() {
    let world = world().await;
    sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let link = mailed_link(&world, "ada@example.org").await;
    for weak in ["short", "ada@example.org", "qwertyuiop"] {
        let body = json!({"code": link, "password": weak});
        world.anonymous().post("/v1/passwords/reset", &body).await.refused(422, "accounts.weak_password");
    }
    reset(&world, &link).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn guesses_of_a_short_code_compare_ten_and_the_link_still_works() {
    guess(100).await;
}

#[tokio::test]
#[ignore = "long: make faults"]
async fn ten_thousand_guesses_of_a_short_code_compare_ten_and_the_link_still_works() {
    guess(10_000).await;
}

/// Guesses this many short codes of a member, and a hundred of a login that no account has.
async fn guess(guesses: u32) {
    let world = world().await;
    sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let (link, short) =
        (mailed_link(&world, "ada@example.org").await, mailed_short_code(&world, "ada@example.org").await);
    for (login, guesses) in [("ada", guesses), ("nobody-at-all", 100)] {
        let mut compared = 0;
        for guess in 0..guesses {
            let code = format!("{guess:08}").replace('0', "Z").replace('1', "Y");
            let response = reset_with_login(&world, login, &code).await;
            if response.status == 422 {
                response.refused(422, "accounts.invalid_code");
                compared += 1;
            } else {
                response.refused(429, "auth.too_many_attempts");
            }
        }
        assert_eq!(compared, 10, "{login}");
    }
    reset_with_login(&world, "ada", &short).await.refused(429, "auth.too_many_attempts");
    reset(&world, &link).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_flood_of_requests_leaves_the_owner_a_link_that_works_at_any_time() {
    let world = world().await;
    sign_up(&world, "ada").await;
    for minute in 0..45 {
        let anonymous = world.anonymous();
        let request = anonymous
            .request(http::Method::POST, "/v1/passwords/forgotten")
            .header("x-tutti-client", format!("10.{minute}.0.1"));
        anonymous.send(request.json(&json!({"login": "ada"}))).await.expect(202);
        world.settle().await;
        world.clock().advance(TimeDelta::minutes(1));
    }
    let mails = world.mails_to("ada@example.org").await;
    assert!((4..=9).contains(&mails.len()), "{} mails in 45 minutes", mails.len());
    let link = mailed_link(&world, "ada@example.org").await;
    reset(&world, &link).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn requests_from_one_network_are_limited_and_others_are_not() {
    let world = builder().set("accounts.forgotten_per_address=2").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    tick(&world);
    let ask = async |address: &str, login: &str| {
        let anonymous = world.anonymous();
        let request = anonymous.request(http::Method::POST, "/v1/passwords/forgotten");
        anonymous.send(request.header("x-tutti-client", address).json(&json!({"login": login}))).await
    };
    for login in ["ada", "nobody-at-all"] {
        ask("203.0.113.7", login).await.expect(202);
    }
    for login in ["ada", "nobody-at-all"] {
        let response = ask("203.0.113.7", login).await.refused(429, "accounts.too_many_mails");
        assert_eq!(response.header("retry-after"), "1800");
    }
    ask("198.51.100.7", "ada").await.expect(202);
    world.settle().await;
    reset(&world, &mailed_link(&world, "ada@example.org").await).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn strangers_behind_the_same_address_do_not_use_up_the_requests_of_a_member() {
    let world = builder().set("accounts.forgotten_per_address=2").start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    let ask = async |login: &str| world.anonymous().post("/v1/passwords/forgotten", &json!({"login": login})).await;
    for _ in 0..2 {
        ask("nobody-at-all").await.expect(202);
    }
    ask("nobody-at-all").await.refused(429, "accounts.too_many_mails");
    forget_password(&world, "ada").await;
    reset(&world, &mailed_link(&world, "ada@example.org").await).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn a_changed_password_ends_links_that_were_mailed_before() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let link = mailed_link(&world, "ada@example.org").await;
    tick(&world);
    let change = json!({"current": PASSWORD, "new": "a third fine password"});
    ada.member.post("/v1/me/password", &change).await.expect(204);
    reset(&world, &link).await.refused(422, "accounts.invalid_code");
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.subject.contains("was changed"), "{}", mail.subject);
    world.end().await;
}

#[tokio::test]
async fn a_code_that_was_mailed_to_a_former_address_sets_no_password() {
    let world = world().await;
    sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let link = mailed_link(&world, "ada@example.org").await;
    // As if the address had changed while the mail was made.
    let change = "update account set mail_address = 'ada@example.net' where handle = 'ada'";
    let db = world.context("accounts").db.clone();
    let changed: Result<u64, db::Error> =
        db.write(db::Lane::ALL, async move |tx| db::Sql::execute(tx, change, vec![]).await).await;
    assert_eq!(changed.unwrap(), 1);
    reset(&world, &link).await.refused(422, "accounts.invalid_code");
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn the_codes_of_mails_are_stored_as_hashes() {
    #[derive(db::FromQueryResult)]
    struct Row {
        link: Vec<u8>,
        code: Vec<u8>,
    }
    let world = world().await;
    sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let (link, short) =
        (mailed_link(&world, "ada@example.org").await, mailed_short_code(&world, "ada@example.org").await);
    let db = world.context("accounts").db.read();
    let rows: Vec<Row> = db::Sql::rows(db, "select link, code from mailed_code", vec![]).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((row.link.len(), row.code.len()), (32, 16));
        assert!(!link.as_bytes().starts_with(&row.link[..8]) && !short.as_bytes().starts_with(&row.code[..4]));
    }
    world.end().await;
}

//! Limiting, suspending, banning and restoring accounts.

use super::*;
use accounts::{revoke, verify_audit};
use chrono::{DateTime, TimeDelta, Utc};
use contract::Event as _;
use contract::accounts::{AccountState, SanctionImposed, StandingChanged};
use db::{FromQueryResult, Sql as _};
use testkit::fake_role;

fn path(person: &Person, act: &str) -> String {
    format!("/v1/admin/accounts/{}/{act}", person.account["id"].as_str().unwrap())
}

async fn suspend(by: &Person, person: &Person, state: &str, until: Option<DateTime<Utc>>) -> TestResponse {
    by.member.post(&path(person, "suspend"), &json!({"state": state, "reason": "Spam.", "until": until})).await
}

async fn restore(by: &Person, person: &Person) -> TestResponse {
    by.member.post(&path(person, "restore"), &json!({"reason": "A mistake."})).await
}

/// Returns the events that were published, oldest first.
async fn published(world: &World) -> Vec<StandingChanged> {
    #[derive(FromQueryResult)]
    struct Row {
        payload: String,
    }
    let text = "select payload from outbox where subject = $1 order by id";
    let values = vec![StandingChanged::SUBJECT.into()];
    let rows: Vec<Row> = world.context("accounts").db.read().rows(text, values).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

#[tokio::test]
async fn a_suspended_member_learns_why_with_the_right_password_only_and_comes_back_at_the_end() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    let end = world.clock().now() + TimeDelta::hours(1);
    let standing = suspend(&operator, &bob, "suspended", Some(end)).await.expect(200).json();
    assert_eq!((&standing["state"], &standing["reason"]), (&json!("suspended"), &json!("Spam.")));

    sign_in(&world, "bob", "another long password").await.refused(401, "auth.wrong_login");
    let refused = sign_in(&world, "bob", PASSWORD).await.refused(403, "auth.suspended").json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("Spam.") && detail.contains(&end.format("%H:%M UTC").to_string()), "{detail}");
    refresh(&world, &bob.refresh).await.refused(403, "auth.suspended");
    bob.member.get("/v1/me").await.refused(403, "auth.suspended");
    let none = world.anonymous().get("/v1/accounts/nobody-at-all").await.refused(404, "accounts.not_found").json();
    let hidden = world.anonymous().get("/v1/accounts/bob").await.refused(404, "accounts.not_found").json();
    assert_eq!(hidden["detail"], none["detail"]);

    world.clock().advance(TimeDelta::hours(1));
    world.anonymous().get("/v1/accounts/bob").await.expect(200);
    sign_in(&world, "bob", PASSWORD).await.expect(201);
    // The session was only interrupted: the token was not used up by the refusal.
    let bob = Person::of(&world, &refresh(&world, &bob.refresh).await.expect(200));
    bob.member.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_limited_member_signs_in_and_reads() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    suspend(&operator, &bob, "limited", None).await.expect(200);
    bob.member.get("/v1/me").await.expect(200);
    sign_in(&world, "bob", PASSWORD).await.expect(201);
    world.anonymous().get("/v1/accounts/bob").await.expect(200);
    world.process.verifier.read_account_rules().await.unwrap();
    assert!(world.process.verifier.verify(bob.member.token().unwrap()).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn every_process_refuses_the_tokens_of_a_suspended_member_until_it_is_restored() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let verifier = &world.process.verifier;
    let state = async |person: &Person| {
        verifier.read_account_rules().await.unwrap();
        verifier.verify(person.member.token().unwrap()).await.map_err(|problem| problem.code)
    };
    assert!(state(&bob).await.is_ok());
    suspend(&operator, &bob, "banned", None).await.expect(200);
    assert_eq!(state(&bob).await.unwrap_err(), "auth.suspended");
    assert!(state(&ada).await.is_ok() && state(&operator).await.is_ok());
    restore(&operator, &bob).await.expect(200);
    assert!(state(&bob).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn every_process_refuses_tokens_from_before_a_role_was_revoked_and_accepts_newer_ones() {
    let world = world().await;
    let (mia, bob) = (sign_up(&world, "mia").await, sign_up(&world, "bob").await);
    let secret = factors::add_app(&world, &mia).await;
    assign(&world, "mia", "moderator").await;
    let site = Person::of(&world, &refresh(&world, &mia.refresh).await.expect(200));
    let moderator = sign_in_operator(&world, "mia", &secret).await;
    let verifier = &world.process.verifier;
    let state = async |person: &Person| {
        verifier.read_account_rules().await.unwrap();
        verifier.verify(person.member.token().unwrap()).await.map_err(|problem| problem.code)
    };
    let (db, now) = (world.context("accounts").db.clone(), world.clock().now());
    // A role that the account does not have changes nothing.
    revoke(&db, "mia", "operator", Actor::machine("root"), "", now).await.unwrap();
    assert_eq!(state(&site).await.unwrap().roles, ["member", "moderator"]);
    assert_eq!(state(&moderator).await.unwrap().roles, ["member", "moderator"]);
    revoke(&db, "mia", "moderator", Actor::machine("root"), "", now).await.unwrap();
    // Accounts itself has ended the session of the operators' listener, whatever the token says.
    let until = Some(now + TimeDelta::hours(1));
    let refused = suspend(&moderator, &bob, "limited", until).await;
    assert_eq!(refused.status, 401, "{refused}");
    assert_eq!(state(&moderator).await.unwrap_err(), "auth.expired");
    assert_eq!(state(&site).await.unwrap_err(), "auth.expired");
    let member = Person::of(&world, &refresh(&world, &site.refresh).await.expect(200));
    assert_eq!(state(&member).await.unwrap().roles, ["member"]);
    world.end().await;
}

#[tokio::test]
async fn who_may_decide_follows_from_the_role() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let moderator = sign_up_operator(&world, "mia", "moderator").await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let week = Some(world.clock().now() + TimeDelta::days(7));
    suspend(&ada, &bob, "limited", week).await.refused(403, "auth.role_required");
    let anonymous = world.anonymous();
    anonymous
        .post(&path(&bob, "suspend"), &json!({"state": "limited", "reason": "x"}))
        .await
        .refused(401, "auth.required");
    ada.member.get(&path(&bob, "sanctions")).await.refused(403, "auth.role_required");
    suspend(&moderator, &bob, "banned", None).await.refused(403, "accounts.beyond_role");
    suspend(&moderator, &bob, "suspended", None).await.refused(403, "accounts.beyond_role");
    suspend(&moderator, &operator, "limited", week).await.refused(403, "accounts.beyond_role");
    suspend(&operator, &operator, "limited", week).await.refused(403, "accounts.beyond_role");
    bob.member.get("/v1/me").await.expect(200);
    assert!(published(&world).await.is_empty(), "nothing was changed");
    suspend(&moderator, &bob, "suspended", week).await.expect(200);
    restore(&moderator, &bob).await.expect(200);
    // What an operator has decided, a moderator neither lifts nor shortens.
    suspend(&operator, &bob, "banned", None).await.expect(200);
    restore(&moderator, &bob).await.refused(403, "accounts.beyond_role");
    suspend(&moderator, &bob, "limited", week).await.refused(403, "accounts.beyond_role");
    bob.member.get("/v1/me").await.refused(403, "auth.suspended");
    world.end().await;
}

#[tokio::test]
async fn a_bad_sanction_is_refused_and_changes_nothing() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    let now = world.clock().now();
    for body in [
        json!({"state": "active", "reason": "x"}),
        json!({"state": "suspended", "reason": " "}),
        json!({"state": "suspended", "reason": "x".repeat(301)}),
        json!({"state": "suspended", "reason": "x", "until": now}),
        json!({"state": "banned", "reason": "x", "until": now + TimeDelta::days(1)}),
    ] {
        operator.member.post(&path(&bob, "suspend"), &body).await.refused(422, "accounts.invalid_sanction");
    }
    for body in [json!({"state": "gone", "reason": "x"}), json!({"state": "limited"}), json!({"reason": "x", "a": 1})] {
        operator.member.post(&path(&bob, "suspend"), &body).await.refused(422, "request.invalid");
    }
    let nobody = format!("/v1/admin/accounts/{}", uuid::Uuid::nil());
    let sanction = json!({"state": "limited", "reason": "x"});
    operator.member.post(&format!("{nobody}/suspend"), &sanction).await.refused(404, "accounts.not_found");
    operator
        .member
        .post(&format!("{nobody}/restore"), &json!({"reason": "x"}))
        .await
        .refused(404, "accounts.not_found");
    operator.member.get(&format!("{nobody}/sanctions")).await.refused(404, "accounts.not_found");
    operator.member.post("/v1/admin/accounts/x/suspend", &sanction).await.refused(404, "request.no_such_url");
    bob.member.get("/v1/me").await.expect(200);
    assert!(published(&world).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn the_history_has_who_decided_and_why_and_each_change_is_published_once() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    let operator_id = operator.account["id"].clone();
    for _ in 0..2 {
        suspend(&operator, &bob, "limited", None).await.expect(200);
    }
    // Ids sort by the millisecond.
    world.clock().advance(TimeDelta::milliseconds(1));
    suspend(&operator, &bob, "banned", None).await.expect(200);
    for _ in 0..2 {
        assert_eq!(restore(&operator, &bob).await.expect(200).json()["state"], "active");
    }
    let first = operator.member.get(&format!("{}?limit=1", path(&bob, "sanctions"))).await.expect(200).json();
    let after = format!("{}?limit=1&after={}", path(&bob, "sanctions"), first["next"].as_str().unwrap());
    let second = operator.member.get(&after).await.expect(200).json();
    assert_eq!(second["next"], Value::Null);
    let (ban, limit) = (&first["items"][0], &second["items"][0]);
    assert_eq!((&ban["state"], &ban["lift_reason"]), (&json!("banned"), &json!("A mistake.")));
    assert_eq!((&limit["state"], &limit["lift_reason"]), (&json!("limited"), &json!("replaced")));
    for sanction in [ban, limit] {
        assert_eq!(sanction["reason"], "Spam.");
        assert_eq!((&sanction["imposed_by"], &sanction["lifted_by"]), (&operator_id, &operator_id));
    }
    let events = published(&world).await;
    let states: Vec<AccountState> = events.iter().map(|event| event.state).collect();
    assert_eq!(states, [AccountState::Limited, AccountState::Banned, AccountState::Active]);
    assert!(events.windows(2).all(|pair| pair[0].version < pair[1].version));
    world.end().await;
}

#[tokio::test]
async fn a_suspension_that_has_ended_is_lifted_and_published() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    suspend(&operator, &bob, "suspended", Some(world.clock().now() + TimeDelta::hours(1))).await.expect(200);
    world.clock().advance(TimeDelta::hours(2));
    let lifted = async || published(&world).await.last().filter(|last| last.state == AccountState::Active).cloned();
    world.wait_for("the end is published", lifted).await;
    let operator = sign_up_operator(&world, "otto", "operator").await;
    let history = operator.member.get(&path(&bob, "sanctions")).await.expect(200).json();
    let sanction = &history["items"][0];
    assert!(sanction["lifted_at"].is_string() && sanction["lifted_by"].is_null(), "{history:#}");
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_sanction_and_no_rule() {
    #[derive(FromQueryResult)]
    struct Count {
        rows: i64,
    }
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    suspend(&operator, &bob, "limited", None).await.expect(200);
    bob.member.send(bob.member.request(http::Method::DELETE, "/v1/me")).await.expect(204);
    for table in ["sanction", "account_rule"] {
        let text = format!("select count(*) as rows from {table}");
        let count: Option<Count> = world.context("accounts").db.read().row(&text, vec![]).await.unwrap();
        assert_eq!(count.map(|count| count.rows), Some(0), "{table}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_sanction_and_its_end_are_acts_in_the_audit_trail() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let bob = sign_up(&world, "bob").await;
    // What changes nothing is no act, and what is refused is none.
    for _ in 0..2 {
        suspend(&operator, &bob, "suspended", None).await.expect(200);
    }
    suspend(&operator, &bob, "active", None).await.refused(422, "accounts.invalid_sanction");
    for _ in 0..2 {
        restore(&operator, &bob).await.expect(200);
    }
    let path = format!("/v1/admin/audit?on={}", bob.account["id"].as_str().unwrap());
    let trail = operator.member.get(&path).await.expect(200).json();
    let [end, start] = &trail["items"].as_array().unwrap()[..] else { panic!("{trail:#}") };
    assert_eq!((&start["action"], &end["action"]), (&json!("accounts.suspended"), &json!("accounts.restored")));
    assert_eq!((&start["reason"], &end["reason"]), (&json!("Spam."), &json!("A mistake.")));
    let (active, suspended) = (json!({"state": "active", "until": null}), json!({"state": "suspended", "until": null}));
    assert_eq!((&start["before"], &start["after"]), (&active, &suspended));
    assert_eq!((&end["before"], &end["after"]), (&suspended, &active));
    assert_eq!((&start["actor"]["name"], &start["actor"]["account"]), (&json!("olga"), &operator.account["id"]));
    assert_eq!(verify_audit(&world.context("accounts").db, None).await.unwrap().broken, None);
    world.end().await;
}

#[tokio::test]
async fn a_suspended_operator_neither_acts_nor_reads_nor_signs_in() {
    let world = world().await;
    let (olga, otto) =
        (sign_up_operator(&world, "olga", "operator").await, sign_up_operator(&world, "otto", "operator").await);
    let bob = sign_up(&world, "bob").await;
    suspend(&otto, &olga, "suspended", None).await.expect(200);
    suspend(&olga, &bob, "banned", None).await.refused(403, "auth.suspended");
    restore(&olga, &olga).await.refused(403, "auth.suspended");
    // What only reads is refused as soon as the process knows.
    world.process.verifier.read_account_rules().await.unwrap();
    olga.member.get("/v1/admin/accounts").await.refused(403, "auth.suspended");
    olga.member.get(&path(&bob, "sanctions")).await.refused(403, "auth.suspended");
    let token = json!({"refresh_token": olga.refresh});
    through_listener(&world, "/v1/sessions/refresh", &token).await.refused(403, "auth.suspended");
    otto.member.get("/v1/admin/accounts").await.expect(200);
    bob.member.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_banned_member_signs_in_for_an_appeal_and_their_data_and_for_nothing_else() {
    let world = world().await;
    let listener = fake_role("listener").records::<SanctionImposed>();
    listener.join(&world).await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let for_appeals = async |login: &str, password: &str| {
        let body = json!({"login": login, "password": password, "for_appeals": true});
        world.anonymous().post("/v1/sessions", &body).await
    };
    suspend(&operator, &bob, "banned", None).await.expect(200);
    world.settle().await;
    let imposed: Vec<(AccountState, String)> =
        listener.events::<SanctionImposed>().into_iter().map(|imposed| (imposed.state, imposed.statement)).collect();
    assert_eq!(imposed, [(AccountState::Banned, "Spam.".to_owned())], "what moderation keeps for an appeal");
    world.process.verifier.read_account_rules().await.unwrap();
    sign_in(&world, "bob", PASSWORD).await.refused(403, "auth.suspended");
    for_appeals("bob", "another long password").await.refused(401, "auth.wrong_login");
    let signed_in = for_appeals("bob", PASSWORD).await.expect(201);
    let narrow = Person::of(&world, &signed_in);
    for path in ["/v1/me", "/v1/sessions", "/v1/me/sign-ins", "/v1/admin/accounts"] {
        narrow.member.get(path).await.refused(403, "auth.suspended");
    }
    narrow.member.post("/v1/me/api-keys", &json!({})).await.refused(403, "auth.suspended");
    refresh(&world, &narrow.refresh).await.refused(403, "auth.suspended");
    bob.member.get("/v1/me/exports").await.refused(403, "auth.suspended");
    narrow.member.get("/v1/me/exports").await.expect(200);
    narrow.member.post("/v1/me/export", &json!({})).await.expect(202);
    let claims = world.process.verifier.verify(narrow.member.token().unwrap()).await.unwrap();
    assert_eq!(claims.scope, [http_server::auth::APPEALS_SCOPE]);

    // It is no way around the rest: a member in good standing gets their own token.
    let own = Person::of(&world, &for_appeals("ada", PASSWORD).await.expect(201));
    own.member.get("/v1/me").await.expect(200);
    ada.member.get("/v1/me").await.expect(200);

    restore(&operator, &bob).await.expect(200);
    world.process.verifier.read_account_rules().await.unwrap();
    narrow.member.get("/v1/me").await.refused(403, "auth.suspended");
    let back = Person::of(&world, &refresh(&world, &narrow.refresh).await.expect(200));
    back.member.get("/v1/me").await.expect(200);
    narrow.member.delete("/v1/sessions/current").await.expect(204);
    world.settle().await;
    world.end().await;
}

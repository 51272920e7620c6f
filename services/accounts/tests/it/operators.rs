//! Operators: who may call their operations, the audit trail, and the sessions of their listener.
//!
//! Where operators only read, the world's own keys sign their tokens; who acts has signed in.

use super::*;
use accounts::verify_audit;
use chrono::TimeDelta;
use db::{Lane, Sql as _};
use http::Method;
use http_server::operators::{Act, Actor, OperatorRole};

/// Starts a world whose operators have tokens of the world's own keys.
async fn operators_world() -> World {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1", "accounts.throttle_delay_ms=1"];
    cheap.into_iter().fold(World::builder(), WorldBuilder::set).start(&[accounts::service()]).await
}

async fn create(world: &World, name: &str) -> String {
    let created = world.anonymous().post("/v1/accounts", &sign_up_body(name)).await.expect(201).json();
    created["account"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_that_does_not_come_through_the_listener_is_checked_as_well() {
    let world = operators_world().await;
    let part = serde_json::to_value((accounts::service().openapi)()).unwrap();
    let mut walked = 0;
    for (path, item) in part["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(required) = operation["x-admin-role"].as_str() else { continue };
            let required = OperatorRole::from_name(required).unwrap();
            let (method, path): (Method, _) = (method.to_uppercase().parse().unwrap(), path.replace("{id}", "ada"));
            let path = path.replace("{name}", "uploads");
            let send = async |client: &TestClient| client.send(client.request(method.clone(), &path)).await;
            for role in ["member", "curator", "viewer", "developer", "moderator", "operator"] {
                let response = send(&world.operator("grace", &[role])).await;
                if required.is_fulfilled_by(&[role.to_owned()]) {
                    // An act reads the caller's session as well, and these tokens have none.
                    let is_refused = [401, 403].contains(&response.status.as_u16());
                    let has_no_session = is_refused && response.json()["code"] == "auth.session_ended";
                    assert!(!is_refused || has_no_session, "{role}: {method} {path}: {response}");
                } else {
                    response.refused(403, "auth.role_required");
                }
            }
            send(&world.anonymous()).await.refused(401, "auth.required");
            send(&world.member_with("grace", &["operator"])).await.refused(403, "auth.operators_session_required");
            let one_factor = world.member_who("grace", &["operator"], |claims| claims.operators = true);
            send(&one_factor).await.refused(403, "auth.second_factor_required");
            walked += 1;
        }
    }
    assert_eq!(walked, 12);
    world.end().await;
}

#[tokio::test]
async fn a_change_of_roles_is_in_the_audit_trail_with_who_why_and_what() {
    let world = world().await;
    let (ada, operator) = (create(&world, "ada").await, sign_up_operator(&world, "grace", "operator").await);
    insert_factor(&world, "ada").await;
    let grace = &operator.member;
    let roles = format!("/v1/admin/accounts/{ada}/roles");
    let body = json!({"grant": ["moderator"], "reason": "She helps."});
    let request = grace.request(Method::POST, &roles).header("x-tutti-client", "192.0.2.7").header("user-agent", "x");
    let changed = grace.send(request.json(&body)).await.expect(200).json();
    assert_eq!(changed["roles"], json!(["member", "moderator"]));
    // Nothing changes the second time, so there is no act.
    grace.post(&roles, &body).await.expect(200);
    let trail = grace.get("/v1/admin/audit?who=grace").await.expect(200).json();
    let [entry] = &trail["items"].as_array().unwrap()[..] else { panic!("{trail}") };
    assert_eq!(entry["action"], "accounts.roles_changed");
    assert_eq!(entry["target"], json!({"kind": "account", "id": ada}));
    assert_eq!(
        (&entry["before"], &entry["after"]),
        (&json!({"roles": ["member"]}), &json!({"roles": changed["roles"]}))
    );
    assert_eq!((&entry["reason"], &entry["number"]), (&json!("She helps."), &json!(2)));
    let actor = &entry["actor"];
    assert_eq!((&actor["name"], &actor["account"]), (&json!("grace"), &operator.account["id"]));
    assert_eq!((&actor["address"], &actor["user_agent"]), (&json!("192.0.2.7"), &json!("x")));
    assert!(actor["request_id"].is_string(), "{actor}");
    world.end().await;
}

#[tokio::test]
async fn bad_changes_of_roles_change_nothing() {
    let world = world().await;
    let (ada, operator) = (create(&world, "ada").await, sign_up_operator(&world, "grace", "operator").await);
    let grace = &operator.member;
    let roles = |id: &str| format!("/v1/admin/accounts/{id}/roles");
    let change = async |id: &str, body: Value| grace.post(&roles(id), &body).await;
    change("grace", json!({"revoke": ["operator"], "reason": ""})).await.refused(409, "accounts.own_operator_role");
    change(&ada, json!({"grant": ["operator", "king"], "reason": ""})).await.refused(422, "accounts.unknown_role");
    change(&ada, json!({"grant": ["operator"]})).await.refused(422, "request.invalid");
    change(&ada, json!({"add": ["operator"], "reason": ""})).await.refused(422, "request.invalid");
    change("nobody-at-all", json!({"grant": ["operator"], "reason": ""})).await.refused(404, "accounts.not_found");
    let shown = grace.get("/v1/admin/accounts/ada").await.expect(200).json();
    assert_eq!(shown["account"]["roles"], json!(["member"]));
    assert_eq!(grace.get("/v1/admin/audit?who=grace").await.expect(200).json()["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_change_of_roles_needs_a_recent_proof() {
    let world = world().await;
    let (ada, grace) = (create(&world, "ada").await, sign_up_operator(&world, "grace", "operator").await);
    let (roles, body) = (format!("/v1/admin/accounts/{ada}/roles"), json!({"grant": ["viewer"], "reason": ""}));
    insert_factor(&world, "ada").await;
    world.clock().advance(TimeDelta::minutes(11));
    let grace = Person::of(&world, &refresh_as_operator(&world, &grace.refresh).await.expect(200));
    let problem = grace.member.post(&roles, &body).await.refused(403, "auth.proof_required").json();
    assert_eq!(problem["proofs"], json!(["password", "totp"]));
    assert_eq!(
        grace.member.get("/v1/admin/accounts/ada").await.expect(200).json()["account"]["roles"],
        json!(["member"])
    );
    grace.member.post("/v1/me/proof", &json!({"password": PASSWORD})).await.expect(204);
    grace.member.post(&roles, &body).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn accounts_are_found_by_the_beginning_of_a_handle_an_address_or_an_id() {
    let world = operators_world().await;
    let mut ids = Vec::new();
    for name in ["ada", "adam", "ad_b", "bob"] {
        ids.push(create(&world, name).await);
    }
    let viewer = world.operator("vera", &["viewer"]);
    let search = async |query: &str| {
        let page = viewer.get(&format!("/v1/admin/accounts?{query}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap().iter();
        let handles: Vec<String> = items.map(|item| item["handle"].as_str().unwrap().to_owned()).collect();
        (handles.join(" "), page["next"].clone())
    };
    assert_eq!(search("query=AD").await, ("ad_b ada adam".to_owned(), Value::Null));
    assert_eq!(search("query=ad&limit=2").await, ("ad_b ada".to_owned(), json!("ada")));
    assert_eq!(search("query=ad&limit=2&after=ada").await, ("adam".to_owned(), Value::Null));
    assert_eq!(search("").await.0, "ad_b ada adam bob");
    assert_eq!(search("query=Bob@example.org").await.0, "bob");
    assert_eq!(search(&format!("query={}", ids[3])).await.0, "bob");
    assert_eq!(search("query=nobody").await.0, "");
    assert_eq!(search("query=a%00").await.0, "");
    let shown = viewer.get(&format!("/v1/admin/accounts/{}", ids[0])).await.expect(200).json();
    assert_eq!(shown["account"]["email"], "ada@example.org");
    assert_eq!(shown["sessions"].as_array().unwrap().len(), 1);
    world.end().await;
}

/// Publishes an act as another role does it: in a transaction of its own.
async fn publish_acts(world: &World, count: usize) {
    let now = world.clock().now();
    world
        .context("accounts")
        .db
        .write(Lane::NONE, async move |tx| {
            for number in 0..count {
                Act::new(Actor::machine("root"), "media.removed", now).on("media", number).record(tx)?;
            }
            Ok::<_, db::Error>(())
        })
        .await
        .unwrap();
    world.settle().await;
}

#[tokio::test]
async fn acts_of_other_roles_are_in_one_chain_once() {
    let world = operators_world().await;
    publish_acts(&world, 20).await;
    let (db, bus) = (world.context("accounts").db.clone(), &world.process.bus);
    // Delivered again, they change nothing.
    assert_eq!(bus.replay(&db, world.clock().now() - TimeDelta::hours(1)).await.unwrap(), 20);
    world.settle().await;
    let report = verify_audit(&db, None).await.unwrap();
    assert_eq!((report.entries, report.broken, report.is_missing), (20, None, false));
    let operator = world.operator("grace", &["operator"]);
    let (mut seen, mut path) = (0, "/v1/admin/audit?limit=7".to_owned());
    loop {
        let page = operator.get(&path).await.expect(200).json();
        seen += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/admin/audit?limit=7&after={next}");
    }
    assert_eq!(seen, 20);
    let count = async |filter: &str| {
        let page = operator.get(&format!("/v1/admin/audit?{filter}")).await.expect(200).json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("on=3").await, 1);
    assert_eq!(count("who=machine:root&action=media.removed&limit=100").await, 20);
    assert_eq!(count("since=2100-01-01T00:00:00Z").await, 0);
    assert_eq!(count("on=3%00").await, 0);
    operator.get("/v1/admin/audit?after=x").await.refused(400, "request.invalid");
    world.end().await;
}

#[tokio::test]
async fn acts_at_the_same_time_are_one_chain() {
    let world = world().await;
    let grace = sign_up_operator(&world, "grace", "operator").await;
    let mut changes = Vec::new();
    for number in 0..12 {
        let name = format!("member_{number}");
        let (grace, id) = (grace.member.clone(), create(&world, &name).await);
        insert_factor(&world, &name).await;
        changes.push(tokio::spawn(async move {
            let body = json!({"grant": ["viewer"], "reason": "one of many"});
            grace.post(&format!("/v1/admin/accounts/{id}/roles"), &body).await.expect(200);
        }));
    }
    publish_acts(&world, 12).await;
    for change in changes {
        change.await.unwrap();
    }
    world.settle().await;
    let report = verify_audit(&world.context("accounts").db, None).await.unwrap();
    assert_eq!((report.entries, report.broken), (25, None));
    world.end().await;
}

#[tokio::test]
async fn an_entry_of_the_audit_trail_can_be_neither_changed_nor_removed() {
    let world = operators_world().await;
    publish_acts(&world, 3).await;
    let db = world.context("accounts").db.clone();
    for statement in [
        "update audit_entry set reason = 'x' where number = 2",
        "delete from audit_entry where number = 2",
        "update audit_entry set hash = previous_hash",
        // SQLite's own, which runs no trigger of a deletion; a syntax error elsewhere.
        "insert or replace into audit_entry select * from audit_entry where number = 2",
    ] {
        let refused = db.write(Lane::ALL, async move |tx| tx.execute(statement, vec![]).await).await;
        assert!(refused.is_err(), "{statement}");
    }
    let report = verify_audit(&db, None).await.unwrap();
    assert_eq!((report.entries, report.broken), (3, None));
    // The last hash, noted elsewhere, shows what was removed at the end.
    let head = report.head.unwrap();
    assert!(!verify_audit(&db, Some(&head)).await.unwrap().is_missing);
    assert!(verify_audit(&db, Some(&"0".repeat(64))).await.unwrap().is_missing);
    world.end().await;
}

#[tokio::test]
async fn an_entry_that_was_put_in_by_hand_is_found() {
    let world = operators_world().await;
    publish_acts(&world, 2).await;
    let db = world.context("accounts").db.clone();
    let forge = async |number: i64| {
        let text = "
            insert into audit_entry (number, at, actor, roles, action, reason, previous_hash, hash)
            select $1, at, actor, roles, action, reason, hash, hash
              from audit_entry
             where number = 2";
        db.write(Lane::ALL, async move |tx| tx.execute(text, vec![number.into()]).await).await.unwrap();
    };
    forge(3).await;
    let report = verify_audit(&db, None).await.unwrap();
    assert_eq!((report.entries, report.broken), (2, Some(3)));
    // Before the first entry as well.
    forge(0).await;
    let report = verify_audit(&db, None).await.unwrap();
    assert_eq!((report.entries, report.broken), (0, Some(1)));
    world.end().await;
}

#[tokio::test]
async fn other_roles_are_told_of_the_timed_jobs_and_their_runs() {
    let world = operators_world().await;
    let client = world.anonymous();
    let runs = async || {
        let runs = client.get("/internal/jobs/accounts").await.expect(200).json();
        let is_done = |run: &&Value| run["finished_at"].is_string() && run["failure"].is_null();
        let mut done: Vec<&str> =
            runs.as_array().unwrap().iter().filter(is_done).map(|run| run["job"].as_str().unwrap()).collect();
        done.dedup();
        let jobs =
            ["accounts.exports", "accounts.keys", "accounts.sessions", "accounts.skeletons", "accounts.standing"];
        (done == jobs).then_some(())
    };
    world.wait_for("every job has run", runs).await;
    world.end().await;
}

/// Signs in through the operators' listener, and returns the refresh token.
async fn sign_in_as_operator(world: &World) -> String {
    let body = json!({"login": "ada", "password": PASSWORD});
    let signed_in = through_listener(world, "/v1/sessions", &body).await.expect(201);
    let token = signed_in.json()["access_token"].as_str().unwrap().to_owned();
    let claims = world.process.verifier.verify(&token).await.unwrap();
    assert!(claims.operators && claims.amr == ["pwd"], "{claims:?}");
    assert_eq!(claims.auth_time, world.clock().now().timestamp());
    signed_in.json()["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh_as_operator(world: &World, token: &str) -> TestResponse {
    through_listener(world, "/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

#[tokio::test]
async fn a_session_of_operators_ends_after_half_an_hour_without_use() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let token = sign_in_as_operator(&world).await;
    world.clock().advance(TimeDelta::minutes(29));
    let refreshed = refresh_as_operator(&world, &token).await.expect(200).json();
    world.clock().advance(TimeDelta::minutes(30));
    let token = refreshed["refresh_token"].as_str().unwrap();
    refresh_as_operator(&world, token).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn a_session_of_operators_and_its_tokens_end_after_eight_hours() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let mut token = sign_in_as_operator(&world).await;
    let mut lifetimes = Vec::new();
    for _ in 0..19 {
        world.clock().advance(TimeDelta::minutes(25));
        let refreshed = refresh_as_operator(&world, &token).await.expect(200).json();
        lifetimes.push(refreshed["expires_in"].as_i64().unwrap());
        token = refreshed["refresh_token"].as_str().unwrap().to_owned();
    }
    // 475 minutes have passed; five are left.
    assert_eq!((lifetimes[0], lifetimes[18]), (900, 300));
    world.clock().advance(TimeDelta::minutes(5));
    refresh_as_operator(&world, &token).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn a_session_goes_on_at_its_own_listener_only() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    refresh_as_operator(&world, &ada.refresh).await.refused(401, "auth.invalid_refresh");
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    let claims = world.process.verifier.verify(ada.member.token().unwrap()).await.unwrap();
    assert!(!claims.operators);
    let token = sign_in_as_operator(&world).await;
    refresh(&world, &token).await.refused(401, "auth.invalid_refresh");
    refresh_as_operator(&world, &token).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn who_loses_a_role_is_signed_out_at_the_operators_listener() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let (db, now) = (world.context("accounts").db.clone(), world.clock().now());
    let token = sign_in_as_operator(&world).await;
    insert_factor(&world, "ada").await;
    assign(&world, "ada", "operator").await;
    accounts::revoke(&db, "ada", "operator", Actor::machine("root"), "", now).await.unwrap();
    refresh_as_operator(&world, &token).await.refused(401, "auth.invalid_refresh");
    refresh(&world, &ada.refresh).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn accounts_are_found_by_the_state_that_counts_now() {
    let world = world().await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let until = world.clock().now() + TimeDelta::minutes(10);
    for (name, state, until) in [("ada", "suspended", Some(until)), ("bob", "banned", None), ("eve", "limited", None)] {
        let id = create(&world, name).await;
        let sanction = json!({"state": state, "reason": "Spam.", "until": until});
        operator.member.post(&format!("/v1/admin/accounts/{id}/suspend"), &sanction).await.expect(200);
    }
    let search = async |query: &str| {
        let page = operator.member.get(&format!("/v1/admin/accounts?{query}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["handle"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(search("").await, "ada bob eve olga");
    assert_eq!((search("state=suspended").await, search("state=active").await), ("ada".into(), "olga".into()));
    assert_eq!((search("state=banned").await, search("state=limited").await), ("bob".into(), "eve".into()));
    assert_eq!(
        (search("state=banned&query=a").await, search("state=banned&query=bo").await),
        (String::new(), "bob".into())
    );
    assert_eq!(search("state=banned&query=ada@example.org").await, "");
    assert_eq!(search("state=suspended&query=ada@example.org").await, "ada");
    operator.member.get("/v1/admin/accounts?state=gone").await.refused(400, "request.invalid");
    let shown = operator.member.get("/v1/admin/accounts/ada").await.expect(200).json();
    assert_eq!(shown["account"]["state"], "suspended", "operators see what others don't");
    // Whether or not the job has written it: an end counts by the time.
    world.clock().advance(TimeDelta::minutes(10));
    assert_eq!((search("state=suspended").await, search("state=active").await), (String::new(), "ada olga".into()));
    let shown = operator.member.get("/v1/admin/accounts/ada").await.expect(200).json();
    assert_eq!((&shown["account"]["state"], &shown["account"]["state_until"]), (&json!("active"), &Value::Null));
    world.end().await;
}

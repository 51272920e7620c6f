//! Flags: what operators turn off, in this role and for all processes.

use super::*;
use chrono::TimeDelta;
use http::Method;
use service::Flag;

/// Sets a flag.
async fn set(by: &Person, flag: &str, body: &Value) -> TestResponse {
    by.member.send(by.member.request(Method::PUT, &format!("/v1/admin/flags/{flag}")).json(body)).await
}

#[tokio::test]
async fn sign_ups_that_are_turned_off_are_refused_until_they_are_on_and_the_audit_trail_says_who_and_why() {
    let world = world().await;
    let dora = sign_up_operator(&world, "dora", "developer").await;
    let listed = dora.member.get("/v1/admin/flags").await.expect(200).json();
    let names: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|flag| flag["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sign_ups", "uploads", "conversions"]);
    assert!(listed["items"].as_array().unwrap().iter().all(|flag| flag["on"] == true && flag["changed_at"].is_null()));

    let off = json!({"on": false, "reason": "Spam."});
    let flag = set(&dora, "sign_ups", &off).await.expect(200).json();
    assert_eq!((&flag["on"], &flag["changed_by"]), (&json!(false), &json!("dora")));
    let refused = world.anonymous().post("/v1/accounts", &sign_up_body("bob")).await;
    let refused = refused.refused(503, "server.turned_off");
    assert!(refused.json()["detail"].as_str().unwrap().contains("right now"), "{refused}");
    assert_eq!(refused.header("retry-after"), "60");
    // Who has an account signs in as always; and other processes learn the same.
    sign_in(&world, "dora", "not the password").await.refused(401, "auth.wrong_login");
    let state = world.process.peers.ask(&service::FindFlags).await.unwrap().unwrap();
    assert_eq!(state.off, ["sign_ups"]);

    // What is so already is no act, and neither is what is refused.
    set(&dora, "sign_ups", &off).await.expect(200);
    set(&dora, "sign_ups", &json!({"on": true, "reason": " "})).await.refused(422, "request.invalid");
    set(&dora, "nonsense", &off).await.refused(404, "accounts.flag_not_found");
    world.clock().advance(TimeDelta::seconds(1));
    set(&dora, "sign_ups", &json!({"on": true, "reason": "It is over."})).await.expect(200);
    sign_up(&world, "bob").await;
    let operator = sign_up_operator(&world, "olga", "operator").await;
    let trail = operator.member.get("/v1/admin/audit?action=flags.changed").await.expect(200).json();
    let [on, off] = &trail["items"].as_array().unwrap()[..] else { panic!("{trail}") };
    assert_eq!((&on["reason"], &on["actor"]["name"]), (&json!("It is over."), &json!("dora")));
    assert_eq!((&off["before"], &off["after"]), (&json!({"on": true}), &json!({"on": false})));
    assert_eq!(off["target"], json!({"kind": "flag", "id": "sign_ups"}));
    world.end().await;
}

#[tokio::test]
async fn a_process_keeps_the_last_known_flags_while_accounts_is_away_and_reads_them_when_it_starts() {
    let world = world().await;
    let dora = sign_up_operator(&world, "dora", "developer").await;
    set(&dora, "uploads", &json!({"on": false, "reason": "The disk is full."})).await.expect(200);
    // Another process, which finds accounts by its URL.
    let peers = peer::Peers::default();
    peers.register_remote_url("accounts", &world.url);
    let flags = service::Flags::default();
    flags.read_first(&peers).await;
    assert!(!flags.is_on(Flag::Uploads) && flags.is_on(Flag::SignUps));
    peers.register_remote_url("accounts", "http://127.0.0.1:1");
    assert!(flags.read(&peers).await.is_err());
    assert!(!flags.is_on(Flag::Uploads));
    world.end().await;
}

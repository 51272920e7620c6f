//! Many callers at once, through four instances of the service: what single-use tokens and unique names still promise.
//!
//! On PostgreSQL each instance has its own connections, as a process would. Invariant: an instance shares nothing with
//! another one but the database.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use chrono::TimeDelta;
use http::{Request, header};
use tower::ServiceExt as _;

use super::*;

const INSTANCES: usize = 4;
const CALLERS: usize = 200;

/// Posts JSON to one of the instances. Returns the status and the body.
async fn post(router: Router, path: &'static str, body: Value) -> (u16, Value) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Sends the same or different bodies through all instances at once.
async fn post_at_once(
    world: &World,
    path: &'static str,
    bodies: impl Fn(usize) -> Value,
    count: usize,
) -> Vec<(u16, Value)> {
    let routers = Arc::new(world.instances(&accounts::service(), INSTANCES).await);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..count {
        calls.spawn(post(routers[number % INSTANCES].clone(), path, bodies(number)));
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_uses_of_one_token_in_four_instances_have_one_successor() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let token = ada.refresh.clone();
    let responses =
        post_at_once(&world, "/v1/sessions/refresh", |_| json!({"refresh_token": token.clone()}), CALLERS).await;
    let mut successors: Vec<&str> = responses.iter().filter_map(|(_, body)| body["refresh_token"].as_str()).collect();
    assert_eq!(
        successors.len(),
        CALLERS,
        "a tab was signed out: {:?}",
        responses.iter().find(|(status, _)| *status != 200)
    );
    successors.dedup();
    assert_eq!(successors.len(), 1, "a token for one use had several successors");
    // Used up: once the successor was used, the first token ends the session.
    world.clock().advance(TimeDelta::seconds(1));
    let next = Person::of(&world, &refresh(&world, successors[0]).await.expect(200));
    refresh(&world, &ada.refresh).await.refused(401, "auth.refresh_reused");
    refresh(&world, &next.refresh).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_hundred_sign_ups_in_four_instances_gets_the_handle() {
    let unlimited = ["sign_ups_per_address=1000", "sign_ups_per_network=1000", "sign_ups_per_minute=0"];
    let unlimited = unlimited.map(|setting| format!("accounts.{setting}"));
    let world =
        unlimited.iter().fold(builder(), |world, setting| world.set(setting)).start(&[accounts::service()]).await;
    let body =
        |number: usize| json!({"handle": "ada", "email": format!("ada{number}@example.org"), "password": PASSWORD});
    let responses = post_at_once(&world, "/v1/accounts", body, CALLERS).await;
    let of = |wanted: u16| responses.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((of(201), of(409)), (1, CALLERS - 1), "{:?}", responses.iter().find(|(s, _)| ![201, 409].contains(s)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_link_used_at_once_in_four_instances_sets_one_password() {
    let world = world().await;
    sign_up(&world, "ada").await;
    forget_password(&world, "ada").await;
    let link = mailed_link(&world, "ada@example.org").await;
    let password = |number: usize| format!("another fine password {number}");
    let body = |number: usize| json!({"code": link.clone(), "password": password(number)});
    let responses = post_at_once(&world, "/v1/passwords/reset", body, 32).await;
    let of = |wanted: u16| responses.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((of(204), of(422)), (1, 31), "{:?}", responses.iter().find(|(status, _)| ![204, 422].contains(status)));
    let mut valid = 0;
    for number in 0..32 {
        let from = format!("198.51.{number}.7");
        let response = limits::sign_in_from(&world, &from, "ada", &password(number)).await;
        valid += usize::from(response.status == 201);
    }
    assert_eq!(valid, 1, "one password counts");
    world.end().await;
}

#[tokio::test]
async fn of_two_operators_who_act_against_each_other_at_once_one_is_left() {
    let world = world().await;
    for round in 0..4 {
        let one = sign_up_operator(&world, &format!("one_{round}"), "operator").await;
        let two = sign_up_operator(&world, &format!("two_{round}"), "operator").await;
        let act = async |by: &Person, on: &Person| {
            let account = format!("/v1/admin/accounts/{}", on.account["id"].as_str().unwrap());
            let (path, body) = if round % 2 == 0 {
                (format!("{account}/roles"), json!({"revoke": ["operator"], "reason": "She left."}))
            } else {
                (format!("{account}/suspend"), json!({"state": "suspended", "reason": "She left."}))
            };
            by.member.post(&path, &body).await
        };
        let (first, second) = tokio::join!(act(&one, &two), act(&two, &one));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert!(statuses[0] == 200 && [401, 403].contains(&statuses[1]), "{first}\n{second}");
    }
    world.end().await;
}

//! Many writes at once: counts equal the rows, whatever the order was.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use testkit::TestClient;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::fixtures::{Harness, end, post, put, url};

/// Processes that write at once.
const INSTANCES: usize = 4;
/// Writes of all of them.
const WRITES: usize = 1_000;
/// Requests that run at once.
const CONCURRENT: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn counts_equal_the_rows_after_concurrent_writes() {
    let builder = testkit::World::builder().set("social.max_follows_per_hour=100000");
    let harness = Harness::with(builder).await;
    let names = ["ada", "bob", "eve", "mia", "zoe", "kim"];
    let members = harness.members(names);
    let mut calls = JoinSet::new();
    for round in 0..8 {
        for (at, member) in members.iter().enumerate() {
            for (other, name) in names.into_iter().enumerate().filter(|(other, _)| *other != at) {
                let member = member.clone();
                calls.spawn(async move {
                    match (round + at + other) % 4 {
                        0 | 1 => drop(put(&member, name, "follow").await),
                        2 => drop(end(&member, name, "follow").await),
                        _ => {
                            put(&member, name, "block").await.expect(200);
                            end(&member, name, "block").await.expect(200);
                        }
                    }
                });
            }
            let member = member.clone();
            calls.spawn(async move {
                let body = json!({"text": "hello", "audience": "public"});
                let post = member.post("/v1/posts", &body).await.expect(201).json();
                if round % 2 == 0 {
                    member.delete(&url(&post)).await.expect(204);
                }
            });
        }
    }
    calls.join_all().await;
    assert_eq!(harness.count("post").await, 24);
    assert_eq!(harness.count("block").await, 0);
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_a_follow_at_once_leave_no_follow_beside_the_block() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    for _ in 0..10 {
        let (follower, blocker) = (bob.clone(), ada.clone());
        let following = tokio::spawn(async move { put(&follower, "ada", "follow").await.status });
        let blocking = tokio::spawn(async move { put(&blocker, "bob", "block").await.expect(200) });
        let (status, _) = (following.await.unwrap(), blocking.await.unwrap());
        assert!(status == 200 || status == 404, "{status}");
        assert_eq!((harness.count("follow").await, harness.count("block").await), (0, 1));
        end(&ada, "bob", "block").await.expect(200);
    }
    harness.assert_no_drift().await;
    harness.world.end().await;
}

/// Sends a request to one of the instances.
async fn call(router: &Router, member: &TestClient, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", member.token().unwrap()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(!status.is_server_error(), "{path}: {status} {bytes:?}");
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Does the write with this number through its instance.
async fn write(number: usize, routers: &[Router], members: &[TestClient], posts: &[String], root: &str) {
    let (router, member) = (&routers[number % INSTANCES], &members[number / 3 % members.len()]);
    let (post, none) = (&posts[number % posts.len()], json!({}));
    let reaction = json!({"kind": if number.is_multiple_of(2) { "like" } else { "wow" }});
    let at = |part: &str| format!("{post}/{part}");
    match number / 7 % 10 {
        0 | 1 => drop(call(router, member, Method::PUT, &at("reaction"), &reaction).await),
        2 => drop(call(router, member, Method::DELETE, &at("reaction"), &none).await),
        3 => drop(call(router, member, Method::POST, &at("repost"), &none).await),
        4 => drop(call(router, member, Method::DELETE, &at("repost"), &none).await),
        5 => drop(call(router, member, Method::PUT, &at("save"), &none).await),
        6 => {
            let answer = json!({"text": "an answer", "answers": root});
            drop(call(router, member, Method::POST, &format!("{}/comments", posts[0]), &answer).await);
        }
        _ => {
            let text = json!({"text": "hello"});
            let (status, comment) = call(router, member, Method::POST, &at("comments"), &text).await;
            assert_eq!(status, 201, "{comment}");
            let comment = format!("/v1/comments/{}", comment["id"].as_str().unwrap());
            match number / 5 % 3 {
                0 => drop(call(router, member, Method::DELETE, &comment, &none).await),
                // The author of the posts is the first member.
                1 => drop(call(router, &members[0], Method::POST, &format!("{comment}/approve"), &none).await),
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_posts_equal_the_rows_after_a_thousand_writes_through_four_processes() {
    let builder = ["comments", "reactions", "reposts"]
        .into_iter()
        .fold(testkit::World::builder(), |builder, act| builder.set(&format!("social.max_{act}_per_hour=100000")));
    let harness = Harness::with(builder).await;
    let members = Arc::new(harness.members(["ada", "bob", "eve", "mia", "zoe", "kim"]).to_vec());
    let mut posts = vec![url(&post(&members[0], "one", "public").await)];
    for policy in ["everyone", "approval"] {
        let body = json!({"text": "x", "audience": "public", "policies": {"comment": policy, "repost": policy}});
        posts.push(url(&members[0].post("/v1/posts", &body).await.expect(201).json()));
    }
    let root = members[1].post(&format!("{}/comments", posts[0]), &json!({"text": "root"})).await.expect(201).json();
    let root = Arc::new(root["id"].as_str().unwrap().to_owned());
    let (routers, posts) = (Arc::new(harness.world.instances(&social::service(), INSTANCES).await), Arc::new(posts));
    let mut calls = JoinSet::new();
    for worker in 0..CONCURRENT {
        let (routers, members, posts, root) = (routers.clone(), members.clone(), posts.clone(), root.clone());
        calls.spawn(async move {
            for number in (worker..WRITES).step_by(CONCURRENT) {
                write(number, &routers, &members, &posts, &root).await;
            }
        });
    }
    calls.join_all().await;
    for table in ["post_comment", "reaction", "repost", "saved_post"] {
        assert!(harness.count(table).await > 0, "{table}: the test proves little");
    }
    harness.assert_no_drift().await;
    // One removal takes all answers along.
    let answers = harness.count("post_comment where parent <> post").await;
    assert!(answers > 20, "{answers}");
    members[1].delete(&format!("/v1/comments/{root}")).await.expect(204);
    harness.assert_no_drift().await;
    assert_eq!(harness.count("post_comment where parent <> post").await, 0);
    harness.world.end().await;
}

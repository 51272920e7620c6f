//! The social network on a fleet: counters after mixed writes through four processes at once, and posts whose fan-out
//! is killed in the middle.
//!
//! Invariant: only processes of social are killed, and every one is started again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::fleet::Topology;

use super::client::{Client, Outcome};
use super::harness::Harness;

/// Processes of social.
const PROCESSES: usize = 4;
/// Members, each of whom writes at the same time as the others.
const MEMBERS: usize = 10;
/// Writes of each member.
const WRITES: usize = 100;
/// How often a process is killed during a fan-out.
const KILLS: usize = 32;

pub(super) async fn sign_up(harness: &Harness, count: usize) -> Vec<Arc<Client>> {
    let mut members = Vec::new();
    for at in 0..count {
        members.push(Arc::new(Client::sign_up(&format!("member{at}"), harness.gateway_urls()).await));
    }
    members
}

/// Writes a post. One whose outcome is unknown is sent again with its key, until it is acknowledged. Returns its id.
pub(super) async fn write_post(client: &Client, text: &str) -> String {
    let body = json!({"text": text, "audience": "public"});
    for _ in 0..200 {
        let sent =
            client.send(Method::POST, "/v1/posts", |request| request.header("idempotency-key", text).json(&body));
        match sent.await {
            // An earlier attempt is still under way, or was broken off.
            Outcome::Response(response) if response.status == StatusCode::CONFLICT => {}
            Outcome::Response(response) => {
                assert_eq!(response.status, StatusCode::CREATED, "{}", response.text());
                return response.json()["id"].as_str().unwrap().to_owned();
            }
            Outcome::RetryLater(_) | Outcome::Broken => {}
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("the post {text} is not acknowledged");
}

/// Follows, unfollows, reacts, takes reactions back, saves and comments, at random.
async fn write_at_random(client: Arc<Client>, posts: Arc<Vec<String>>) {
    for _ in 0..WRITES {
        let post = &posts[rand::random_range(0..posts.len())];
        let other = (0..MEMBERS).map(|at| format!("member{at}")).filter(|other| *other != client.handle);
        let other = other.collect::<Vec<_>>()[rand::random_range(0..MEMBERS - 1)].clone();
        let (method, path, body, status) = match rand::random_range(0..6) {
            0 => (Method::PUT, format!("/v1/accounts/{other}/follow"), json!({}), 200),
            1 => (Method::DELETE, format!("/v1/accounts/{other}/follow"), json!({}), 200),
            2 => (Method::PUT, format!("/v1/posts/{post}/reaction"), json!({"kind": "like"}), 200),
            3 => (Method::DELETE, format!("/v1/posts/{post}/reaction"), json!({}), 200),
            4 => (Method::PUT, format!("/v1/posts/{post}/save"), json!({}), 200),
            _ => (Method::POST, format!("/v1/posts/{post}/comments"), json!({"text": "hello"}), 201),
        };
        let has_body = body != json!({});
        let build = |request: reqwest::RequestBuilder| if has_body { request.json(&body) } else { request };
        client.send_until_answered(status, method, &path, build).await;
    }
}

/// Runs `tutti check` of a role, as an operator would.
pub(super) async fn assert_no_drift(harness: &Harness, role: &str) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tutti"));
    command.args(["check", role, "--config"]).arg(harness.fleet.config_path()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn counts_equal_rows_after_a_thousand_mixed_writes_through_four_processes() {
    let harness = Harness::start(&Topology::one_of_each().with("social", PROCESSES));
    let members = sign_up(&harness, MEMBERS).await;
    let mut posts = Vec::new();
    for (at, member) in members.iter().enumerate() {
        posts.push(write_post(member, &format!("post-{at}")).await);
    }
    let posts = Arc::new(posts);
    let writers: Vec<_> =
        members.into_iter().map(|member| tokio::spawn(write_at_random(member, posts.clone()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_no_drift(&harness, "social").await;
}

/// Returns how often each text is in the home of a member, over all pages.
async fn walk_home(client: &Client) -> BTreeMap<String, usize> {
    let (mut found, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/feeds/home?limit=20{after}")).await.json();
        for post in page["items"].as_array().unwrap() {
            *found.entry(post["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn a_killed_fan_out_shows_each_post_once_to_every_follower() {
    let mut harness = Harness::start(&Topology::one_of_each().with("social", 2));
    let members = sign_up(&harness, MEMBERS).await;
    let (author, followers) = members.split_first().unwrap();
    for follower in followers {
        let path = format!("/v1/accounts/{}/follow", author.handle);
        follower.send_until_answered(200, Method::PUT, &path, |request| request).await;
        // Who reads home gets entries from then on.
        walk_home(follower).await;
    }
    let mut expected = BTreeMap::new();
    for at in 0..KILLS {
        let text = format!("post-{at}");
        write_post(author, &text).await;
        expected.insert(text, 1);
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..60))).await;
        tokio::task::block_in_place(|| {
            let mut of_social = harness.fleet.processes.iter_mut().filter(|process| process.role == "social");
            let process = of_social.nth(at % 2).expect("two processes of social");
            process.program.kill();
            process.program.restart();
        });
        let follower = &followers[at % followers.len()];
        assert_eq!(walk_home(follower).await, expected, "after kill {at}");
    }
    for follower in followers {
        assert_eq!(walk_home(follower).await, expected, "{}", follower.handle);
    }
    assert_no_drift(&harness, "social").await;
}

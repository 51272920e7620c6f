//! Presence: members see each other come and go in every process, and what each wants of it.

use axum::body::Body;
use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use http::{Request, header};
use serde_json::{Value, json};
use testkit::TestClient;
use tower::ServiceExt as _;

use crate::fixtures::{Harness, boxed, put};
use crate::socket::SocketClient;

/// For longer than a process counts for what it has said.
const LONG: TimeDelta = TimeDelta::seconds(61);

/// Returns what a reader sees of another member's presence in a conversation.
fn shown(view: &Value, other: &TestClient) -> Value {
    let members = view["members"].as_array().unwrap();
    members.iter().find(|one| one["account"] == other.id.to_string()).unwrap()["presence"].clone()
}

async fn presence(reader: &TestClient, conversation: &str, other: &TestClient) -> Value {
    shown(&reader.get(conversation).await.expect(200).json(), other)
}

/// Returns what a client is told of another member next.
async fn told(client: &mut SocketClient, other: &TestClient) -> Value {
    loop {
        let frame = client.next_of("presence").await;
        let mut members = frame["members"].as_array().unwrap().iter();
        if let Some(found) = members.find(|one| one["account"] == other.id.to_string()) {
            return found["presence"].clone();
        }
    }
}

async fn set(member: &TestClient, audience: &str) {
    let body = json!({"allow_strangers": true, "send_receipts": true, "presence": audience});
    assert_eq!(put(member, "/v1/chat/settings", &body).await.expect(200).json()["presence"], audience);
}

fn online() -> Value {
    json!({"state": "online", "last_seen_at": null})
}

/// Begins a conversation in which both take part.
async fn talk(harness: &Harness, one: &TestClient, other: &TestClient, name: &str) -> String {
    harness.follow(other, one);
    let conversation = harness.begin(one, &[name], None).await;
    harness.say(one, &conversation, &format!("hello {name}")).await.expect(201);
    conversation
}

#[tokio::test]
async fn two_members_see_each_other_come_and_go() {
    let harness = Harness::new().await;
    let world = &harness.world;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let conversation = talk(&harness, &ada, &bob, "bob").await;
    assert_eq!(presence(&ada, &conversation, &bob).await, json!({"state": "away", "last_seen_at": null}));
    assert_eq!(presence(&ada, &conversation, &ada).await, Value::Null);

    let mut of_ada = SocketClient::hello(world, &ada, &[]).await;
    of_ada.next_of("places").await;
    let mut of_bob = SocketClient::hello(world, &bob, &[]).await;
    assert_eq!(told(&mut of_ada, &bob).await, online());
    assert_eq!(told(&mut of_bob, &ada).await, online(), "a client is told who is online when it comes");
    assert_eq!(presence(&ada, &conversation, &bob).await, online());
    assert_eq!(shown(&boxed(&ada, "inbox").await[0], &bob), online());

    // A client that is not in use any more, for as long as one may take to come back.
    for active in [false, true] {
        of_bob.send(&json!({"type": "active", "active": active})).await;
        of_bob.send(&json!({"type": "ping"})).await;
        of_bob.next_of("pong").await;
        if !active {
            assert_eq!(presence(&ada, &conversation, &bob).await, online());
            world.clock().advance(LONG);
            world.clock().announce();
        }
        let now = told(&mut of_ada, &bob).await;
        assert_eq!((now["state"] == "online", now["last_seen_at"].is_null()), (active, active), "{now}");
        if !active {
            let stored = async || {
                let seen = presence(&ada, &conversation, &bob).await;
                seen["last_seen_at"].as_str().map(str::to_owned)
            };
            let seen = world.wait_for("it is stored when Bob was online", stored).await;
            assert!(seen.ends_with(":00Z"), "not to the second: {seen}");
        }
    }
    // A program with an API key is not its member.
    let program = world.member_who("bob", &["member"], |claims| claims.scope = vec!["chat:read".to_owned()]);
    let mut of_program = SocketClient::hello(world, &program, &[]).await;
    of_program.next_of("places").await;
    of_bob.send(&json!({"type": "active", "active": false})).await;
    of_bob.send(&json!({"type": "ping"})).await;
    of_bob.next_of("pong").await;
    world.clock().advance(LONG);
    assert_eq!(presence(&ada, &conversation, &bob).await["state"], "away");

    // Who hides their own sees none, at once, and what was stored is gone.
    set(&bob, "nobody").await;
    while !told(&mut of_ada, &bob).await.is_null() {}
    assert_eq!(presence(&bob, &conversation, &ada).await, Value::Null);
    let kept = json!({"allow_strangers": true, "send_receipts": false});
    assert_eq!(put(&bob, "/v1/chat/settings", &kept).await.expect(200).json()["presence"], "nobody");
    let wrong = json!({"allow_strangers": true, "send_receipts": true, "presence": "some"});
    put(&bob, "/v1/chat/settings", &wrong).await.refused(422, "request.invalid");
    set(&bob, "everyone").await;
    assert_eq!(presence(&ada, &conversation, &bob).await, json!({"state": "away", "last_seen_at": null}));
    drop((of_ada, of_bob, of_program));
    harness.world.end().await;
}

#[tokio::test]
async fn presence_is_mutual_and_not_of_requests_blocks_or_those_who_are_suspended() {
    let harness = Harness::new().await;
    let world = &harness.world;
    let [ada, bob, cy, eve] = harness.members(["ada", "bob", "cy", "eve"]);
    let pair = talk(&harness, &ada, &bob, "bob").await;
    let other = talk(&harness, &ada, &cy, "cy").await;
    let mut clients = Vec::new();
    for member in [&ada, &bob, &cy, &eve] {
        let mut client = SocketClient::hello(world, member, &[]).await;
        client.next_of("places").await;
        clients.push(client);
    }
    // Bob follows Ada, and she does not follow him, until she does.
    for (of_ada, of_bob, follows, is_seen) in [
        ("everyone", "everyone", false, true),
        ("everyone", "followed", false, true),
        ("followed", "everyone", false, false),
        ("nobody", "everyone", false, false),
        ("everyone", "nobody", false, false),
        ("followed", "followed", true, true),
    ] {
        if follows {
            harness.follow(&ada, &bob);
        }
        set(&ada, of_ada).await;
        set(&bob, of_bob).await;
        let expected = if is_seen { online() } else { Value::Null };
        let seen = [presence(&ada, &pair, &bob).await, presence(&bob, &pair, &ada).await];
        assert_eq!(seen, [expected.clone(), expected], "{of_ada}, {of_bob}");
    }
    set(&ada, "everyone").await;

    // In a group, each is seen by the same rule; lists don't show it.
    let group = harness.begin(&ada, &["bob", "cy"], Some("Choir")).await;
    harness.say(&ada, &group, "hello all").await.expect(201);
    assert_eq!(presence(&ada, &group, &bob).await, online());
    assert_eq!(presence(&cy, &group, &bob).await, Value::Null, "he shows it to those whom he follows");
    assert_eq!(shown(&boxed(&ada, "inbox").await[0], &bob), Value::Null);

    // A request shows nothing to either side before it is accepted.
    let asked = harness.begin(&eve, &["ada"], None).await;
    harness.say(&eve, &asked, "may I?").await.expect(201);
    assert_eq!(presence(&eve, &asked, &ada).await, Value::Null);
    assert_eq!(presence(&ada, &asked, &eve).await, Value::Null);
    assert_eq!(shown(&boxed(&ada, "requests").await[0], &eve), Value::Null);
    ada.post(&format!("{asked}/accept"), &json!({})).await.expect(200);
    assert_eq!(told(&mut clients[3], &ada).await, online(), "the first that Eve is told of Ada");
    assert_eq!(presence(&ada, &asked, &eve).await, online());

    harness.block(&bob, &ada).await;
    for (reader, blocked) in [(&ada, &bob), (&bob, &ada)] {
        assert_eq!(presence(reader, &pair, blocked).await, Value::Null);
    }
    assert_eq!(presence(&ada, &other, &cy).await, online());
    let suspended =
        StandingChanged { account: AccountId(cy.id), state: AccountState::Suspended, until: None, version: 1 };
    harness.publish(&suspended).await;
    assert_eq!(presence(&ada, &other, &cy).await, Value::Null);
    drop(clients);
    harness.world.end().await;
}

#[tokio::test]
async fn another_process_sees_who_is_connected_until_it_hears_no_more_of_them() {
    let harness = Harness::new().await;
    let world = &harness.world;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let conversation = talk(&harness, &ada, &bob, "bob").await;
    let mut of_ada = SocketClient::hello(world, &ada, &[]).await;
    of_ada.next_of("places").await;
    let process = world.instance(&chat::service(), 1).await;
    let request = |path: &str| {
        let token = format!("Bearer {}", bob.token().unwrap());
        Request::get(path).header(header::AUTHORIZATION, token).body(Body::empty()).unwrap()
    };
    let refused = process.clone().oneshot(request("/v1/chat/stream?active=perhaps")).await.unwrap();
    assert_eq!(refused.status(), 400);
    let idle = process.clone().oneshot(request("/v1/chat/stream?active=false")).await.unwrap();
    assert_eq!((idle.status().as_u16(), &presence(&ada, &conversation, &bob).await["state"]), (200, &json!("away")));
    let stream = process.clone().oneshot(request("/v1/chat/stream")).await.unwrap();
    assert_eq!(told(&mut of_ada, &bob).await, online());
    assert_eq!(presence(&ada, &conversation, &bob).await, online());

    // What the other process said ends by itself, as if it were killed. What it says meanwhile may still be on its way.
    drop(stream);
    world.clock().advance(LONG);
    let is_away = async || (presence(&ada, &conversation, &bob).await["state"] == "away").then_some(());
    world.wait_for("what is heard no more of ends", is_away).await;
    drop((of_ada, idle));
    harness.world.end().await;
}

//! Greetings: their links, their openings, and how they end.

use contract::AccountId;
use contract::accounts::AccountState;
use contract::media::{Conversion, Deleted, Kind};
use contract::social::talk::GreetingOpened;
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, fake_role};

use crate::fixtures::{Harness, each, put, without_request_id};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1";

async fn send(sender: &TestClient, media: &contract::MediaId) -> Value {
    let body = json!({"media": media, "to_name": "Grandma", "text": "Happy birthday!", "expires_in": 10_800});
    sender.post("/v1/greetings", &body).await.expect(201).json()
}

/// Returns the path of the API for the link of a greeting.
fn api_url(greeting: &Value) -> String {
    greeting["url"].as_str().unwrap().replace("/g/", "/v1/greetings/")
}

/// Opens a link as a browser at an address does.
async fn open(visitor: &TestClient, path: &str, address: &str, agent: &str) -> TestResponse {
    let request = visitor.request(Method::GET, path).header("user-agent", agent).header("x-tutti-client", address);
    visitor.send(request).await
}

async fn openings(sender: &TestClient, greeting: &Value) -> Value {
    let own = format!("/v1/greetings/{}", greeting["id"].as_str().unwrap());
    sender.get(&own).await.expect(200).json()["openings"].clone()
}

#[tokio::test]
async fn a_link_opens_without_an_account_and_tells_the_sender_when() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<GreetingOpened>();
    listener.join(&harness.world).await;
    let ada = harness.member("ada");
    let clip = harness.item(&ada, Kind::Video, Conversion::Playable);
    let greeting = send(&ada, &clip).await;
    let (path, visitor) = (api_url(&greeting), harness.world.anonymous());
    // Of the token, nothing is stored but its hash.
    let token = path.rsplit('/').next().unwrap();
    let stored = harness.world.stored_bytes("social").await;
    assert!(token.len() == 22 && !stored.windows(22).any(|bytes| bytes == token.as_bytes()));

    // Programs that make previews, and the sender, do not count.
    visitor.send(visitor.request(Method::HEAD, &path).header("user-agent", PHONE)).await.expect(200);
    open(&visitor, &path, "192.0.2.1", "WhatsApp/2.23").await.expect(200);
    let ahead = visitor.request(Method::GET, &path).header("user-agent", PHONE).header("sec-purpose", "prefetch");
    visitor.send(ahead).await.expect(200);
    open(&ada, &path, "192.0.2.9", PHONE).await.expect(200);
    assert_eq!(openings(&ada, &greeting).await, json!({"first_at": null, "count": 0}));

    let first = open(&visitor, &path, "192.0.2.1", PHONE).await.expect(200);
    assert_eq!((first.header("cache-control"), first.header("x-robots-tag")), ("no-store", "noindex"));
    let seen = first.json();
    assert_eq!((&seen["to_name"], &seen["text"]), (&json!("Grandma"), &json!("Happy birthday!")));
    assert_eq!((&seen["openings"], &seen["url"]), (&Value::Null, &Value::Null), "they are for the sender");
    assert!(seen["media"]["urls"]["hls"].as_str().unwrap().contains("?t="));
    open(&visitor, &path, "192.0.2.1", PHONE).await.expect(200);
    open(&visitor, &path, "192.0.2.2", PHONE).await.expect(200);
    let after = openings(&ada, &greeting).await;
    assert_eq!(after["count"], 2, "once for each visitor and hour");
    harness.world.clock().advance(chrono::TimeDelta::hours(1));
    open(&visitor, &path, "192.0.2.1", PHONE).await.expect(200);
    assert_eq!(openings(&ada, &greeting).await, json!({"first_at": after["first_at"], "count": 3}));
    harness.world.settle().await;
    let told: Vec<AccountId> = listener.events::<GreetingOpened>().iter().map(|event| event.sender).collect();
    assert_eq!(told, [AccountId(ada.id)]);

    // It ends. Its sender still has it in the list.
    harness.world.clock().advance(chrono::TimeDelta::hours(2));
    open(&visitor, &path, "192.0.2.1", PHONE).await.refused(404, "social.no_such_greeting");
    assert_eq!(each(&ada.get("/v1/greetings").await.expect(200).json(), "to_name"), ["Grandma"]);
    harness.world.end().await;
}

#[tokio::test]
async fn what_opens_nothing_is_one_response_and_a_greeting_can_be_revoked() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let clip = harness.item(&ada, Kind::Video, Conversion::Ready);
    let again = async || {
        let body = json!({"media": clip, "to_name": "Grandma"});
        let request = ada.request(Method::POST, "/v1/greetings").header("idempotency-key", "k1");
        ada.send(request.json(&body)).await.expect(201).json()
    };
    let (greeting, second) = (again().await, again().await);
    assert_eq!((&second["id"], &second["url"]), (&greeting["id"], &Value::Null), "the link is told once");
    let (path, own) = (api_url(&greeting), format!("/v1/greetings/{}", greeting["id"].as_str().unwrap()));
    let absent = bob.get("/v1/greetings/AAAAAAAAAAAAAAAAAAAAAA").await.refused(404, "social.no_such_greeting");
    let is_absent = async |reader: &TestClient, path: &str| {
        let response = reader.get(path).await.expect(404);
        assert_eq!(without_request_id(&response), without_request_id(&absent), "{path}");
    };
    is_absent(&bob, &own).await;
    is_absent(&bob, "/v1/greetings/x").await;
    is_absent(&harness.world.anonymous(), &own).await;
    bob.get(&path).await.expect(200);
    put(&ada, "bob", "block").await.expect(200);
    is_absent(&bob, &path).await;
    harness.set_state(&ada, AccountState::Suspended, 1).await;
    is_absent(&harness.world.anonymous(), &path).await;
    harness.set_state(&ada, AccountState::Active, 2).await;
    bob.delete(&own).await.refused(404, "social.no_such_greeting");
    ada.delete(&own).await.expect(204);
    is_absent(&harness.world.anonymous(), &path).await;
    assert_eq!((harness.count("greeting").await, harness.count("post_media").await), (0, 0));

    // One whose clip is gone is gone with it; nothing is made of what can't be shown or is somebody else's.
    let doomed = send(&ada, &clip).await;
    harness.publish(&Deleted { id: clip.clone(), owner: AccountId(ada.id) }).await;
    is_absent(&harness.world.anonymous(), &api_url(&doomed)).await;
    let early = harness.item(&ada, Kind::Video, Conversion::Processing);
    let body = |media: &contract::MediaId, seconds: u32| json!({"media": media, "to_name": "x", "expires_in": seconds});
    ada.post("/v1/greetings", &body(&early, 60)).await.refused(409, "social.media_not_ready");
    bob.post("/v1/greetings", &body(&clip, 60)).await.refused(422, "social.no_such_media");
    ada.post("/v1/greetings", &body(&clip, 59)).await.refused(422, "social.invalid_greeting");
    assert_eq!(harness.count("greeting").await, 0);
    harness.world.end().await;
}

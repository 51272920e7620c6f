//! Conversations of two: one for each two, one sequence, exact counts.

use http::Method;
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, boxed, changes, put, texts};

#[tokio::test]
async fn two_have_one_conversation_one_sequence_and_exact_counts() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    assert_eq!(harness.begin(&ada, &["BOB"], None).await, conversation);
    assert_eq!(harness.begin(&bob, &["ada"], None).await, conversation);
    assert!(boxed(&bob, "inbox").await.is_empty(), "nothing before the first message");
    let begun = ada.get(&conversation).await.expect(200).json();
    assert_eq!(begun["can"], json!({"write": true, "goes_to": "inbox", "manage": false}));

    // Bob follows Ada, so he has it at once. Sent twice, it is one message.
    let first = harness.say(&ada, &conversation, "one").await.expect(201).json();
    assert_eq!(first["verdict"]["outcome"], "deliver");
    assert_eq!(harness.say(&ada, &conversation, "one").await.expect(201).json(), first);
    harness.say(&ada, &conversation, "two").await.expect(201);
    let reply = json!({"client_id": "b1", "text": "three", "reply_to": first["id"]});
    bob.post(&format!("{conversation}/messages"), &reply).await.expect(201);
    assert_eq!(texts(&bob, &conversation).await, ["three", "two", "one"]);
    let unread = async |member: &TestClient| boxed(member, "inbox").await[0]["unread"].as_u64().unwrap();
    assert_eq!((unread(&ada).await, unread(&bob).await), (1, 2));

    // Up to a place, and not back.
    bob.post(&format!("{conversation}/read"), &json!({"seq": first["seq"]})).await.expect(204);
    assert_eq!(unread(&bob).await, 1);
    bob.post(&format!("{conversation}/read"), &json!({"seq": 0})).await.expect(204);
    bob.post(&format!("{conversation}/read"), &json!({})).await.expect(204);
    assert_eq!(unread(&bob).await, 0);
    assert_eq!(changes(&ada, &conversation, 0).await, ["message", "message", "message", "read", "read"]);
    let told = ada.get(&conversation).await.expect(200).json();
    let of_bob = |view: &Value| {
        let members = view["members"].as_array().unwrap();
        members.iter().find(|one| one["handle"] == "bob").unwrap()["read_seq"].clone()
    };
    assert_eq!(of_bob(&told), 2, "the newest message of others");
    bob.post(&format!("{conversation}/read"), &json!({})).await.expect(204);
    assert_eq!(changes(&ada, &conversation, 5).await.len(), 0, "a mark of a mark is none");

    // Both ways by key.
    let page = ada.get(&format!("{conversation}/messages?limit=2")).await.expect(200).json();
    let older = format!("{conversation}/messages?limit=2&before={}", page["next"].as_str().unwrap());
    assert_eq!(ada.get(&older).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    let newer = format!("{conversation}/messages?after={}", first["seq"]);
    assert_eq!(ada.get(&newer).await.expect(200).json()["items"][0]["text"], "two");

    // Who keeps it to themselves, and strangers.
    put(&ada, "/v1/chat/settings", &json!({"allow_strangers": true, "send_receipts": false})).await.expect(200);
    ada.post(&format!("{conversation}/read"), &json!({})).await.expect(204);
    assert_eq!(unread(&ada).await, 0);
    assert_eq!(changes(&bob, &conversation, 5).await, Vec::<String>::new());
    for path in ["", "/messages", "/changes?after=0"] {
        eve.get(&format!("{conversation}{path}")).await.refused(404, "chat.not_found");
        let anonymous = harness.world.anonymous();
        anonymous.get(&format!("{conversation}{path}")).await.refused(401, "auth.required");
    }
    eve.get(&format!("/v1/messages/{}", first["id"].as_str().unwrap())).await.refused(404, "chat.not_found");
    harness.world.end().await;
}

#[tokio::test]
async fn bad_input_is_refused_with_what_to_do() {
    let harness = Harness::new().await;
    let [ada, _bob] = harness.members(["ada", "bob"]);
    ada.post("/v1/conversations", &json!({"members": []})).await.refused(422, "chat.invalid_members");
    ada.post("/v1/conversations", &json!({"members": ["ada"]})).await.refused(422, "chat.invalid_members");
    ada.post("/v1/conversations", &json!({"members": ["nemo"]})).await.refused(404, "chat.no_such_person");
    ada.post("/v1/conversations", &json!({"members": ["../x"]})).await.refused(404, "chat.no_such_person");
    ada.get("/v1/conversations?box=attic").await.refused(400, "request.invalid");
    ada.get("/v1/conversations?after=x").await.refused(400, "request.invalid");
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let send = async |body: Value| ada.post(&format!("{conversation}/messages"), &body).await;
    send(json!({"client_id": "a", "text": " "})).await.refused(422, "chat.invalid_text");
    send(json!({"client_id": "a b", "text": "x"})).await.refused(422, "chat.invalid_text");
    send(json!({"client_id": "a", "media": ["5kT0vYq8Zb3mXw1RcHs9Ga"]})).await.refused(422, "chat.no_such_media");
    let of_nothing = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b80";
    send(json!({"client_id": "a", "text": "x", "reply_to": of_nothing})).await.refused(422, "chat.invalid_text");
    ada.get(&format!("{conversation}/changes?after=x")).await.refused(400, "request.invalid");
    ada.get(&format!("{conversation}/changes?after=9")).await.refused(410, "chat.changes_reset");
    ada.get(&format!("{conversation}/changes?after=0&epoch=1")).await.refused(410, "chat.changes_reset");
    ada.patch(&conversation, &json!({"name": "x"})).await.refused(409, "chat.not_a_group");

    // A request that is sent twice is done once.
    let again = async || {
        let request = ada.request(Method::POST, &format!("{conversation}/messages")).header("idempotency-key", "k1");
        ada.send(request.json(&json!({"client_id": "k", "text": "x"}))).await.expect(201)
    };
    let (sent, repeated) = (again().await, again().await);
    assert_eq!((repeated.header("idempotent-replay"), sent.json()), ("true", repeated.json()));
    harness.world.end().await;
}

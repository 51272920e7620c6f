//! Groups: who is brought in, who looks after them, and what those who have left read.

use http::Method;
use serde_json::{Value, json};

use crate::fixtures::{Harness, boxed, changes, texts};

#[tokio::test]
async fn who_has_left_reads_nothing_newer() {
    let harness = Harness::new().await;
    let [ada, bob, cy, dora] = harness.members(["ada", "bob", "cy", "dora"]);
    harness.follow(&bob, &ada);
    let group = harness.begin(&ada, &["bob", "cy"], Some("Choir")).await;
    // Bob follows Ada; Cy is asked first.
    assert_eq!((boxed(&bob, "inbox").await.len(), boxed(&cy, "requests").await.len()), (1, 1));
    harness.say(&ada, &group, "one").await.expect(201);
    harness.say(&bob, &group, "two").await.expect(201);
    assert_eq!(texts(&bob, &group).await, ["two", "one"]);
    cy.post(&format!("{group}/accept"), &json!({})).await.expect(200);
    let kinds = changes(&bob, &group, 0).await;
    assert_eq!(kinds, ["none", "joined", "message", "message", "joined"], "what was before Bob is nothing to him");

    bob.delete(&group).await.expect(204);
    let photo = harness.photo(&ada);
    let body = json!({"client_id": "x", "text": "three", "media": [photo]});
    let after = ada.post(&format!("{group}/messages"), &body).await.expect(201).json();
    let newer = format!("/v1/messages/{}", after["id"].as_str().unwrap());
    bob.get(&newer).await.refused(404, "chat.not_found");
    assert_eq!(texts(&bob, &group).await, ["two", "one"]);
    assert_eq!(changes(&bob, &group, 5).await, ["left"]);
    let view = bob.get(&group).await.expect(200).json();
    assert_eq!((&view["state"], &view["can"]["write"], &view["last_seq"]), (&json!("left"), &json!(false), &json!(6)));
    assert_eq!((&view["members"], &view["picture"]), (&json!([]), &Value::Null), "nor who takes part now");
    harness.say(&bob, &group, "let me in").await.refused(403, "chat.not_a_member");
    assert!(boxed(&bob, "inbox").await.is_empty());

    // The link lets people in from then on, until it is renewed.
    cy.send(cy.request(Method::PUT, &format!("{group}/invite"))).await.refused(403, "chat.not_admin");
    let link = async || -> String {
        let link = ada.send(ada.request(Method::PUT, &format!("{group}/invite"))).await.expect(200).json();
        format!("/v1/chat/invites/{}", link["token"].as_str().unwrap())
    };
    let (old, new) = (link().await, link().await);
    dora.post(&old, &json!({})).await.refused(404, "chat.no_such_invite");
    dora.post(&new, &json!({})).await.expect(200);
    assert!(texts(&dora, &group).await.is_empty());
    harness.say(&ada, &group, "four").await.expect(201);
    assert_eq!(texts(&dora, &group).await, ["four"]);

    // An admin changes the group, takes people out, and leaves it to the eldest.
    cy.patch(&group, &json!({"name": "Band"})).await.refused(403, "chat.not_admin");
    let changed = ada.patch(&group, &json!({"name": "Band", "picture": photo})).await.expect(200).json();
    assert_eq!(changed["name"], "Band");
    assert!(changed["picture"].as_str().unwrap().contains("?t="));
    ada.delete(&format!("{group}/members/{}", dora.id)).await.expect(204);
    harness.say(&ada, &group, "five").await.expect(201);
    assert_eq!(texts(&dora, &group).await, ["four"]);
    // The link brings back who has left, and not who was taken out: they are asked.
    dora.post(&new, &json!({})).await.refused(403, "chat.not_a_member");
    bob.post(&new, &json!({})).await.expect(200);
    bob.delete(&group).await.expect(204);
    ada.delete(&format!("{group}/members/{}", bob.id)).await.expect(204);
    bob.post(&new, &json!({})).await.refused(403, "chat.not_a_member");
    harness.world.clock().advance(chrono::TimeDelta::minutes(1));
    ada.post(&format!("{group}/members"), &json!({"members": ["dora"]})).await.expect(200);
    dora.post(&new, &json!({})).await.expect(200);
    dora.delete(&group).await.expect(204);
    ada.delete(&group).await.expect(204);
    let members: Value = cy.get(&group).await.expect(200).json()["members"].clone();
    assert_eq!((members.as_array().unwrap().len(), &members[0]["admin"]), (1, &json!(true)));
    harness.world.end().await;
}

#[tokio::test]
async fn groups_and_requests_to_join_them_have_bounds() {
    let harness = Harness::new().await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    // A new member who asks many strangers at once is refused, and they hear nothing of it.
    let strangers: Vec<String> = (0..5).map(|number| format!("stranger{number}")).collect();
    let others: Vec<_> = strangers.iter().map(|name| harness.member(name)).collect();
    let body = json!({"members": strangers, "name": "Offers"});
    let refused = ada.post("/v1/conversations", &body).await.refused(403, "chat.refused").json();
    assert_eq!(refused["reason"], "screening.many_recipients");
    assert!(boxed(&others[0], "requests").await.is_empty());
    let group = harness.begin(&ada, &["bob"], Some("Two")).await;
    ada.post(&format!("{group}/members"), &json!({"members": ["cy"]})).await.expect(200);
    // A block clears what waits.
    harness.block(&cy, &ada).await;
    assert!(boxed(&cy, "requests").await.is_empty() && boxed(&bob, "requests").await.len() == 1);
    bob.post(&format!("{group}/decline"), &json!({})).await.expect(204);
    ada.post(&format!("{group}/members"), &json!({"members": ["bob"]})).await.expect(200);
    assert!(boxed(&bob, "requests").await.is_empty(), "who has declined is not asked again");
    ada.post(&format!("{group}/members"), &json!({"members": ["cy"]})).await.refused(404, "chat.no_such_person");
    // Who has blocked the caller and who does not exist are one answer, also for an id.
    let absent = uuid::Uuid::now_v7();
    let mut answers = Vec::new();
    for id in [cy.id, absent] {
        for path in ["/v1/conversations".to_owned(), format!("{group}/members")] {
            let refused = ada.post(&path, &json!({"members": [id]})).await.refused(404, "chat.no_such_person");
            answers.push(refused.json()["detail"].as_str().unwrap().replace(&id.to_string(), "…"));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.contains('…')), "{answers:#?}");
    harness.world.end().await;
}

#[tokio::test]
async fn who_is_asked_has_a_place_that_a_link_does_not_give_away() {
    let harness = Harness::with("chat.max_members=2").await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    let group = harness.begin(&ada, &["bob"], Some("Two")).await;
    let link = ada.send(ada.request(Method::PUT, &format!("{group}/invite"))).await.expect(200).json();
    let link = format!("/v1/chat/invites/{}", link["token"].as_str().unwrap());
    cy.post(&link, &json!({})).await.refused(409, "chat.group_full");
    bob.post(&link, &json!({})).await.expect(200);

    // A conversation in which nothing happens goes by itself, and only that.
    let empty = harness.begin(&ada, &["cy"], None).await;
    harness.world.clock().advance(chrono::TimeDelta::days(8));
    let gone = async || (ada.get(&empty).await.status == 404).then_some(());
    harness.world.wait_for("an empty conversation is removed", gone).await;
    ada.get(&group).await.expect(200);
    harness.world.end().await;
}

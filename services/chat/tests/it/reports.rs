//! Reports of messages, and what moderation decides about them.

use contract::AccountId;
use contract::moderation::{Action, Decided, Reported, Thing};
use contract::social::talk::ReportReason;
use serde_json::{Value, json};
use testkit::fake_role;
use uuid::Uuid;

use crate::fixtures::{Harness, changes};

/// Returns the URL of a message that was sent.
fn url(sent: &Value) -> String {
    format!("/v1/messages/{}", sent["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_message_is_reported_with_what_it_was_and_removed_once_by_a_decision() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<Reported>();
    moderation.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let photo = harness.photo(&ada);
    let body = json!({"client_id": "1", "text": "a rude word", "media": [photo]});
    let sent = ada.post(&format!("{conversation}/messages"), &body).await.expect(201).json();
    let (message, spam) = (url(&sent), json!({"reason": "spam", "text": "Again."}));
    let reports = format!("{message}/reports");

    eve.post(&reports, &spam).await.refused(404, "chat.not_found");
    let none = format!("/v1/messages/{}/reports", Uuid::nil());
    bob.post(&none, &spam).await.refused(404, "chat.not_found");
    ada.post(&reports, &spam).await.refused(422, "chat.invalid_report");
    bob.post(&reports, &json!({"reason": "other"})).await.refused(422, "chat.invalid_report");
    // What he has deleted for himself, he has seen.
    bob.delete(&message).await.expect(204);
    assert_eq!(bob.post(&reports, &spam).await.expect(201).json()["state"], "open");
    bob.post(&reports, &spam).await.refused(409, "chat.reported_already");
    harness.world.settle().await;
    let reported = moderation.events::<Reported>();
    let [reported] = reported.as_slice() else { panic!("{reported:?}") };
    let thing = Thing { role: "chat".into(), kind: "message".into(), id: sent["id"].as_str().unwrap().into() };
    assert_eq!((&reported.thing, reported.owner, reported.reporter.0), (&thing, AccountId(ada.id), bob.id));
    assert_eq!((reported.reason, reported.text.as_str()), (ReportReason::Spam, "Again."));
    let evidence = &reported.evidence;
    assert_eq!((evidence.text.as_str(), evidence.media.as_slice()), ("a rude word", [photo].as_slice()));
    assert_eq!(evidence.place.as_deref(), conversation.rsplit('/').next());

    let decided = |thing: Thing, removes: bool| Decided {
        id: reported.id,
        case: reported.id,
        thing,
        owner: AccountId(ada.id),
        action: if removes { Action::Remove } else { Action::Keep },
        reason: ReportReason::Spam,
        statement: "No rude words, please.".into(),
        until: None,
        removes,
        blocked_media: Vec::new(),
        by: AccountId(eve.id),
        at: harness.world.clock().now(),
    };
    harness.publish(&decided(Thing { role: "social".into(), ..thing.clone() }, true)).await;
    harness.publish(&decided(thing.clone(), false)).await;
    assert_eq!(ada.get(&message).await.expect(200).json()["state"], "sent");
    for _ in 0..2 {
        harness.publish(&decided(thing.clone(), true)).await;
    }
    assert_eq!(changes(&ada, &conversation, 0).await, ["message", "none", "removed"]);
    let gone = ada.get(&message).await.expect(200).json();
    assert_eq!((&gone["state"], &gone["text"], &gone["media"]), (&json!("removed"), &json!(""), &json!([])));
    harness.world.end().await;
}

#[tokio::test]
async fn who_has_left_or_declined_reports_what_was_shown_and_nothing_newer() {
    let harness = Harness::new().await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    harness.follow(&bob, &ada);
    let group = harness.begin(&ada, &["bob", "cy"], Some("Choir")).await;
    let seen = harness.say(&ada, &group, "one").await.expect(201).json();
    bob.delete(&group).await.expect(204);
    let newer = harness.say(&ada, &group, "two").await.expect(201).json();
    let report = json!({"reason": "harassment"});
    bob.post(&format!("{}/reports", url(&seen)), &report).await.expect(201);
    bob.post(&format!("{}/reports", url(&newer)), &report).await.refused(404, "chat.not_found");

    let pair = harness.begin(&ada, &["cy"], None).await;
    let asked = harness.say(&ada, &pair, "psst").await.expect(201).json();
    cy.post(&format!("{pair}/decline"), &json!({})).await.expect(204);
    cy.get(&url(&asked)).await.refused(404, "chat.not_found");
    cy.post(&format!("{}/reports", url(&asked)), &report).await.expect(201);
    harness.world.end().await;
}

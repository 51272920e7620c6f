//! Scores of classifiers, and marks of owners and moderators: who sees what blurred, and what the other roles are told.

use contract::MediaId;
use contract::media::{FindOwnedItems, FindPreview, Sensitivity, SensitivityChanged};
use contract::transcode::Classified;
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};

use crate::fixtures::{png, send};
use crate::item_events::publish;
use crate::public_items::make_ready;

/// Whether the view of an item says that it stays blurred.
async fn is_sensitive(reader: &TestClient, item: &str) -> bool {
    reader.get(item).await.expect(200).json()["sensitive"].as_bool().unwrap()
}

#[tokio::test]
async fn a_score_blurs_and_people_overturn_it() {
    let world = World::of(&[media::service()]).await;
    let chat = fake_role("chat").records::<SensitivityChanged>();
    chat.join(&world).await;
    let (ada, bob, moderator) = (world.ada(), world.bob(), world.operator("mia", &["moderator"]));
    let sent = send(&ada, "?visibility=public", "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    assert_eq!(sent["sensitive"], false);
    let id: MediaId = sent["id"].as_str().unwrap().parse().unwrap();
    let item = format!("/v1/media/{id}");
    let score = async |nudity: u16| {
        publish(&world, &Classified { id: id.clone(), nudity, model: "stand-in 1".into() }).await;
    };
    let seen = async || (is_sensitive(&ada, &item).await, is_sensitive(&bob, &item).await);

    make_ready(&world, id.as_str()).await;
    let has_preview = async || {
        let preview = world.process.peers.ask(&FindPreview(id.clone())).await.unwrap().unwrap();
        preview.image.is_some()
    };
    score(199).await;
    assert_eq!((seen().await, has_preview().await), ((false, false), true));
    score(500).await;
    assert!(!has_preview().await, "another site would not blur it");
    assert_eq!(seen().await, (false, true), "in doubt, strangers see it blurred");
    score(500).await;
    score(950).await;
    assert_eq!(seen().await, (true, true));
    let told = chat.events::<SensitivityChanged>();
    let versions: Vec<u64> = told.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3], "what is known already is not told again");
    assert_eq!(told[2].sensitivity, Sensitivity::Sensitive);

    // The owner softens, and does not overrule; anyone else marks nothing.
    bob.patch(&item, &json!({"sensitive": false})).await.refused(404, "media.not_found");
    let view = ada.patch(&item, &json!({"sensitive": false})).await.expect(200).json();
    assert_eq!((view["sensitive"].as_bool(), seen().await), (Some(false), (false, true)));
    score(500).await;
    assert_eq!(seen().await, (false, false));
    ada.patch(&item, &json!({"sensitive": true})).await.expect(200);
    assert_eq!(seen().await, (true, true));

    // A moderator decides, for the scores of tomorrow too.
    let mark = async |sensitive: Value| {
        let body = json!({"sensitive": sensitive, "reason": "A statue."});
        let url = format!("/v1/admin/media/{id}/sensitivity");
        moderator.send(moderator.request(Method::PUT, &url).json(&body)).await
    };
    score(1000).await;
    let marked = mark(json!(false)).await.expect(200).json();
    assert_eq!((&marked["nudity_score"], &marked["marked_sensitive"]), (&json!(1.0), &json!(false)));
    assert_eq!(seen().await, (false, false));
    let query = FindOwnedItems { owner: contract::AccountId(ada.id), ids: vec![id.clone()] };
    let owned = world.process.peers.ask(&query).await.unwrap().unwrap_or_default().remove(0);
    assert_eq!((owned.sensitivity, owned.nudity), (Sensitivity::Clear, None), "verdicts are not made of it any more");
    mark(Value::Null).await.expect(200);
    assert_eq!(seen().await, (true, true));
    let unexplained = json!({"sensitive": true, "reason": " "});
    let url = format!("/v1/admin/media/{}/sensitivity", MediaId::random());
    let refused = moderator.send(moderator.request(Method::PUT, &url).json(&unexplained)).await;
    refused.refused(422, "request.invalid");
    let explained = json!({"sensitive": true, "reason": "Reported."});
    moderator.send(moderator.request(Method::PUT, &url).json(&explained)).await.refused(404, "media.not_found");
    world.end().await;
}

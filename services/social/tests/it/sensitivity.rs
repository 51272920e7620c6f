//! How sensitive the media of posts and greetings are: what is blurred for a stranger, a follower and the owner.

use contract::AccountId;
use contract::media::{Conversion, Kind, Sensitivity, SensitivityChanged};
use serde_json::json;

use crate::fixtures::{Harness, follow, url};

#[tokio::test]
async fn a_sensitive_picture_is_blurred_for_all_but_its_owner_and_a_doubt_for_strangers() {
    let harness = Harness::new().await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    follow(&bob, "ada").await;
    // That its owner follows cy does not make her one of those whom cy knows.
    follow(&ada, "cy").await;
    let photo = harness.item(&ada, Kind::Photo, Conversion::Ready);
    let body = json!({"text": "", "audience": "public", "media": [photo]});
    let post = ada.post("/v1/posts", &body).await.expect(201).json();
    let visitor = harness.world.anonymous();
    let seen = async || {
        let mut seen = Vec::new();
        for reader in [&ada, &bob, &cy, &visitor] {
            let view = reader.get(&url(&post)).await.expect(200).json();
            seen.push(view["media"][0]["sensitive"].as_bool().unwrap());
        }
        seen
    };
    let owner = AccountId(ada.id);
    let changed = |sensitivity, version| SensitivityChanged { id: photo.clone(), owner, sensitivity, version };
    assert_eq!(seen().await, [false, false, false, false]);
    harness.publish(&changed(Sensitivity::Unsure, 1)).await;
    assert_eq!(seen().await, [false, false, true, true]);
    harness.publish(&changed(Sensitivity::Sensitive, 3)).await;
    harness.publish(&changed(Sensitivity::Clear, 2)).await;
    assert_eq!(seen().await, [false, true, true, true], "an older event changes nothing");
    let list = bob.get("/v1/accounts/ada/posts").await.expect(200).json();
    assert_eq!(list["items"][0]["media"][0]["sensitive"], true);
    harness.publish(&changed(Sensitivity::Clear, 4)).await;
    assert_eq!(seen().await, [false, false, false, false], "a moderator has overturned it");

    // What media knows already counts from the first moment, in greetings too.
    let clip = harness.item(&ada, Kind::Video, Conversion::Ready);
    harness.change_item(&ada, &clip, |item| {
        item.sensitivity = Sensitivity::Unsure;
        item.sensitivity_version = 1;
    });
    let body = json!({"text": "", "audience": "public", "media": [clip]});
    let known = ada.post("/v1/posts", &body).await.expect(201).json();
    assert_eq!(known["media"][0]["sensitive"], false);
    assert_eq!(cy.get(&url(&known)).await.expect(200).json()["media"][0]["sensitive"], true);
    let body = json!({"media": clip, "to_name": "Grandma"});
    let greeting = ada.post("/v1/greetings", &body).await.expect(201).json();
    assert_eq!(greeting["media"]["sensitive"], false);
    let link = greeting["url"].as_str().unwrap().replace("/g/", "/v1/greetings/");
    assert_eq!(cy.get(&link).await.expect(200).json()["media"]["sensitive"], true);
    harness.world.end().await;
}

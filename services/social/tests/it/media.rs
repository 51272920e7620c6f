//! Posts with media: whose they are, when the post appears, and what becomes of it.

use contract::media::{Changed, Conversion, Deleted, Kind, Visibility};
use contract::transcode::{Failed, Playable, Ready};
use contract::{AccountId, MediaId};
use db::{Lane, Sql as _};
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, each, join, open, part_url, parts_url, url};

async fn post_with(member: &TestClient, media: &[&MediaId], text: &str) -> Value {
    let body = json!({"text": text, "audience": "public", "media": media});
    member.post("/v1/posts", &body).await.expect(201).json()
}

fn playable(id: &MediaId) -> Playable {
    Playable { id: id.clone(), width: Some(1280), height: Some(720), duration_ms: Some(5000) }
}

#[tokio::test]
async fn a_post_appears_when_its_media_can_be_shown() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let (one, two) = (
        harness.item(&ada, Kind::Video, Conversion::Processing),
        harness.item(&ada, Kind::Video, Conversion::Received),
    );
    let waiting = post_with(&ada, &[&one, &two], "").await;
    assert_eq!((&waiting["state"], &waiting["published_at"]), (&json!("waiting"), &Value::Null));
    bob.get(&url(&waiting)).await.refused(404, "social.not_found");
    harness.publish(&playable(&one)).await;
    bob.get(&url(&waiting)).await.refused(404, "social.not_found");
    harness.world.clock().advance(chrono::TimeDelta::seconds(1));
    let failed =
        Failed { id: two.clone(), code: "transcode.no_picture".into(), detail: "No picture.".into(), retry: Some(0) };
    harness.publish(&failed).await;
    let seen = bob.get(&url(&waiting)).await.expect(200).json();
    assert_eq!((&seen["state"], seen["media"].as_array().unwrap().len()), (&json!("published"), 1));
    let item = &seen["media"][0];
    assert_eq!((&item["width"], &item["alt"]), (&json!(1280), &json!("from the library")));
    assert!(item["urls"]["hls"].as_str().unwrap().starts_with(&format!("/v1/media/{one}/hls/master.m3u8?t=")));
    let own = ada.get(&url(&waiting)).await.expect(200).json();
    assert_eq!(own["media"][1]["state"], "failed", "its author learns why");
    assert_eq!(own["published_at"], seen["published_at"]);
    assert!(own["published_at"].as_str() > own["created_at"].as_str());

    // A late event about an earlier state changes nothing; a conversion that is retried shows its item after all.
    let ready = |id: &MediaId| Ready {
        id: id.clone(),
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: vec!["poster".into(), "storyboard".into()],
        pictures: vec![],
    };
    harness.publish(&ready(&one)).await;
    harness.publish(&playable(&one)).await;
    harness.publish(&ready(&two)).await;
    harness.publish(&failed).await;
    let seen = bob.get(&url(&waiting)).await.expect(200).json();
    assert_eq!((&seen["media"][0]["state"], &seen["media"][1]["state"]), (&json!("ready"), &json!("ready")));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn an_event_that_came_before_the_post_is_made_up_for() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let video = harness.item(&ada, Kind::Video, Conversion::Processing);
    let waiting = post_with(&ada, &[&video], "soon").await;
    let lost = harness.item(&ada, Kind::Video, Conversion::Processing);
    let alone = post_with(&ada, &[&lost], "without it").await;
    assert_eq!((&waiting["state"], &alone["state"]), (&json!("waiting"), &json!("waiting")));
    // The conversion has ended, and no event about it will come.
    harness.change_item(&ada, &video, |item| item.state = Conversion::Ready);
    harness.remove_item(&ada, &lost);
    harness.world.clock().advance(chrono::TimeDelta::minutes(2));
    let is_published = async |post: &Value| ada.get(&url(post)).await.expect(200).json()["state"] == "published";
    let appear = async || (is_published(&waiting).await && is_published(&alone).await).then_some(());
    harness.world.wait_for("the job asks about them", appear).await;
    assert_eq!(harness.world.anonymous().get(&url(&alone)).await.expect(200).json()["media"], json!([]));
    harness.world.end().await;
}

#[tokio::test]
async fn media_of_others_are_refused_and_what_is_deleted_leaves_the_post() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let own = harness.item(&ada, Kind::Photo, Conversion::Ready);
    let staged = harness.item(&ada, Kind::Photo, Conversion::Ready);
    harness.change_item(&ada, &staged, |item| item.staged = true);
    let foreign = harness.item(&bob, Kind::Photo, Conversion::Ready);
    for wrong in [&foreign, &staged, &MediaId::random()] {
        let body = json!({"text": "x", "audience": "public", "media": [own, wrong]});
        ada.post("/v1/posts", &body).await.refused(422, "social.no_such_media");
    }
    assert_eq!(harness.count("post").await, 0);

    let (bare, told) = (post_with(&ada, &[&own], "").await, post_with(&ada, &[&own], "with words").await);
    // In the trash, the item is shown to nobody; restored, it is there again.
    let changed = |trashed: bool, version: u64| Changed {
        id: own.clone(),
        name: "a".into(),
        tags: vec![],
        visibility: Visibility::Private,
        trashed,
        captions: vec![],
        version,
    };
    let media = async || bob.get(&url(&told)).await.expect(200).json()["media"].as_array().unwrap().len();
    harness.publish(&changed(true, 3)).await;
    harness.publish(&changed(false, 2)).await;
    assert_eq!(media().await, 0);
    // Of the one without words, nothing is left to show to others.
    let texts = async |reader: &TestClient| {
        let page = reader.get("/v1/accounts/ada/posts").await.expect(200).json();
        each(&page, "text").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    bob.get(&url(&bare)).await.refused(404, "social.not_found");
    ada.get(&url(&bare)).await.expect(200);
    assert_eq!((texts(&bob).await, texts(&ada).await.len()), (vec!["with words".to_owned()], 2));
    harness.publish(&changed(false, 4)).await;
    assert_eq!(media().await, 1);
    bob.get(&url(&bare)).await.expect(200);

    harness.publish(&Deleted { id: own.clone(), owner: AccountId(ada.id) }).await;
    assert_eq!(media().await, 0);
    ada.get(&url(&bare)).await.refused(404, "social.not_found");
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_part_leaves_its_thread_with_its_clip() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let thread = open(&harness, &ada, "open", 1, "public").await;
    let clip = harness.clip(&bob);
    let body = json!({"media": clip, "text": "My line"});
    let part = bob.post(&parts_url(&thread), &body).await.expect(201).json();
    harness.publish(&Deleted { id: clip, owner: AccountId(bob.id) }).await;
    ada.get(&part_url(&part)).await.refused(404, "social.not_found");
    let own = bob.get(&part_url(&part)).await.expect(200).json();
    assert_eq!((&own["state"], &own["reason"]), (&json!("removed"), &json!("The clip was removed.")));
    // Its place is free.
    join(&harness, &ada, &thread).await.expect(201);
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn an_item_that_was_missing_for_a_moment_is_shown_after_all() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let video = harness.item(&ada, Kind::Video, Conversion::Processing);
    let waiting = post_with(&ada, &[&video], "").await;
    let hidden = async || (harness.count("post_media where is_hidden").await == 1).then_some(());
    harness
        .without_item(&ada, &video, async {
            harness.world.clock().advance(chrono::TimeDelta::minutes(2));
            harness.world.wait_for("the job misses it", hidden).await;
        })
        .await;
    // It was restored before that was written, so no event about it will come.
    harness.change_item(&ada, &video, |item| item.state = Conversion::Ready);
    harness.world.clock().advance(chrono::TimeDelta::minutes(2));
    let published = async || {
        let post = ada.get(&url(&waiting)).await.expect(200).json();
        (post["state"] == "published").then_some(())
    };
    harness.world.wait_for("the job finds it", published).await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_post_that_cannot_be_settled_holds_up_no_other() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let (broken, video) = (
        harness.item(&ada, Kind::Video, Conversion::Processing),
        harness.item(&ada, Kind::Video, Conversion::Processing),
    );
    post_with(&ada, &[&broken], "one").await;
    harness.world.clock().advance(chrono::TimeDelta::seconds(1));
    let waiting = post_with(&ada, &[&video], "two").await;
    let db = harness.world.context("social").db.clone();
    let (text, id) = ("update post_media set state = 'no state' where media = $1", broken.to_string());
    db.write(Lane::ALL, async move |tx| tx.execute(text, vec![id.into()]).await).await.unwrap();
    harness.change_item(&ada, &video, |item| item.state = Conversion::Ready);
    harness.world.clock().advance(chrono::TimeDelta::minutes(2));
    let published = async || {
        let post = ada.get(&url(&waiting)).await.expect(200).json();
        (post["state"] == "published").then_some(())
    };
    harness.world.wait_for("the job asks about the other one", published).await;
    harness.world.end().await;
}

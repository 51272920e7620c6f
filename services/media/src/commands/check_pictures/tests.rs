//! What becomes of items when the list changes after they were stored.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::media::Visibility;
use contract::moderation::{Action, Decided, Overturned, Screened, Thing};
use contract::social::talk::ReportReason;
use contract::transcode::{PictureHashes, Ready};
use db::schedule::{Job, claim};
use http::Method;
use screening::pdq::Pdq;
use serde_json::json;
use testkit::{TestClient, World, fake_role};

use super::*;
use crate::commands::{block_media, set_ready, settle_verdict, unblock_media};
use crate::store::items;
use crate::tests::{process, silence};

/// Returns a hash with so many bits set, which is as far from that with others.
fn hash(bits: u32) -> Pdq {
    Pdq::from_words([(1_u64 << bits) - 1, u64::MAX, 0, 0])
}

/// Returns a picture with this hash, whose other hashes are far from all.
fn picture(bits: u32) -> PictureHashes {
    let far = Pdq::from_words([0, 0, u64::MAX, u64::MAX]);
    let hashes = std::iter::once(hash(bits)).chain(std::iter::repeat_n(far, 7));
    PictureHashes { hashes: hashes.map(|hash| hash.to_string()).collect(), quality: 90 }
}

/// Sends a public item with these pictures. The files of two sizes have other bytes.
async fn send(media: &Media, member: &TestClient, size: usize, pictures: Vec<PictureHashes>) -> MediaId {
    let request = member.request(Method::POST, "/v1/media?visibility=public").header("content-type", "audio/wav");
    let item = member.send(request.body(silence(size))).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    let (width, height, duration_ms, thumbhash, assets) = (None, None, None, None, Vec::new());
    let ready = Ready { id: id.clone(), width, height, duration_ms, thumbhash, assets, pictures };
    set_ready(media, ready).await.unwrap();
    id
}

async fn find(media: &Media, id: &MediaId) -> Item {
    items::find(media.context.db.read(), id).await.unwrap().unwrap()
}

/// Returns the event that undoes a decision.
fn overturned(decided: &Decided) -> Overturned {
    Overturned {
        id: decided.id,
        thing: decided.thing.clone(),
        owner: decided.owner,
        action: decided.action,
        check: None,
        unblocked_media: decided.blocked_media.clone(),
        by: decided.by,
        at: decided.at,
    }
}

/// Returns a moderator's decision that removes an item of a member.
fn removal(id: &MediaId, owner: Uuid, at: DateTime<Utc>) -> Decided {
    Decided {
        id: Uuid::from_u128(7),
        case: Uuid::from_u128(1),
        thing: Thing { role: "media".into(), kind: "item".into(), id: id.to_string() },
        owner: AccountId(owner),
        action: Action::Remove,
        reason: ReportReason::Nudity,
        statement: "Not here.".into(),
        until: None,
        removes: true,
        blocked_media: Vec::new(),
        by: AccountId(Uuid::from_u128(2)),
        at,
    }
}

/// Runs the job as often as a walk needs.
async fn compare_all(world: &World, media: &Media) {
    for _ in 0..4 {
        world.clock().advance(TimeDelta::seconds(1));
        let job = Job::every("test", TimeDelta::milliseconds(1), async |_| Ok(())).at_once(100);
        let run = claim(&media.context.db, &job, "test", media.context.clock.now()).await.unwrap().unwrap();
        check_pictures(media, &run).await.unwrap();
    }
}

#[tokio::test]
async fn earlier_items_are_withheld_when_a_picture_is_listed_and_shown_when_it_is_removed() {
    let world = World::of(&[crate::service()]).await;
    let media = process(&world, "later").await;
    let moderation = fake_role("moderation").records::<Screened>();
    moderation.join(&world).await;
    let (ada, bob, olga) = (world.ada(), world.bob(), world.operator("olga", &["operator"]));
    let near = send(&media, &ada, 20_001, vec![picture(63), picture(31)]).await;
    let far = send(&media, &ada, 20_002, vec![picture(32)]).await;
    let list = |hashes: String| {
        let request = olga.request(Method::POST, "/v1/admin/listed-pictures?reason=Known&note=May");
        olga.send(request.header("content-type", "text/plain").body(hashes))
    };
    let imported = list(format!("{}\n", hash(0))).await.expect(200).json();
    assert_eq!(imported, json!({"added": 1, "known": 0}));
    compare_all(&world, &media).await;
    let reason = find(&media, &near).await.withheld.unwrap();
    assert_eq!((reason.visibility, reason.entry.is_some()), (Visibility::Public, true));
    assert!(find(&media, &far).await.withheld.is_none(), "32 bits differ");
    bob.get(&format!("/v1/media/{near}")).await.refused(404, "media.not_found");
    bob.get(&format!("/v1/media/{far}")).await.expect(200);
    world.settle().await;
    let told = moderation.events::<Screened>();
    assert_eq!(told.iter().map(|told| (told.id, told.is_held)).collect::<Vec<_>>(), [(reason.verdict, true)]);

    // Another entry that it is like keeps it withheld, by the same verdict.
    list(hash(33).to_string()).await.expect(200);
    compare_all(&world, &media).await;
    let page = olga.get("/v1/admin/listed-pictures").await.expect(200).json();
    for (entry, withheld) in [(&page["items"][1], true), (&page["items"][0], false)] {
        let path = format!("/v1/admin/listed-pictures/{}", entry["id"].as_str().unwrap());
        let body = json!({ "reason": "A logo." });
        olga.send(olga.request(Method::DELETE, &path).json(&body)).await.expect(204);
        olga.send(olga.request(Method::DELETE, &path).json(&body)).await.refused(404, "media.no_such_listed_picture");
        compare_all(&world, &media).await;
        let item = find(&media, &near).await;
        assert_eq!(item.withheld.is_some(), withheld, "{entry}");
        assert!(item.withheld.is_none_or(|now| now.verdict == reason.verdict));
    }
    assert_eq!(find(&media, &near).await.visibility, Visibility::Public);
    bob.get(&format!("/v1/media/{near}")).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn what_a_moderator_removes_while_it_is_compared_is_not_shown_again() {
    let world = World::of(&[crate::service()]).await;
    let media = process(&world, "settled").await;
    let (ada, olga) = (world.ada(), world.operator("olga", &["operator"]));
    let id = send(&media, &ada, 20_001, vec![picture(63)]).await;
    let list = olga.request(Method::POST, "/v1/admin/listed-pictures?reason=Known");
    olga.send(list.header("content-type", "text/plain").body(hash(63).to_string())).await.expect(200);
    compare_all(&world, &media).await;
    let read_before = find(&media, &id).await;
    settle_verdict(&media, &removal(&id, ada.id, world.clock().now())).await.unwrap();
    change_entry(&media, &read_before, None).await.unwrap();
    let (before, after) = (read_before.withheld.unwrap(), find(&media, &id).await.withheld.unwrap());
    assert_eq!((before.entry.is_some(), after.verdict, after.entry), (true, before.verdict, None));
    world.end().await;
}

#[tokio::test]
async fn what_a_decision_blocks_is_listed_until_it_is_overturned() {
    let world = World::of(&[crate::service()]).await;
    let media = process(&world, "decided").await;
    let (ada, bob) = (world.ada(), world.bob());
    let blocked = send(&media, &ada, 20_001, vec![picture(10), picture(60)]).await;
    let copy = send(&media, &bob, 20_002, vec![picture(63), picture(14)]).await;
    let scene = send(&media, &bob, 20_003, vec![picture(61)]).await;
    let decided = Decided {
        thing: Thing { role: "social".into(), kind: "post".into(), id: "p1".into() },
        blocked_media: vec![blocked.clone()],
        ..removal(&blocked, ada.id, world.clock().now())
    };
    block_media(&media, &decided).await.unwrap();
    block_media(&media, &decided).await.unwrap();
    compare_all(&world, &media).await;
    let Item { withheld, version, .. } = find(&media, &blocked).await;
    let reason = withheld.unwrap();
    assert_eq!((reason.verdict, reason.entry), (decided.id, None), "it is appealed by the decision");
    assert!(find(&media, &copy).await.withheld.is_some_and(|reason| reason.verdict != decided.id));
    assert!(find(&media, &scene).await.withheld.is_none(), "of a video, the poster alone is listed");
    let later = send(&media, &bob, 20_004, vec![picture(8)]).await;
    assert!(find(&media, &later).await.withheld.is_some(), "one that is sent afterwards is withheld at once");

    // Another decision names it too, so it is never shown in between.
    let second = Decided { id: Uuid::from_u128(8), ..decided.clone() };
    block_media(&media, &second).await.unwrap();
    unblock_media(&media, &overturned(&decided)).await.unwrap();
    let kept = find(&media, &blocked).await;
    assert_eq!((kept.withheld.as_ref().map(|reason| reason.verdict), kept.version), (Some(second.id), version));
    unblock_media(&media, &overturned(&second)).await.unwrap();
    block_media(&media, &decided).await.unwrap();
    compare_all(&world, &media).await;
    for id in [&blocked, &copy, &later] {
        let item = find(&media, id).await;
        assert_eq!((item.withheld, item.visibility), (None, Visibility::Public));
    }
    assert_eq!(listed_pictures::count(media.context.db.read()).await.unwrap(), 0);
    world.end().await;
}

//! Announcements over HTTP: what operators announce, and what members see and count.

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http_server::operators::Act;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{Follower, LIST, react, world_of};
use crate::happenings::{exact, kinds};

const ANNOUNCEMENTS: &str = "/v1/admin/announcements";
const PREFERENCES: &str = "/v1/notifications/preferences";

async fn announce(operator: &TestClient, body: &Value) -> Value {
    operator.post(ANNOUNCEMENTS, body).await.expect(201).json()
}

fn text(text: &str) -> Value {
    json!({"category": "service", "texts": {"en": text}})
}

/// Returns how many members have seen each announcement, the latest first.
async fn seen_counts(operator: &TestClient) -> Vec<u64> {
    let list = operator.get(ANNOUNCEMENTS).await.expect(200).json();
    list["items"].as_array().unwrap().iter().map(|item| item["seen_count"].as_u64().unwrap()).collect()
}

async fn prefer(member: &TestClient, preferences: &Value) {
    member.send(member.request(Method::PUT, PREFERENCES).json(preferences)).await.expect(200);
}

fn next_moment(world: &World) {
    world.clock().advance(TimeDelta::seconds(1));
}

#[tokio::test]
async fn an_announcement_is_in_lists_and_counts_until_it_is_over_or_cancelled() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let operator = world.operator("root", &["operator"]);
    react(&world, &bob, &ada, 1).await;
    next_moment(&world);
    let first = announce(&operator, &json!({"category": "service", "texts": {"en": "Hello", "fr": "Bonjour"}})).await;
    next_moment(&world);
    react(&world, &bob, &ada, 2).await;
    let list = exact(&world, &ada).await;
    assert_eq!(kinds(&list), ["reacted", "announcement", "reacted"]);
    assert_eq!((&list["items"][1]["text"], &list["unread"]), (&json!("Hello"), &json!(3)));
    let counts = world.process.peers.ask(&contract::notify::FindNoticeCounts(crate::happenings::account(&bob))).await;
    assert_eq!(counts.unwrap().unwrap().unread, 1);

    // Until the oldest one: the announcement arrived later.
    let oldest = list["items"][2]["id"].clone();
    ada.post(&format!("{LIST}/read"), &json!({"until": oldest})).await.expect(200);
    assert_eq!(exact(&world, &ada).await["unread"], 2);
    let page = ada.get(&format!("{LIST}?limit=1")).await.expect(200).json();
    let page = ada.get(&format!("{LIST}?limit=1&after={}", page["next"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(kinds(&page), ["announcement"], "a walk by `next` visits it");

    let later = announce(&operator, &text("Again")).await;
    for _ in 0..2 {
        ada.post(&format!("{LIST}/seen"), &json!({"until": first["id"]})).await.expect(200);
        ada.post(&format!("{LIST}/read"), &json!({"ids": [first["id"]]})).await.expect(200);
    }
    bob.post(&format!("{LIST}/read"), &json!({"until": later["id"]})).await.expect(200);
    assert_eq!(seen_counts(&operator).await, [1, 2], "each member counts once");
    let list = exact(&world, &ada).await;
    assert_eq!((&list["unseen"], &list["unread"]), (&json!(2), &json!(2)));
    assert_eq!(exact(&world, &bob).await["unread"], 0);

    let path = format!("{LIST}/{}", later["id"].as_str().unwrap());
    ada.delete(&path).await.expect(204);
    ada.delete(&path).await.refused(404, "notify.not_found");
    assert_eq!(kinds(&exact(&world, &ada).await), ["reacted", "announcement", "reacted"]);
    let path = format!("{ANNOUNCEMENTS}/{}", first["id"].as_str().unwrap());
    for _ in 0..2 {
        operator.delete(&path).await.expect(204);
    }
    assert_eq!(kinds(&exact(&world, &ada).await), ["reacted", "reacted"]);
    assert_eq!(kinds(&exact(&world, &bob).await), ["announcement"]);
    world.clock().advance(TimeDelta::days(15));
    let bob = world.member("bob");
    assert_eq!(kinds(&exact(&world, &bob).await), Vec::<&str>::new());
    world.end().await;
}

#[tokio::test]
async fn an_announcement_is_for_a_role_or_a_language_from_its_beginning_on_and_read_until_leaves_it() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let (operator, curator) = (world.operator("root", &["operator"]), world.member_with("eve", &["member", "curator"]));
    let begins = world.clock().now() + TimeDelta::hours(1);
    announce(&operator, &json!({"category": "service", "role": "curator", "texts": {"en": "Curators"}})).await;
    let french = json!({"category": "service", "language": "fr", "texts": {"fr": "Bonjour"}});
    announce(&operator, &french).await;
    announce(&operator, &json!({"category": "service", "texts": {"en": "Later"}, "starts_at": begins})).await;
    prefer(&bob, &json!({"language": "fr"})).await;
    for (member, count) in [(&ada, 0), (&bob, 1), (&curator, 1)] {
        assert_eq!(exact(&world, member).await["unread"], count);
    }
    // Read all before it begins, also with an id that is greater than all.
    let all = uuid::Uuid::max();
    bob.post(&format!("{LIST}/read"), &json!({"until": all})).await.expect(200);
    assert_eq!(exact(&world, &bob).await["unread"], 0);
    world.clock().advance(TimeDelta::hours(1));
    for (member, count) in [(&ada, 1), (&bob, 1), (&curator, 2)] {
        assert_eq!(exact(&world, member).await["unread"], count);
    }
    world.end().await;
}

#[tokio::test]
async fn a_stream_sends_an_announcement_when_it_is_made() {
    let (world, [ada]) = world_of(["ada"]).await;
    let operator = world.operator("root", &["operator"]);
    announce(&operator, &text("Before")).await;
    next_moment(&world);
    let mut stream = Follower::open(&ada, None).await;
    let counts = stream.next().await.unwrap();
    assert_eq!((counts.event.as_str(), &counts.data["unread"]), ("counts", &json!(1)));
    let made = announce(&operator, &text("Now")).await;
    let notice = stream.next().await.unwrap();
    assert_eq!((notice.event.as_str(), &notice.data["id"]), ("notice", &made["id"]));
    assert_eq!((&notice.data["text"], &notice.data["kind"]), (&json!("Now"), &json!("announcement")));
    assert_eq!(stream.next().await.unwrap().data["unread"], 2);
    drop(stream);
    world.end().await;
}

#[tokio::test]
async fn promotions_are_for_those_who_chose_them_and_no_more_of_a_week_than_they_chose() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let operator = world.operator("root", &["operator"]);
    let promotion = || json!({"category": "promotion", "texts": {"en": "Cheap"}});
    announce(&operator, &promotion()).await;
    next_moment(&world);
    prefer(&bob, &json!({"promotions": 1})).await;
    assert_eq!(exact(&world, &bob).await["unread"], 0, "it began before the consent");
    for _ in 0..2 {
        announce(&operator, &promotion()).await;
        next_moment(&world);
    }
    assert_eq!((&exact(&world, &ada).await["unread"], &exact(&world, &bob).await["unread"]), (&json!(0), &json!(1)));
    prefer(&bob, &json!({"promotions": null})).await;
    assert_eq!(exact(&world, &bob).await["unread"], 0);
    world.end().await;
}

#[tokio::test]
async fn only_operators_announce_and_every_act_is_recorded() {
    let (world, [ada]) = world_of(["ada"]).await;
    let accounts = testkit::fake_role("accounts").records::<Act>();
    accounts.join(&world).await;
    let operator = world.operator("root", &["operator"]);
    world.anonymous().post(ANNOUNCEMENTS, &text("x")).await.refused(401, "auth.required");
    for caller in [&ada, &world.operator("mod", &["moderator"])] {
        assert_eq!(caller.post(ANNOUNCEMENTS, &text("x")).await.status.as_u16(), 403);
        assert_eq!(caller.get(ANNOUNCEMENTS).await.status.as_u16(), 403);
        let path = format!("{ANNOUNCEMENTS}/{}", uuid::Uuid::nil());
        assert_eq!(caller.delete(&path).await.status.as_u16(), 403);
    }
    let now: DateTime<Utc> = world.clock().now();
    for wrong in [
        json!({"category": "service", "texts": {}}),
        json!({"category": "service", "texts": {"en": ""}}),
        json!({"category": "service", "texts": {"en": "x"}, "language": "ar"}),
        json!({"category": "service", "texts": {"en": "x"}, "url": "javascript:alert(1)"}),
        json!({"category": "service", "texts": {"en": "x"}, "ends_at": now}),
    ] {
        operator.post(ANNOUNCEMENTS, &wrong).await.refused(422, "notify.invalid_announcement");
    }
    let unknown = json!({"category": "service", "texts": {"de": "x"}});
    assert_eq!(operator.post(ANNOUNCEMENTS, &unknown).await.status.as_u16(), 422);
    let made = announce(&operator, &text("x")).await;
    operator.delete(&format!("{ANNOUNCEMENTS}/{}", made["id"].as_str().unwrap())).await.expect(204);
    let missing = format!("{ANNOUNCEMENTS}/{}", uuid::Uuid::nil());
    operator.delete(&missing).await.refused(404, "notify.no_such_announcement");
    for _ in 0..7 {
        announce(&operator, &text("x")).await;
    }
    operator.post(ANNOUNCEMENTS, &text("x")).await.refused(409, "notify.too_many_announcements");
    world.settle().await;
    let acts = accounts.events::<Act>();
    let count = |action: &str| acts.iter().filter(|act| act.action == action).count();
    assert_eq!((count("notify.announced"), count("notify.announcement_cancelled")), (8, 1));
    world.end().await;
}

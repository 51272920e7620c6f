//! An erased account leaves nothing, and the counts of others stay right.

use chrono::TimeDelta;
use contract::MediaId;
use contract::accounts::Erased;
use contract::dates::DateChanged;
use contract::media::Kind;
use contract::social::Audience;
use db::{FromQueryResult, Sql as _};
use http::Method;
use serde_json::json;
use testkit::World;
use uuid::Uuid;

use crate::fixtures::{follow, publish_all, react, world_of};
use crate::happenings::{account, comment, exact, follow_all, kinds, post, upload};

/// Tables with rows about members, but for the list of erased accounts.
const TABLES: [&str; 14] = [
    "person",
    "relation",
    "settings",
    "subject_mute",
    "media_owner",
    "fan_out",
    "recipient",
    "notice",
    "notice_entry",
    "notice_mail",
    "reminder",
    "announcement_reader",
    "announcement_mark",
    "dated_member",
];

async fn count(world: &World, table: &str) -> i64 {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let text = format!("select count(*) as total from {table}");
    let row: Option<Count> = world.context("notify").db.read().row(&text, vec![]).await.unwrap();
    row.unwrap().total
}

#[tokio::test]
async fn an_erased_account_leaves_nothing_and_late_events_do_not_bring_it_back() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    follow_all(&world, &[&ada], &bob).await;
    follow(&world, &bob, &ada).await;
    let posted = post(&world, &ada, 1, Audience::Public);
    publish_all(&world, std::slice::from_ref(&posted)).await;
    let operator = world.operator("root", &["operator"]);
    let announcement = json!({"category": "service", "texts": {"en": "Hello"}});
    let announced = operator.post("/v1/admin/announcements", &announcement).await.expect(201).json();
    let announced = format!("/v1/notifications/{}", announced["id"].as_str().unwrap());
    for (actor, author, number) in [(&ada, &bob, 2), (&bob, &ada, 3)] {
        actor.delete(&announced).await.expect(204);
        let dated = DateChanged {
            subject: Uuid::from_u128(number + 20),
            date: Some(world.clock().now() + TimeDelta::days(30)),
            zone: "UTC".to_owned(),
            members: vec![account(actor)],
            version: 1,
        };
        publish_all(&world, &[dated]).await;
        react(&world, actor, author, number).await;
        publish_all(&world, &[comment(&world, actor, author, number, number + 10)]).await;
        publish_all(&world, &[upload(&world, actor, &MediaId::random(), Kind::Video)]).await;
        let preferences = json!({"kinds": {"reacted": {"from": "nobody"}, "commented": {"mail": "daily"}}});
        actor.send(actor.request(Method::PUT, "/v1/notifications/preferences").json(&preferences)).await.expect(200);
        let reminder = json!({"text": "x", "at": "2036-01-01T09:00", "zone": "UTC"});
        actor.post("/v1/reminders", &reminder).await.expect(201);
        exact(&world, actor).await;
        let path = format!("/v1/notifications/mutes/{}", posted.id);
        actor.send(actor.request(Method::PUT, &path)).await.expect(204);
    }
    for table in TABLES {
        assert!(count(&world, table).await > 0, "{table}");
    }
    assert_eq!(kinds(&exact(&world, &bob).await), ["commented", "reacted", "posted", "followed"]);

    let erased =
        |member, handle: &str| Erased { account: account(member), handle: handle.into(), at: world.clock().now() };
    publish_all(&world, &[erased(&ada, "ada")]).await;
    assert_eq!(exact(&world, &bob).await["items"], json!([]));
    react(&world, &ada, &bob, 5).await;
    react(&world, &bob, &ada, 6).await;
    follow_all(&world, &[&ada], &bob).await;
    follow(&world, &bob, &ada).await;
    publish_all(&world, &[posted]).await;
    publish_all(&world, &[upload(&world, &ada, &MediaId::random(), Kind::Video)]).await;
    assert_eq!(exact(&world, &bob).await["items"], json!([]));
    publish_all(&world, &[erased(&bob, "bob")]).await;
    for table in TABLES {
        assert_eq!(count(&world, table).await, 0, "{table}");
    }
    world.end().await;
}

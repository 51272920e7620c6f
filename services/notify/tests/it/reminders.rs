//! Reminders over HTTP.

use chrono::TimeDelta;
use contract::AccountId;
use contract::dates::DateChanged;
use contract::social::{Audience, Posted};
use db::{Lane, Sql as _};
use http::Method;
use serde_json::{Value, json};
use testkit::World;
use uuid::Uuid;

use crate::fixtures::{publish_all, world_of};
use crate::happenings::{account, post, remove_post};

const REMINDERS: &str = "/v1/reminders";

#[tokio::test]
async fn a_reminder_is_set_listed_put_off_and_removed_by_its_member_alone() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let body = json!({"text": " Choose the song ", "at": "2036-03-30T02:30", "zone": "Europe/Berlin"});
    let created = ada.post(REMINDERS, &body).await.expect(201);
    let reminder = created.json();
    assert_eq!((&reminder["text"], &reminder["at"]), (&json!("Choose the song"), &json!("2036-03-30T01:30:00Z")));
    let path = format!("{REMINDERS}/{}", reminder["id"].as_str().unwrap());
    let listed = async |of: &testkit::TestClient| of.get(REMINDERS).await.expect(200).json()["items"].clone();
    assert_eq!((listed(&ada).await, listed(&bob).await), (json!([reminder]), json!([])));

    let snooze = format!("{path}/snooze");
    for (path, method) in [(&path, Method::DELETE), (&snooze, Method::POST)] {
        let sent = bob.send(bob.request(method.clone(), path).json(&json!({"minutes": 5}))).await;
        sent.refused(404, "notify.no_such_reminder");
        world.anonymous().send(world.anonymous().request(method, path)).await.refused(401, "auth.required");
    }
    let put_off = ada.post(&snooze, &json!({"minutes": 5})).await.expect(200).json();
    assert_eq!((&put_off["snoozed"], &put_off["state"]), (&json!(true), &json!("waiting")));
    for minutes in [json!(0), json!(43_201), json!(-1), json!("5")] {
        assert_eq!(ada.post(&snooze, &json!({"minutes": minutes})).await.status.as_u16(), 422);
    }
    ada.delete(&path).await.expect(204);
    ada.delete(&path).await.refused(404, "notify.no_such_reminder");
    assert_eq!(listed(&ada).await, json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_reminder_follows_a_date_that_its_member_sees() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let (now, subject) = (world.clock().now(), Uuid::from_u128(70));
    let changed = |date, version| DateChanged {
        subject,
        date,
        zone: "Asia/Tokyo".to_owned(),
        members: vec![account(&ada)],
        version,
    };
    let body = |subject: Uuid| json!({"text": "x", "subject": subject, "days_before": 3, "time": "09:00"});
    ada.post(REMINDERS, &body(subject)).await.refused(404, "notify.no_such_date");
    publish_all(&world, &[changed(Some(now + TimeDelta::days(30)), 1)]).await;
    let refused = bob.post(REMINDERS, &body(subject)).await.refused(404, "notify.no_such_date").json();
    assert_eq!(refused["detail"], bob.post(REMINDERS, &body(Uuid::nil())).await.expect(404).json()["detail"]);
    ada.post(REMINDERS, &body(subject)).await.expect(201);
    let shown = async || ada.get(REMINDERS).await.expect(200).json()["items"][0].clone();
    let before = shown().await["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(before.format("%H:%M").to_string(), "00:00", "09:00 there");
    publish_all(&world, &[changed(Some(now + TimeDelta::days(40)), 2), changed(Some(now + TimeDelta::days(35)), 1)])
        .await;
    assert_eq!(shown().await["at"], json!(before + TimeDelta::days(10)));
    publish_all(&world, &[changed(None, 3)]).await;
    assert_eq!(shown().await["state"], "cancelled");

    // A story has an end, which its author sees.
    let expires_at = Some(now + TimeDelta::days(10));
    let story = Posted { expires_at, ..post(&world, &ada, 71, Audience::Public) };
    let id = story.id;
    publish_all(&world, std::slice::from_ref(&story)).await;
    bob.post(REMINDERS, &body(id)).await.refused(404, "notify.no_such_date");
    ada.post(REMINDERS, &body(id)).await.expect(201);
    remove_post(&world, &ada, 71).await;
    publish_all(&world, &[story]).await;
    assert_eq!(shown().await["state"], "cancelled");
    ada.post(REMINDERS, &body(id)).await.refused(404, "notify.no_such_date");
    world.end().await;
}

const INSERT: &str = "
    insert into reminder (
        id, member, text, zone, local_time, subject_version, at_us, state, is_snoozed, version
    )
    values ($1, $2, 'x', 'UTC', '2036-01-01T09:00', 0, 1, 'fired', false, 1)";

/// Gives a member reminders that have fired.
async fn insert_reminders(world: &World, member: AccountId, count: u128) {
    let db = world.context("notify").db.clone();
    let written: Result<(), db::Error> = db
        .write(Lane::ALL, async move |tx| {
            for number in 1..=count {
                tx.execute(INSERT, vec![Uuid::from_u128(number).into(), member.0.into()]).await?;
            }
            Ok(())
        })
        .await;
    written.unwrap();
}

#[tokio::test]
async fn bad_reminders_are_refused_with_a_sentence_and_their_number_is_bounded() {
    let (world, [ada]) = world_of(["ada"]).await;
    let valid = || json!({"text": "x", "at": "2036-01-01T09:00", "zone": "UTC"});
    let with = |name: &str, value: Value| {
        let mut body = valid();
        body[name] = value;
        body
    };
    for body in [
        json!({"text": "x"}),
        json!({"text": "x", "at": "2036-01-01T09:00"}),
        json!({"text": "x", "subject": Uuid::nil(), "days_before": 731, "time": "09:00"}),
        json!({"text": "x", "subject": Uuid::nil(), "days_before": 1, "time": "9"}),
        with("text", json!(" ")),
        with("text", json!("x".repeat(201))),
        with("text", json!("a\nb")),
        with("at", json!("2036-02-30T09:00")),
        with("at", json!("2036-01-01T09:00Z")),
        with("at", json!("2020-01-01T09:00")),
        with("at", json!("9999-01-01T09:00")),
        with("zone", json!("Europe/Atlantis")),
        with("days_before", json!(1)),
    ] {
        ada.post(REMINDERS, &body).await.refused(422, "notify.invalid_reminder");
    }
    world.anonymous().post(REMINDERS, &valid()).await.refused(401, "auth.required");
    insert_reminders(&world, account(&ada), 499).await;
    ada.post(REMINDERS, &valid()).await.expect(201);
    ada.post(REMINDERS, &valid()).await.refused(409, "notify.too_many_reminders");
    world.end().await;
}

//! Receivers that fail: retries over three days, disabling, redelivery, and a process that dies.

use super::receiver::Answer;
use super::*;
use chrono::{DateTime, TimeDelta, Utc};
use contract::webhooks::DisabledReason;

/// Moves the clock to the next attempt of a delivery.
fn advance_to_next(world: &World, delivery: &Value) {
    let next: DateTime<Utc> = delivery["next_attempt_at"].as_str().unwrap().parse().unwrap();
    world.clock().advance(next - world.clock().now());
}

fn attempts(delivery: &Value) -> usize {
    delivery["attempts"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_receiver_that_fails_for_three_days_is_disabled_and_gets_everything_once_it_is_enabled_again() {
    let world = local().start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    receiver.answer("/down", Answer::Status(500));
    let (webhook, _) = create(&operator, &receiver, "/down", &["account.privacy_changed"]).await;
    let began = world.clock().now();
    publish_change(&world, "e1").await;
    for number in 1..10 {
        let newest = wait_for_newest(&world, &webhook, "an attempt is recorded", |one| attempts(one) == number).await;
        assert_eq!((&newest["state"], receiver.received("/down").len()), (&json!("waiting"), number));
        advance_to_next(&world, &newest);
    }
    let given_up = wait_for_newest(&world, &webhook, "it is given up", |one| one["state"] == "failed").await;
    let last = &given_up["attempts"][9];
    assert_eq!((&last["status"], &last["response"], attempts(&given_up)), (&json!(500), &json!("an answer"), 10));
    let days = (world.clock().now() - began).num_hours() / 24;
    assert!((2..=3).contains(&days), "{days} days");
    let shown = operator.get(&webhook).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["disabled_reason"]), (&json!("disabled"), &json!("failing")));
    let told = disabled(&world).await;
    let [told] = &told[..] else { panic!("it is told once") };
    assert_eq!((told.reason, told.host.as_str()), (DisabledReason::Failing, "127.0.0.1"));
    assert_eq!(told.operator, Some(AccountId(operator.id)));

    // A disabled webhook gets nothing, and nothing is sent to it.
    publish_change(&world, "e2").await;
    operator.post(&format!("{webhook}/test"), &json!({})).await.refused(409, "webhooks.disabled");
    let redeliver = format!("{webhook}/deliveries/{}/redeliver", given_up["id"].as_str().unwrap());
    operator.post(&redeliver, &json!({})).await.refused(409, "webhooks.disabled");
    assert_eq!(deliveries(&operator, &webhook).await.len(), 1);

    receiver.answer("/down", Answer::Status(200));
    let enabled = operator.patch(&webhook, &json!({ "state": "active" })).await.expect(200).json();
    assert_eq!((&enabled["state"], &enabled["disabled_at"]), (&json!("active"), &Value::Null));
    operator.post(&redeliver, &json!({})).await.expect(202);
    let again = wait_for_newest(&world, &webhook, "it arrives", |one| one["state"] == "delivered").await;
    assert_eq!(attempts(&again), 11);
    let received = receiver.received("/down");
    assert!(received.iter().all(|message| message.header("webhook-id") == "e1" && message.body == received[0].body));
    world.end().await;
}

#[tokio::test]
async fn answers_decide_what_follows() {
    let world = local().start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    for (path, answer) in [
        ("/gone", Answer::Status(410)),
        ("/busy", Answer::Busy(3600)),
        ("/moved", Answer::Status(308)),
        ("/good", Answer::Status(202)),
    ] {
        receiver.answer(path, answer);
    }
    let mut webhooks = Vec::new();
    for path in ["/gone", "/busy", "/moved", "/good"] {
        webhooks.push(create(&operator, &receiver, path, &["account.privacy_changed"]).await.0);
    }
    let [gone, busy, moved, good] = &webhooks[..] else { panic!("there are four") };
    let now = world.clock().now();
    publish_change(&world, "e1").await;
    let newest = wait_for_newest(&world, gone, "it is given up", |one| one["state"] == "failed").await;
    assert_eq!(attempts(&newest), 1);
    let shown = operator.get(gone).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    assert_eq!(disabled(&world).await.iter().map(|told| told.reason).collect::<Vec<_>>(), [DisabledReason::Gone]);

    // Nothing at all is sent to a receiver that asks for time.
    let newest = wait_for_newest(&world, busy, "an attempt is recorded", |one| attempts(one) == 1).await;
    let next: DateTime<Utc> = newest["next_attempt_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(next, now + TimeDelta::hours(1));
    publish_change(&world, "e2").await;
    let newest = wait_for_newest(&world, moved, "an attempt is recorded", |one| attempts(one) == 1).await;
    assert!(newest["attempts"][0]["error"].as_str().unwrap().contains("redirects"), "{newest}");
    receiver.wait_for(&world, "/good", 2).await;
    assert_eq!(receiver.received("/busy").len(), 1);
    receiver.answer("/busy", Answer::Status(204));
    world.clock().advance(TimeDelta::hours(1));
    receiver.wait_for(&world, "/busy", 3).await;
    wait_for_newest(&world, good, "it arrives", |one| one["state"] == "delivered").await;
    world.end().await;
}

#[tokio::test]
async fn a_process_that_dies_between_sending_and_recording_sends_the_same_message_again() {
    let receiver = Receiver::start().await;
    receiver.answer("/hook", Answer::Hang);
    let world = local().start(&[webhooks::service()]).await;
    let (webhook, _) = create(&operator(&world), &receiver, "/hook", &["account.privacy_changed"]).await;
    publish_change(&world, "e1").await;
    receiver.wait_for(&world, "/hook", 1).await;
    let folder = world.crash().await;
    receiver.answer("/hook", Answer::Status(204));

    let world = local().in_folder(folder).start(&[webhooks::service()]).await;
    // On PostgreSQL the lease of the process that died ends by itself.
    world.clock().advance(TimeDelta::minutes(5));
    let newest = wait_for_newest(&world, &webhook, "it arrives", |one| one["state"] == "delivered").await;
    assert_eq!((&newest["event_id"], attempts(&newest)), (&json!("e1"), 1));
    let received = receiver.received("/hook");
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|message| message.header("webhook-id") == "e1" && message.body == received[0].body));
    world.end().await;
}

//! When reminders fire: at their local time, once, whatever happens at the same time.
//!
//! Invariant: every firing is looked for as a notice of its member.

use chrono::{DateTime, TimeDelta, Utc};
use db::schedule::{Job, claim};
use http_server::Effect;
use testkit::World;

use super::*;
use crate::commands;
use crate::history::{Filter, Notice};
use crate::model::{DatedSubject, LocalTime, Rule, TimeOfDay};
use crate::store::dates;
use crate::tests::state;

const ADA: AccountId = AccountId(Uuid::from_u128(1));
/// Races of a firing with a change of its date.
const ROUNDS: u128 = 30;
/// How often the other task may run first.
const MAX_YIELDS: u64 = 40;

fn advance_to(world: &World, time: &str) {
    let time: DateTime<Utc> = time.parse().unwrap();
    world.clock().advance(time - world.clock().now());
}

/// Runs the job of a process as it runs at this time, and lets what has fired be told.
async fn run(world: &World, notify: &Notify, process: &'static str) {
    let job = Job::every(process, TimeDelta::milliseconds(1), async |_| Ok(())).at_once(100);
    if let Some(run) = claim(&notify.context.db, &job, process, world.clock().now()).await.unwrap() {
        fire_reminders(notify, &run).await.unwrap();
    }
    world.settle().await;
}

async fn told(notify: &Notify) -> Vec<Notice> {
    let filter = Filter { kind: Some(NoticeKind::Reminder), ..Filter::default() };
    notify.history.list(ADA, filter, Uuid::max(), 100).await.unwrap()
}

/// Returns how many notices there are of a reminder.
async fn count_told(notify: &Notify, reminder: Uuid) -> usize {
    let subject = Some(reminder.to_string());
    told(notify).await.iter().filter(|notice| notice.subject == subject).count()
}

async fn find(notify: &Notify, id: Uuid) -> Reminder {
    reminders::find(notify.context.db.read(), ADA, id).await.unwrap().unwrap()
}

fn dated(subject: u128, date: Option<DateTime<Utc>>, version: i64) -> DatedSubject {
    DatedSubject { subject: Uuid::from_u128(subject), date, zone: "Asia/Tokyo".to_owned(), version }
}

/// Lets ada be reminded at 09:00 of the day of a date.
async fn remind(notify: &Notify, subject: u128) -> Reminder {
    let (subject, time) = (Uuid::from_u128(subject), TimeOfDay::hour(9));
    let rule = Rule::Before { subject, days: 0, time, zone: None };
    commands::create_reminder(notify, ADA, "flowers".into(), rule, Effect::default()).await.unwrap()
}

#[tokio::test]
async fn in_both_nights_of_a_clock_change_a_reminder_fires_at_its_local_time_once() {
    let world = World::of(&[crate::service()]).await;
    let processes = [state(&world), state(&world)];
    // Far ahead: the clock of a world begins with the machine's.
    advance_to(&world, "2040-01-01T00:00:00Z");
    for (local, before, at) in [
        ("2040-03-25T02:30", "2040-03-25T01:29:59Z", "2040-03-25T01:30:00Z"),
        ("2040-10-28T02:30", "2040-10-28T00:29:59Z", "2040-10-28T00:30:00Z"),
    ] {
        let rule = Rule::At { local: LocalTime::parse(local).unwrap(), zone: "Europe/Berlin".to_owned() };
        let reminder =
            commands::create_reminder(&processes[0], ADA, local.to_owned(), rule, Effect::default()).await.unwrap();
        advance_to(&world, before);
        run(&world, &processes[0], "first").await;
        assert_eq!(find(&processes[0], reminder.id).await.state, ReminderState::Waiting, "{local}");
        advance_to(&world, at);
        tokio::join!(run(&world, &processes[0], "first"), run(&world, &processes[1], "second"));
        // The wall clock shows the time again in autumn.
        for _ in 0..2 {
            world.clock().advance(TimeDelta::hours(1));
            run(&world, &processes[1], "second").await;
        }
        let fired = find(&processes[0], reminder.id).await;
        assert_eq!((fired.state, fired.version), (ReminderState::Fired, 1), "{local}");
        assert_eq!(count_told(&processes[0], reminder.id).await, 1, "{local}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_reminder_that_is_moved_or_cancelled_while_it_fires_fires_once_at_most() {
    let world = World::of(&[crate::service()]).await;
    let notify = state(&world);
    advance_to(&world, "2040-01-01T00:00:00Z");
    for round in 0..ROUNDS {
        let (now, subject) = (world.clock().now(), 100 + round);
        let date = now + TimeDelta::days(2);
        commands::set_date(&notify, dated(subject, Some(date), 1), vec![ADA]).await.unwrap();
        let reminder = remind(&notify, subject).await;
        world.clock().advance(reminder.at - now);
        let new_date = (round % 3 > 0).then(|| date + TimeDelta::days(7));
        let change = async {
            for _ in 0..notify.context.random.below(MAX_YIELDS) {
                tokio::task::yield_now().await;
            }
            commands::set_date(&notify, dated(subject, new_date, 2), vec![ADA]).await.unwrap();
        };
        tokio::join!(change, run(&world, &notify, "first"));
        let after = find(&notify, reminder.id).await;
        match after.state {
            ReminderState::Fired => {}
            ReminderState::Cancelled => assert_eq!(new_date, None, "round {round}"),
            ReminderState::Waiting => assert_eq!(after.at, reminder.at + TimeDelta::days(7), "round {round}"),
        }
        world.clock().advance(TimeDelta::days(8));
        run(&world, &notify, "first").await;
        let last = find(&notify, reminder.id).await;
        assert!(last.state != ReminderState::Waiting && last.version <= 1, "round {round}: {last:?}");
        assert_eq!(count_told(&notify, reminder.id).await, usize::try_from(last.version).unwrap(), "round {round}");
        commands::remove_reminder(&notify, ADA, reminder.id).await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_reminder_follows_its_date_before_the_walk_has_reached_it_and_ends_with_the_right_to_see_it() {
    let world = World::of(&[crate::service()]).await;
    let notify = state(&world);
    advance_to(&world, "2040-01-01T00:00:00Z");
    let date = world.clock().now() + TimeDelta::days(2);
    for subject in [7, 8] {
        commands::set_date(&notify, dated(subject, Some(date), 1), vec![ADA]).await.unwrap();
    }
    let (moved, hidden) = (remind(&notify, 7).await, remind(&notify, 8).await);
    // As a process leaves it that is killed between the two steps.
    let later = dated(7, Some(date + TimeDelta::days(7)), 2);
    let now = world.clock().now();
    let written: Result<(), db::Error> = notify
        .context
        .db
        .write(Lane::of(&later.subject), async move |tx| dates::set(tx, &later, &[ADA], now).await)
        .await;
    written.unwrap();
    commands::set_date(&notify, dated(8, Some(date), 2), vec![]).await.unwrap();
    // An older version that arrives late.
    commands::set_date(&notify, dated(8, Some(date), 1), vec![ADA]).await.unwrap();
    world.clock().advance(TimeDelta::days(3));
    run(&world, &notify, "first").await;
    let (moved, hidden) = (find(&notify, moved.id).await, find(&notify, hidden.id).await);
    assert_eq!((moved.state, moved.at), (ReminderState::Waiting, "2040-01-10T00:00:00Z".parse().unwrap()));
    assert_eq!(hidden.state, ReminderState::Cancelled);
    assert_eq!(told(&notify).await, []);
    world.end().await;
}

#[tokio::test]
async fn a_reminder_that_was_put_off_fires_once_more() {
    let world = World::of(&[crate::service()]).await;
    let notify = state(&world);
    advance_to(&world, "2040-01-01T00:00:00Z");
    let rule = Rule::At { local: LocalTime::parse("2040-01-01T12:00").unwrap(), zone: "UTC".to_owned() };
    let reminder = commands::create_reminder(&notify, ADA, "flowers".into(), rule, Effect::default()).await.unwrap();
    world.clock().advance(TimeDelta::hours(12));
    run(&world, &notify, "first").await;
    let first = told(&notify).await;
    commands::snooze_reminder(&notify, ADA, reminder.id, TimeDelta::minutes(10)).await.unwrap();
    for minutes in [9, 1, 1] {
        world.clock().advance(TimeDelta::minutes(minutes));
        run(&world, &notify, "first").await;
    }
    let again = told(&notify).await;
    assert_eq!((again.len(), again[0].group), (1, first[0].group), "it is the same notice, while it is unread");
    assert!(again[0].id > first[0].id);
    assert_eq!(find(&notify, reminder.id).await.version, 2);
    commands::remove_reminder(&notify, ADA, reminder.id).await.unwrap();
    assert_eq!(told(&notify).await, []);
    world.end().await;
}

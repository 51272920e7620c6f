//! Which notices are mailed, when, and to whom.
//!
//! Invariant: accounts is a role that the test plays; a mail is a file as its recipient gets it.

use db::schedule::{Job, claim};
use serde_json::json;
use testkit::{TestMail, World};

use super::*;
use crate::commands;
use crate::history::{Mark, Marked};
use crate::model::Proposal;
use crate::tests::state;

const ADA: AccountId = AccountId(Uuid::from_u128(1));
const BOB: AccountId = AccountId(Uuid::from_u128(2));
/// A member without a confirmed address.
const EVE: AccountId = AccountId(Uuid::from_u128(3));

/// Returns a world in which ada and bob have mailboxes.
async fn world() -> World {
    let world = World::builder().set("mail.site_url=https://tutti.example").start(&[crate::service()]).await;
    let accounts = testkit::fake_role("accounts").answer::<FindMailboxes>(|path| {
        let mailbox = |(account, handle): (AccountId, &str)| Mailbox {
            account,
            email: format!("{handle}@example.org"),
            handle: handle.to_owned(),
            locale: "fr-FR".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        let asked = path.get("accounts").to_owned();
        let known = [(ADA, "ada"), (BOB, "bob")];
        Some(known.into_iter().filter(|(id, _)| asked.contains(&id.to_string())).map(mailbox).collect())
    });
    accounts.join(&world).await;
    world
}

/// Runs the job as it runs at this time.
async fn run(world: &World, notify: &Notify) {
    let job = Job::every("test", TimeDelta::milliseconds(1), async |_| Ok(())).at_once(100);
    world.clock().advance(TimeDelta::milliseconds(1));
    let run = claim(&notify.context.db, &job, "test", world.clock().now()).await.unwrap().unwrap();
    send_mails(notify, &run).await.unwrap();
}

/// Takes the turn of the world's own job at this time, so that only the test mails.
async fn hold_own_job(world: &World, notify: &Notify) {
    let own = Job::every("notify.mails", TimeDelta::minutes(1), async |_| Ok(()));
    claim(&notify.context.db, &own, "test", world.clock().now()).await.unwrap();
}

async fn prefer(notify: &Notify, member: AccountId, preferences: serde_json::Value) {
    let preferences = serde_json::from_value(preferences).unwrap();
    commands::set_preferences(notify, member, preferences).await.unwrap();
}

/// Tells a member that another has commented on a post of theirs.
async fn tell(world: &World, notify: &Notify, member: AccountId, post: u128, comment: u128) {
    let (kind, actor) = (NoticeKind::Commented, AccountId(Uuid::from_u128(9)));
    let (subject, entry) = (Some(Uuid::from_u128(post)), Uuid::from_u128(comment));
    commands::tell(notify, vec![Proposal::by_entry(kind, member, Some(actor), subject, entry)]).await.unwrap();
    world.settle().await;
}

async fn mails(world: &World, handle: &str) -> Vec<TestMail> {
    world.mails_to(&format!("{handle}@example.org")).await
}

#[tokio::test]
async fn a_notice_is_mailed_once_at_once_and_what_was_read_withdrawn_or_stopped_meanwhile_is_not() {
    let (world, now) = (world().await, json!({"kinds": {"commented": {"mail": "now"}}}));
    let notify = state(&world);
    for member in [ADA, BOB, EVE] {
        prefer(&notify, member, now.clone()).await;
    }
    for member in [ADA, EVE] {
        tell(&world, &notify, member, 1, 11).await;
    }
    run(&world, &notify).await;
    run(&world, &notify).await;
    let sent = mails(&world, "ada").await;
    assert_eq!(world.mails().await.len(), 1, "no address is known of eve");
    assert_eq!((sent[0].subject.as_str(), sent[0].language.as_str()), ("Quelqu’un a commenté votre publication", "fr"));

    // It grows, and is not mailed again; another one waits for the distance between mails.
    tell(&world, &notify, ADA, 1, 12).await;
    tell(&world, &notify, ADA, 2, 13).await;
    run(&world, &notify).await;
    assert_eq!(mails(&world, "ada").await.len(), 1);
    world.clock().advance(TimeDelta::minutes(5));
    run(&world, &notify).await;
    assert_eq!(mails(&world, "ada").await.len(), 2);

    hold_own_job(&world, &notify).await;
    for post in [3, 4, 5] {
        tell(&world, &notify, BOB, post, 20 + post).await;
    }
    let unread = notify.history.list(BOB, Filter::default(), Uuid::max(), 10).await.unwrap();
    notify.history.mark(BOB, Mark::Read, Marked::Ids(vec![unread[0].id])).await.unwrap();
    notify.history.mark(BOB, Mark::Seen, Marked::Ids(vec![unread[1].id])).await.unwrap();
    commands::remove_subject(&notify, Uuid::from_u128(3).to_string()).await.unwrap();
    run(&world, &notify).await;
    tell(&world, &notify, BOB, 6, 26).await;
    prefer(&notify, BOB, json!({})).await;
    run(&world, &notify).await;
    assert_eq!(mails(&world, "bob").await, []);
    world.end().await;
}

#[tokio::test]
async fn a_digest_is_one_mail_at_the_hour_of_the_members_zone() {
    let world = world().await;
    let notify = state(&world);
    prefer(&notify, ADA, json!({"language": "en", "digest_at": "18:30", "kinds": {"commented": {"mail": "daily"}}}))
        .await;
    let zone = Zone::find("Europe/Berlin").unwrap();
    let time = crate::model::TimeOfDay::parse("18:30").unwrap();
    let at = zone.next(time, world.clock().now() + TimeDelta::minutes(2)).unwrap();
    world.clock().advance(at - TimeDelta::minutes(1) - world.clock().now());
    for post in [1, 2] {
        tell(&world, &notify, ADA, post, 10 + post).await;
    }
    run(&world, &notify).await;
    assert_eq!(world.mails().await.len(), 0);
    world.clock().advance(TimeDelta::minutes(1));
    run(&world, &notify).await;
    let sent = mails(&world, "ada").await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].subject.ends_with(": 2"), "{}", sent[0].subject);
    assert_eq!(sent[0].text.matches("Someone commented on your post").count(), 2, "{}", sent[0].text);
    world.end().await;
}

#[tokio::test]
async fn one_request_stops_the_mails_of_a_kind_and_nothing_else() {
    let world = world().await;
    let notify = state(&world);
    let kinds = json!({"commented": {"mail": "now", "push": false}, "mentioned": {"mail": "now"}});
    prefer(&notify, ADA, json!({"language": "ar", "kinds": kinds})).await;
    tell(&world, &notify, ADA, 1, 11).await;
    run(&world, &notify).await;
    let sent = mails(&world, "ada").await.remove(0);
    assert_eq!(sent.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let header = sent.header("List-Unsubscribe").unwrap();
    let path = header.trim_matches(['<', '>']).strip_prefix("https://tutti.example").unwrap().to_owned();

    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let shown = client.get(format!("{}{path}", world.url)).send().await.unwrap();
    let (_, token) = path.split_once('?').unwrap();
    let location = shown.headers()["location"].to_str().unwrap();
    assert_eq!((shown.status().as_u16(), location), (303, format!("/unsubscribe?{token}").as_str()));
    let before = settings::find(notify.context.db.read(), ADA).await.unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    for _ in 0..2 {
        let request = client.post(format!("{}{path}", world.url)).header(form.0, form.1);
        let stopped = request.body("List-Unsubscribe=One-Click").send().await.unwrap();
        assert_eq!(stopped.status(), 204);
    }
    let after = settings::find(notify.context.db.read(), ADA).await.unwrap();
    let mut expected = before;
    expected.stop_mails(NoticeKind::Commented);
    assert_eq!(after, expected);
    world
        .anonymous()
        .post("/v1/notifications/unsubscribe?token=x", &json!({}))
        .await
        .refused(404, "notify.invalid_link");
    world.end().await;
}

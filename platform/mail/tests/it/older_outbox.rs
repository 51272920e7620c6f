//! What becomes of the mails of an older release: those that wait are sent, and those that were sent can be forgotten.

use base::Clock;
use base::tasks::Tasks;
use chrono::Utc;
use db::{Db, Error, Lane};
use mail::State;
use testkit::{create_older_tables, insert_rows};
use uuid::Uuid;

use crate::harness::{Harness, folder_options, open_mail};

/// The tables before a mail had an account, and before an engine was told to forget.
const VERSION: usize = 5;

const WAITING: &str = "
    insert into mail_outbox (
        id, recipient, language, template, subject, body_text, body_html, state, created_at, due_at
    )
    values (
        $1, 'ada@example.org', 'en', 'test.welcome', 'Welcome, Ada', 'Hello', '<p>Hello</p>', 'waiting', $2, $2
    )";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_in_an_older_database_is_sent_once_and_can_be_forgotten() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(Utc::now()));
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    let (id, now) = (Uuid::now_v7().to_string(), clock.now());
    create_older_tables(&db, VERSION).await;
    insert_rows(&db, vec![(WAITING, vec![id.as_str().into(), now.into()])]).await;
    db.migrate("test", &[]).await.unwrap();

    let mail = open_mail(&folder_options(), folder.path(), &clock);
    let harness = Harness { mail, db, clock, tasks: Tasks::default(), folder, server: None };
    harness.start();
    let sent = harness.wait_for_state(&id, State::Sent, 1).await;
    assert_eq!((sent.attempts, sent.subject.as_str()), (1, "Welcome, Ada"));
    let mails = harness.mails();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["ada@example.org"]);
    let forgot: Result<u64, Error> =
        harness.db.write(Lane::NONE, async move |tx| mail::forget_recipient(tx, "ada@example.org", now).await).await;
    assert_eq!(forgot.unwrap(), 1);
    harness.end().await;
}

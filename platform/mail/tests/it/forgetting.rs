//! What is left of mails that are forgotten, and of those that are old.

use chrono::TimeDelta;
use db::{Db, Error, FromQueryResult, Lane, Sql as _};
use mail::{ENGINE_RETENTION, NewMail, ROW_RETENTION, State};

use crate::harness::{Harness, folder_options, id, on_each_engine, wait_for, welcome};

#[derive(FromQueryResult)]
struct Forgotten {
    mails: i64,
}

/// Returns the number of mails that an engine has to forget, now or later; with `last`, those for the last time.
async fn forgotten(db: &Db, last: bool) -> i64 {
    let text = if last {
        "select count(*) as mails from mail_forgotten where again_at is null"
    } else {
        "select count(*) as mails from mail_forgotten"
    };
    let row: Option<Forgotten> = db.read().row(text, vec![]).await.unwrap();
    row.unwrap().mails
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_mail_leaves_no_row_and_nothing_at_the_engine() {
    on_each_engine(async |harness: &Harness| {
        harness.start();
        let to_ada = harness.enqueue_to("ada@example.org").await;
        let new = welcome(&harness.mail, "carol@example.org", "en", "Carol");
        let about_ada = id(harness.enqueue(NewMail { account: Some("ada".to_owned()), ..new }).await);
        let to_bob = harness.enqueue_to("bob@example.org").await;
        for id in [&to_ada, &about_ada, &to_bob] {
            harness.wait_for_state(id, State::Sent, 1).await;
        }
        let now = harness.clock.now();
        let counts: Result<(u64, u64), Error> = harness
            .db
            .write(Lane::NONE, async move |tx| {
                let to_address = mail::forget_recipient(tx, "ADA@example.org", now).await?;
                Ok((to_address, mail::forget_account(tx, "ada", now).await?))
            })
            .await;
        assert_eq!(counts.unwrap(), (1, 1));
        let left = mail::list(harness.db.read(), &State::Sent.into(), None, 10).await.unwrap();
        assert_eq!(left.iter().map(|mail| &mail.id).collect::<Vec<_>>(), [&to_bob]);
        wait_for("the engine has forgotten them", async || (forgotten(&harness.db, false).await == 0).then_some(()))
            .await;
        if harness.server.is_none() {
            let kept: Vec<String> = harness.mails().into_iter().map(|mail| mail.to).collect();
            assert_eq!(kept, ["bob@example.org"]);
        }
        harness.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_was_being_sent_when_it_was_forgotten_is_forgotten_once_more() {
    let harness = Harness::with(folder_options(), None).await;
    let (id, now) = (harness.enqueue_to("ada@example.org").await, harness.clock.now());
    let lease = now + TimeDelta::minutes(3);
    let forgot: Result<u64, Error> = harness
        .db
        .write(Lane::NONE, async move |tx| {
            tx.execute("update mail_outbox set leased_until = $1", vec![lease.into()]).await?;
            mail::forget_recipient(tx, "ada@example.org", now).await
        })
        .await;
    assert_eq!(forgot.unwrap(), 1);
    harness.start();
    wait_for("it is forgotten", async || (forgotten(&harness.db, true).await == 1).then_some(())).await;
    // The process that had claimed it is slow.
    let file = harness.folder.path().join("mail").join(format!("{id}.eml"));
    std::fs::write(&file, "late").unwrap();
    harness.clock.advance(TimeDelta::minutes(3));
    wait_for("it is forgotten again", async || (forgotten(&harness.db, false).await == 0).then_some(())).await;
    assert!(!file.exists());
    harness.end().await;
}

#[tokio::test]
async fn the_folder_keeps_a_mail_for_a_week_and_other_files_for_ever() {
    assert!(ENGINE_RETENTION < ROW_RETENTION, "otherwise a file could stay without a row that names it");
    let harness = Harness::with(folder_options(), None).await;
    harness.start();
    let id = harness.enqueue_to("ada@example.org").await;
    harness.wait_for_state(&id, State::Sent, 1).await;
    let folder = harness.folder.path().join("mail");
    let (mail, unfinished, other) =
        (folder.join(format!("{id}.eml")), folder.join(format!("{id}.new")), folder.join("00-read-me.txt"));
    std::fs::write(&unfinished, "of a process that was killed").unwrap();
    std::fs::write(&other, "mine").unwrap();
    harness.clock.advance(ENGINE_RETENTION - TimeDelta::minutes(1));
    harness.mail.sweep().await.unwrap();
    assert!(mail.exists() && unfinished.exists());
    harness.clock.advance(TimeDelta::minutes(2));
    harness.mail.sweep().await.unwrap();
    assert!(!mail.exists() && !unfinished.exists() && other.exists());
    harness.end().await;
}

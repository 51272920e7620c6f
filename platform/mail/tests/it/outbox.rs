//! What the port promises whatever the engine is.

use base::Clock;
use base::tasks::Tasks;
use chrono::{TimeDelta, Utc};
use db::{Db, Error, FromQueryResult, Lane, PostgresOptions, Sql as _};
use mail::{Enqueued, MAX_WAITING_PER_ADDRESS, MailOptions, NewMail, State};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::engines::{MailServer, MailServerTls, MailStep, shared_postgres};
use uuid::Uuid;

use crate::harness::{
    Harness, enqueue, folder_options, id, on_each_engine, open_db, open_mail, smtp_options, wait_for, welcome,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_if_and_only_if_its_transaction_commits() {
    on_each_engine(async |harness: &Harness| {
        harness.start();
        let (mail, new) = (harness.mail.clone(), welcome(&harness.mail, "eve@example.org", "en", "Eve"));
        let aborted: Result<(), Error> = harness
            .db
            .write(Lane::NONE, async move |tx| {
                assert!(matches!(mail.enqueue(tx, new).await?, Enqueued::Waiting(_)));
                Err(Error::Conflict)
            })
            .await;
        assert!(aborted.is_err());
        let id = harness.enqueue_to("Ada@Example.org").await;
        let sent = harness.wait_for_state(&id, State::Sent, 1).await;
        assert_eq!((sent.attempts, sent.to.as_str(), sent.template.as_str()), (1, "ada@example.org", "test.welcome"));
        let mails = harness.mails();
        let [mail] = mails.as_slice() else { panic!("{mails:#?}") };
        assert_eq!(mail.to, "ada@example.org");
        assert_eq!(mail.from, ("Tutti".to_owned(), "noreply@tutti.example".to_owned()));
        assert_eq!(mail.subject, "Welcome, Ada");
        assert_eq!(mail.text.trim_end(), "Hello Ada,\n\nhttps://tutti.example/confirm?code=abc&b=1");
        assert_eq!(mail.links, ["https://tutti.example/confirm?code=abc&b=1"]);
        assert!(mail.html.contains("<p>Hello Ada,</p>") && mail.html.contains(">Confirm</a>"), "{}", mail.html);
        assert_eq!(mail.header("Message-ID"), Some(format!("<{id}@tutti.example>")));
        assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(mail.header("Date"), Some(harness.clock.now().format("%a, %d %b %Y %H:%M:%S +0000").to_string()));
        assert_eq!((mail.header("List-Unsubscribe"), mail.header("List-Unsubscribe-Post")), (None, None));
        harness.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_scripts_and_the_longest_address_arrive_as_they_were_written() {
    let label = "d".repeat(62);
    let longest = format!("{}@{label}.{label}.{label}d", "l".repeat(64));
    assert_eq!(longest.len(), 254);
    on_each_engine(async |harness: &Harness| {
        harness.start();
        for to in [longest.as_str(), "ada@bücher.example", "ada@مثال.إختبار"] {
            harness.clock.advance(TimeDelta::seconds(1));
            let id = id(harness.enqueue(welcome(&harness.mail, to, "ar-EG", "آدا")).await);
            harness.wait_for_state(&id, State::Sent, 1).await;
        }
        let mails = harness.mails();
        let addresses: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(addresses, [longest.as_str(), "ada@xn--bcher-kva.example", "ada@xn--mgbh0fb.xn--kgbechtv"]);
        for mail in &mails {
            assert_eq!(mail.subject, "مرحبا بك في Tutti يا آدا، أكد عنوانك من فضلك");
            assert!(mail.text.starts_with("مرحبا آدا\n"), "{}", mail.text);
            assert!(mail.html.contains("dir=\"rtl\"") && mail.html.contains("<p>مرحبا آدا</p>"), "{}", mail.html);
            assert_eq!(mail.language, "ar");
        }
        assert!(harness.delivered().iter().all(|bytes| bytes.is_ascii()));
        harness.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_becomes_a_header_a_recipient_or_a_command() {
    on_each_engine(async |harness: &Harness| {
        harness.start();
        for to in ["ada@example.org\r\nBcc: eve@example.org", "ada@example.org, eve@example.org", "\"a\r\n\"@b.org"] {
            let refused = harness.enqueue(welcome(&harness.mail, to, "en", "Ada")).await;
            assert_eq!(refused, Enqueued::InvalidRecipient, "{to:?}");
        }
        let name = "Ada\r\nBcc: eve@example.org\r\n.\r\nMAIL FROM:<eve@example.org>\r\n\r\n--part";
        let evil = welcome(&harness.mail, "ada@example.org", "en\r\nBcc: eve@example.org", name);
        let unsubscribe = Some("https://a.example/\r\nBcc: eve@example.org".to_owned());
        let id = id(harness.enqueue(NewMail { unsubscribe, ..evil }).await);
        harness.wait_for_state(&id, State::Sent, 1).await;
        let mails = harness.mails();
        let [mail] = mails.as_slice() else { panic!("{mails:#?}") };
        assert_eq!(
            (mail.to.as_str(), mail.header("Bcc"), mail.header("List-Unsubscribe")),
            ("ada@example.org", None, None)
        );
        assert_eq!(mail.subject, "Welcome, Ada Bcc: eve@example.org . MAIL FROM:<eve@example.org> --part");
        assert!(mail.text.contains("\n.\nMAIL FROM:<eve@example.org>\n\n--part,"), "{}", mail.text);
        assert!(mail.html.contains("MAIL FROM:&lt;eve@example.org&gt;"), "{}", mail.html);
        harness.end().await;
    })
    .await;
}

#[tokio::test]
async fn who_may_not_want_a_mail_can_unsubscribe_with_one_click() {
    let harness = Harness::with(folder_options(), None).await;
    harness.start();
    let url = "https://tutti.example/unsubscribe?code=abc".to_owned();
    let new = NewMail { unsubscribe: Some(url.clone()), ..welcome(&harness.mail, "ada@example.org", "en", "Ada") };
    harness.wait_for_state(&id(harness.enqueue(new).await), State::Sent, 1).await;
    let mail = harness.mails().remove(0);
    assert_eq!(mail.header("List-Unsubscribe"), Some(format!("<{url}>")));
    assert_eq!(mail.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    harness.end().await;
}

#[tokio::test]
async fn one_address_cannot_be_flooded_and_others_still_get_theirs() {
    let harness = Harness::with(folder_options(), None).await;
    for _ in 0..MAX_WAITING_PER_ADDRESS {
        harness.enqueue_to("ada@example.org").await;
    }
    let more = welcome(&harness.mail, "ADA@example.org", "en", "Ada");
    assert_eq!(harness.enqueue(more.clone()).await, Enqueued::TooMany);
    let bobs = harness.enqueue_to("bob@example.org").await;
    harness.start();
    harness.wait_for_state(&bobs, State::Sent, 1).await;
    wait_for("the queue is empty", async || {
        (mail::count_due(harness.db.read(), harness.clock.now()).await.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(harness.mails().len(), 21);
    assert!(matches!(harness.enqueue(more).await, Enqueued::Waiting(_)), "what was sent does not count");
    harness.end().await;
}

#[tokio::test]
async fn the_folder_keeps_the_newest_mails_and_only_its_user_can_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let harness = Harness::with(MailOptions { max_files: 3, ..folder_options() }, None).await;
    harness.start();
    for number in 0..5 {
        harness.clock.advance(TimeDelta::seconds(1));
        let id = harness.enqueue_to(&format!("member-{number}@example.org")).await;
        harness.wait_for_state(&id, State::Sent, 1).await;
    }
    let kept: Vec<String> = harness.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(kept, ["member-2@example.org", "member-3@example.org", "member-4@example.org"]);
    let folder = harness.folder.path().join("mail");
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    harness.end().await;
}

#[derive(FromQueryResult)]
struct Bodies {
    bodies: i64,
}

async fn bodies(db: &Db) -> i64 {
    let row: Option<Bodies> = db
        .read()
        .row("select count(*) as bodies from mail_outbox where body_text is not null or body_html is not null", vec![])
        .await
        .unwrap();
    row.unwrap().bodies
}

#[tokio::test]
async fn what_was_sent_loses_its_links_after_an_hour_and_goes_after_a_month() {
    let harness = Harness::with(folder_options(), None).await;
    harness.start();
    let sent = harness.enqueue_to("ada@example.org").await;
    harness.wait_for_state(&sent, State::Sent, 1).await;
    let now = harness.clock.now();
    mail::prune(&harness.db, now + TimeDelta::minutes(59)).await.unwrap();
    assert_eq!(bodies(&harness.db).await, 1);
    mail::prune(&harness.db, now + TimeDelta::minutes(61)).await.unwrap();
    assert_eq!(bodies(&harness.db).await, 0);
    assert_eq!(harness.find(&sent).await.subject, "Welcome, Ada", "operators see that it was sent");
    mail::prune(&harness.db, now + TimeDelta::days(31)).await.unwrap();
    assert_eq!(mail::find(harness.db.read(), &sent).await.unwrap(), None);
    harness.end().await;
}

#[test]
fn a_process_that_is_killed_after_sending_sends_the_same_message_again() {
    let server = MailServer::start(MailServerTls::None, None);
    server.reply(MailStep::Data, "store and hang");
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(Utc::now()));
    let options = smtp_options(server.port());
    let start = async || {
        let (db, mail) = (open_db(folder.path()).await, open_mail(&options, folder.path(), &clock));
        mail.send_from("test", db.clone(), &Tasks::default());
        (db, mail)
    };
    let killed = tokio::runtime::Runtime::new().unwrap();
    let id = killed.block_on(async {
        let (db, mail) = start().await;
        let id = id(enqueue(&db, &mail, welcome(&mail, "ada@example.org", "en", "Ada")).await);
        wait_for("the server has the mail", async || (server.received().len() == 1).then_some(())).await;
        id
    });
    // Nothing of it runs after this.
    killed.shutdown_timeout(Duration::from_secs(20));
    server.accept();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (db, _mail) = start().await;
        wait_for("the mail is sent again", async || {
            let found = mail::find(db.read(), &id).await.unwrap().unwrap();
            (found.state == State::Sent).then_some(())
        })
        .await;
    });
    let received = server.received();
    assert_eq!(received.len(), 2, "the first was not recorded as sent");
    assert!(received[0].bytes == received[1].bytes, "the second is another message");
    assert_eq!(received[1].mail.header("Message-ID"), Some(format!("<{id}@tutti.example>")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_send_each_mail_once() {
    const MAILS: usize = 60;
    let (server, postgres) =
        tokio::task::spawn_blocking(|| (MailServer::start(MailServerTls::None, None), shared_postgres()))
            .await
            .unwrap();
    let (folder, clock, tasks) = (tempfile::tempdir().unwrap(), Clock::fixed(Utc::now()), Tasks::default());
    let database = PostgresOptions {
        url: postgres.url.clone(),
        schema: format!("mail_{}", Uuid::new_v4().simple()),
        readers: 2,
        writers: 2,
        statement_timeout: Duration::from_secs(10),
    };
    let options = smtp_options(server.port());
    let mut processes = Vec::new();
    for _ in 0..2 {
        let db = Db::postgres(&database).await.unwrap();
        db.migrate("test", &[]).await.unwrap();
        let mail = open_mail(&options, folder.path(), &clock);
        mail.send_from("test", db.clone(), &tasks);
        processes.push((db, mail));
    }
    for number in 0..MAILS {
        let (db, mail) = &processes[number % 2];
        id(enqueue(db, mail, welcome(mail, &format!("member-{number}@example.org"), "en", "Ada")).await);
    }
    let (db, _) = &processes[0];
    wait_for("every mail is sent", async || {
        let sent = mail::list(db.read(), &State::Sent.into(), None, 500).await.unwrap();
        (sent.len() == MAILS).then_some(())
    })
    .await;
    let received = server.received();
    let ids: BTreeSet<Option<String>> = received.iter().map(|received| received.mail.header("Message-ID")).collect();
    assert_eq!((received.len(), ids.len()), (MAILS, MAILS));
    assert!(tasks.stop(Duration::from_secs(20)).await);
}

#[tokio::test]
async fn lists_are_walked_from_the_newest_by_id() {
    let harness = Harness::with(folder_options(), None).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        harness.clock.advance(TimeDelta::seconds(1));
        ids.push(harness.enqueue_to(&format!("member-{number}@example.org")).await);
    }
    ids.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = mail::list(harness.db.read(), &State::Waiting.into(), after.as_deref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|mail| mail.id));
    }
    assert_eq!(seen, ids);
    assert!(mail::list(harness.db.read(), &State::Dead.into(), None, 2).await.unwrap().is_empty());
}

//! What a mail server may do: refuse, defer, hang, ask for TLS and a password.

use std::net::TcpListener;

use db::{Error, Lane, Sql as _};
use mail::{MAX_ATTEMPTS, MailOptions, OutboxMail, SmtpTls, State};
use testkit::engines::{Authority, MailServer, MailServerTls, MailStep};

use crate::harness::{Harness, smtp_options};

/// Returns what became of a mail after its first attempt, and the harness that sent it.
async fn first_attempt(options: MailOptions, server: Option<MailServer>, state: State) -> (Harness, OutboxMail) {
    let harness = Harness::with(options, server).await;
    harness.start();
    let id = harness.enqueue_to("ada@example.org").await;
    let found = harness.wait_for_state(&id, state, 1).await;
    (harness, found)
}

fn secured(authority: &Authority, port: u16, tls: SmtpTls) -> MailOptions {
    MailOptions {
        smtp_tls: tls,
        smtp_ca_file: Some(authority.ca_file()),
        smtp_username: Some("tutti".into()),
        smtp_password: Some("pass word".into()),
        ..smtp_options(port)
    }
}

fn start(tls: SmtpTls, authority: &Authority) -> MailServer {
    let kind = match tls {
        SmtpTls::Tls => MailServerTls::Tls(authority),
        SmtpTls::Starttls => MailServerTls::Starttls(authority),
        SmtpTls::None => MailServerTls::None,
    };
    tokio::task::block_in_place(|| MailServer::start(kind, Some(("tutti", "pass word"))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_over_tls_with_a_password_to_a_server_that_is_trusted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for tls in [SmtpTls::Tls, SmtpTls::Starttls] {
        let server = start(tls, &authority);
        let port = server.port();
        let (harness, _) = first_attempt(secured(&authority, port, tls), Some(server), State::Sent).await;
        let received = harness.server().received();
        let [mail] = received.as_slice() else { panic!("{} mails", received.len()) };
        assert!(mail.tls, "{tls:?}");
        assert_eq!(mail.login.as_deref(), Some("tutti"));
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("noreply@tutti.example", &["ada@example.org".to_owned()][..])
        );
        let (distrusting, waiting) = first_attempt(secured(&stranger, port, tls), None, State::Waiting).await;
        assert!(waiting.reason.unwrap().contains("certificate"), "a stranger's word was taken");
        assert_eq!(harness.server().received().len(), 1);
        distrusting.end().await;
        harness.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_gets_neither_a_password_nor_a_mail() {
    let authority = Authority::new();
    let server = start(SmtpTls::None, &authority);
    let options = secured(&authority, server.port(), SmtpTls::Starttls);
    let (harness, waiting) = first_attempt(options, Some(server), State::Waiting).await;
    assert!(waiting.reason.unwrap().contains("STARTTLS"));
    assert!(harness.server().received().is_empty());
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_makes_no_mail_a_dead_letter() {
    let authority = Authority::new();
    let server = start(SmtpTls::Tls, &authority);
    let options = secured(&authority, server.port(), SmtpTls::Tls);
    let options = MailOptions { smtp_password: Some("LEAKME".into()), ..options };
    let (harness, waiting) = first_attempt(options, Some(server), State::Waiting).await;
    let reason = waiting.reason.unwrap();
    assert!(reason.starts_with("login:") && reason.contains("535") && !reason.contains("LEAKME"), "{reason}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_4xx_is_tried_again_and_a_5xx_is_not() {
    let harness = Harness::smtp().await;
    harness.start();
    harness.server().reply(MailStep::Rcpt, "450 4.2.0 try later");
    let deferred = harness.enqueue_to("ada@example.org").await;
    let waiting = harness.wait_for_state(&deferred, State::Waiting, 1).await;
    assert!(waiting.reason.unwrap().starts_with("450 "), "the server's words are kept");
    harness.server().reply(MailStep::Data, "451 4.3.0 still not");
    harness.advance_to_next_attempt(&deferred).await;
    harness.wait_for_state(&deferred, State::Waiting, 2).await;
    harness.server().accept();
    harness.advance_to_next_attempt(&deferred).await;
    assert_eq!(harness.wait_for_state(&deferred, State::Sent, 3).await.reason, None);
    harness.server().reply(MailStep::Rcpt, "550 5.1.1 no such user");
    let refused = harness.enqueue_to("bob@example.org").await;
    let dead = harness.wait_for_state(&refused, State::Dead, 1).await;
    assert_eq!((dead.attempts, dead.due_at), (1, None));
    assert!(dead.reason.unwrap().contains("no such user"));
    assert_eq!(harness.mails().len(), 1);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_listed_and_sent_again_with_the_same_message_id() {
    let harness = Harness::smtp().await;
    harness.start();
    harness.server().reply(MailStep::Rcpt, "450 4.2.0 try later");
    let id = harness.enqueue_to("ada@example.org").await;
    harness.wait_for_state(&id, State::Waiting, 1).await;
    let set: Result<u64, Error> = harness
        .db
        .write(Lane::NONE, async |tx| {
            tx.execute("update mail_outbox set attempts = $1", vec![(MAX_ATTEMPTS - 1).into()]).await
        })
        .await;
    assert_eq!(set.unwrap(), 1);
    harness.advance_to_next_attempt(&id).await;
    harness.wait_for_state(&id, State::Dead, MAX_ATTEMPTS).await;
    let dead = mail::list(harness.db.read(), &State::Dead.into(), None, 10).await.unwrap();
    assert_eq!(
        dead.iter().map(|mail| (mail.id.as_str(), mail.can_redeliver)).collect::<Vec<_>>(),
        [(id.as_str(), true)]
    );
    harness.server().accept();
    assert!(redeliver(&harness, &id).await);
    assert_eq!(harness.wait_for_state(&id, State::Sent, 1).await.attempts, 1, "it has all its attempts again");
    assert_eq!(harness.mails()[0].header("Message-ID"), Some(format!("<{id}@tutti.example>")));
    assert!(!redeliver(&harness, &id).await, "it was sent");
    assert!(!redeliver(&harness, "0").await, "there is none");
    harness.end().await;
}

async fn redeliver(harness: &Harness, id: &str) -> bool {
    let (id, now) = (id.to_owned(), harness.clock.now());
    let redelivered: Result<bool, Error> =
        harness.db.write(Lane::NONE, async move |tx| mail::redeliver(tx, &id, now).await).await;
    redelivered.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_whose_links_are_gone_is_not_sent_again() {
    let harness = Harness::smtp().await;
    harness.start();
    harness.server().reply(MailStep::Rcpt, "550 5.1.1 no such user");
    let id = harness.enqueue_to("ada@example.org").await;
    harness.wait_for_state(&id, State::Dead, 1).await;
    let later = harness.clock.now() + mail::DEAD_BODY_RETENTION + chrono::TimeDelta::minutes(1);
    mail::prune(&harness.db, later).await.unwrap();
    assert!(!harness.find(&id).await.can_redeliver);
    assert!(!redeliver(&harness, &id).await);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_and_hangs_is_given_up_and_the_next_mail_is_not_confused_by_it() {
    let short =
        |port| MailOptions { smtp_connect_timeout_seconds: 1, smtp_command_timeout_seconds: 1, ..smtp_options(port) };
    // The system accepts connections for it; nothing reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (harness, waiting) = first_attempt(short(port), None, State::Waiting).await;
    assert_eq!(waiting.reason.as_deref(), Some("connect: the server did not respond in time"));
    harness.end().await;
    let server = tokio::task::block_in_place(|| MailServer::start(MailServerTls::None, None));
    let harness = Harness::with(short(server.port()), Some(server)).await;
    harness.start();
    for (step, name) in [(MailStep::Rcpt, "RCPT"), (MailStep::Data, "content")] {
        harness.server().reply(step, "hang");
        let id = harness.enqueue_to("ada@example.org").await;
        let waiting = harness.wait_for_state(&id, State::Waiting, 1).await;
        assert_eq!(waiting.reason, Some(format!("{name}: the server did not respond in time")));
        harness.server().accept();
        let other = harness.enqueue_to("bob@example.org").await;
        harness.wait_for_state(&other, State::Sent, 1).await;
        harness.advance_to_next_attempt(&id).await;
        harness.wait_for_state(&id, State::Sent, 2).await;
    }
    let recipients: Vec<String> = harness.mails().into_iter().map(|mail| mail.to).collect();
    let [ada, bob] = ["ada@example.org", "bob@example.org"];
    assert_eq!(recipients, [bob, ada, bob, ada]);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_given_up_after_the_time_for_one_mail() {
    let server = tokio::task::block_in_place(|| MailServer::start(MailServerTls::None, None));
    server.reply(MailStep::Data, "hang");
    let options = MailOptions { smtp_total_timeout_seconds: 1, ..smtp_options(server.port()) };
    let (harness, waiting) = first_attempt(options, Some(server), State::Waiting).await;
    assert_eq!(waiting.reason.as_deref(), Some("the whole mail: the server did not respond in time"));
    harness.end().await;
}

//! An outbox, an engine and a clock for one test.
//!
//! Invariant: a harness sends only what its test records, and only after [`Harness::start`].

use std::path::Path;
use std::time::{Duration, Instant};

use base::tasks::Tasks;
use base::telemetry::Metrics;
use base::{Clock, Environment, Random};
use chrono::Utc;
use db::{Db, Lane};
use mail::{
    EngineKind, Enqueued, Mail, MailOptions, NewMail, OutboxMail, SmtpTls, State, Template, Translation, Values,
};
use testkit::TestMail;
use testkit::engines::{MailServer, MailServerTls};

/// Past this, a wait fails the test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

pub static WELCOME: Template = Template {
    name: "test.welcome",
    languages: &[
        Translation {
            language: "en",
            subject: "Welcome, {{ name }}",
            text: "Hello {{ name }},\n\n{{ link }}\n",
            html: "<p>Hello {{ name }},</p>{{ button(link, \"Confirm\") }}",
        },
        Translation {
            language: "ar",
            subject: "مرحبا بك في {{ site }} يا {{ name }}، أكد عنوانك من فضلك",
            text: "مرحبا {{ name }}\n\n{{ link }}\n",
            html: "<p>مرحبا {{ name }}</p>{{ button(link, \"تأكيد\") }}",
        },
    ],
};

/// Returns a mail to an address, in a language, to a person of this name.
pub fn welcome(mail: &Mail, to: &str, language: &str, name: &str) -> NewMail {
    NewMail {
        to: to.to_owned(),
        language: language.to_owned(),
        template: &WELCOME,
        values: Values::new().with("name", name).with("link", mail.site_url("/confirm?code=abc&b=1")),
        unsubscribe: None,
        account: None,
    }
}

/// An outbox and its engine.
pub struct Harness {
    pub mail: Mail,
    pub db: Db,
    pub clock: Clock,
    pub tasks: Tasks,
    pub folder: tempfile::TempDir,
    pub server: Option<MailServer>,
}

/// Runs a promise on the folder and on a mail server.
pub async fn on_each_engine(promise: impl AsyncFn(&Harness)) {
    println!("on a folder");
    promise(&Harness::with(folder_options(), None).await).await;
    println!("on a mail server");
    promise(&Harness::smtp().await).await;
}

pub fn folder_options() -> MailOptions {
    MailOptions { from_address: "noreply@tutti.example".into(), ..MailOptions::default() }
}

/// Returns the options for a server that starts without TLS on this port.
pub fn smtp_options(port: u16) -> MailOptions {
    MailOptions {
        engine: EngineKind::Smtp,
        smtp_host: Some("localhost".into()),
        smtp_port: Some(port),
        smtp_tls: SmtpTls::None,
        ..folder_options()
    }
}

/// Opens the database of a test as a process does.
pub async fn open_db(folder: &Path) -> Db {
    let db = Db::sqlite(&folder.join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    db
}

pub fn open_mail(options: &MailOptions, folder: &Path, clock: &Clock) -> Mail {
    let site = "https://tutti.example".to_owned();
    let options = (options, Environment::default());
    Mail::open(options, &folder.join("mail"), site, clock.clone(), Random::system(), &Metrics::default()).unwrap()
}

/// Records a mail in a transaction of its own.
pub async fn enqueue(db: &Db, mail: &Mail, new: NewMail) -> Enqueued {
    let mail = mail.clone();
    let enqueued: Result<Enqueued, db::Error> = db.write(Lane::NONE, async move |tx| mail.enqueue(tx, new).await).await;
    enqueued.unwrap()
}

/// Returns the id of a mail that waits.
pub fn id(enqueued: Enqueued) -> String {
    let Enqueued::Waiting(id) = enqueued else { panic!("the mail was not recorded: {enqueued:?}") };
    id
}

/// Waits until `what` returns `Some`, and returns the value; fails the test after a minute with `promise`.
pub async fn wait_for<T>(promise: &str, mut what: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = what().await {
            return value;
        }
        assert!(started.elapsed() < WAIT_TIMEOUT, "waited {WAIT_TIMEOUT:?} in vain: {promise}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Harness {
    /// Returns a harness with this engine and, if it is SMTP, its server.
    pub async fn with(options: MailOptions, server: Option<MailServer>) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(Utc::now()));
        let (db, mail) = (open_db(folder.path()).await, open_mail(&options, folder.path(), &clock));
        Self { mail, db, clock, tasks: Tasks::default(), folder, server }
    }

    /// Returns a harness with a server that takes everything.
    pub async fn smtp() -> Self {
        let server = tokio::task::spawn_blocking(|| MailServer::start(MailServerTls::None, None)).await.unwrap();
        Self::with(smtp_options(server.port()), Some(server)).await
    }

    pub fn server(&self) -> &MailServer {
        self.server.as_ref().unwrap()
    }

    /// Starts to send.
    pub fn start(&self) {
        self.mail.send_from("test", self.db.clone(), &self.tasks);
    }

    /// Records a mail.
    pub async fn enqueue(&self, new: NewMail) -> Enqueued {
        enqueue(&self.db, &self.mail, new).await
    }

    /// Records a mail to an address and returns its id.
    pub async fn enqueue_to(&self, to: &str) -> String {
        id(self.enqueue(welcome(&self.mail, to, "en", "Ada")).await)
    }

    /// Returns what operators see of a mail.
    pub async fn find(&self, id: &str) -> OutboxMail {
        mail::find(self.db.read(), id).await.unwrap().unwrap()
    }

    /// Waits until a mail is in this state, after at least so many attempts and not in the middle of one.
    pub async fn wait_for_state(&self, id: &str, state: State, attempts: i64) -> OutboxMail {
        wait_for("a mail's state", async || {
            let found = self.find(id).await;
            // While it is due, it is being sent or will be.
            let is_over = found.due_at.is_none_or(|due_at| due_at > self.clock.now());
            (found.state == state && found.attempts >= attempts && is_over).then_some(found)
        })
        .await
    }

    /// Moves the clock past the next attempt of a mail.
    pub async fn advance_to_next_attempt(&self, id: &str) {
        let due_at = self.find(id).await.due_at.unwrap();
        self.clock.advance(due_at - self.clock.now());
    }

    /// Returns what the engine has taken, the oldest first: each message's bytes.
    pub fn delivered(&self) -> Vec<Vec<u8>> {
        if let Some(server) = &self.server {
            return server.received().into_iter().map(|received| received.bytes).collect();
        }
        let entries = std::fs::read_dir(self.folder.path().join("mail")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.iter().all(|path| path.extension().unwrap() == "eml"), "{files:?}");
        files.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Returns the same, decoded.
    pub fn mails(&self) -> Vec<TestMail> {
        self.delivered().iter().map(|bytes| TestMail::parse(bytes)).collect()
    }

    /// Fails the test if a task does not end.
    pub async fn end(&self) {
        assert!(self.tasks.stop(Duration::from_secs(20)).await, "a task outlived its test");
    }
}

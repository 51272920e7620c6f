//! The `Mail` port: mails to people, recorded in the transaction that is their reason, and sent after it.
//!
//! Owns rendering, the message, the outbox table's rows and the engines: a folder of `.eml` files, and SMTP; and what
//! operators see and do of them, in every role that has an outbox. Does not own who gets a mail, and why. Invariant: a
//! mail is sent if and only if its transaction committed, at least once and with one `Message-ID`; a mail that can't be
//! sent for about a day, or is refused, becomes a dead letter with the reason; of a forgotten mail neither a row nor
//! anything that an engine keeps is left.

mod address;
mod allow_list;
mod error;
mod folder;
mod forget;
mod message;
mod metrics;
mod operations;
pub mod operators;
mod options;
#[cfg(test)]
mod query_plans;
mod sender;
mod smtp;
mod store;
mod template;

pub use address::{Address, MAX_ADDRESS_CHARS};
pub use error::Error;
pub use forget::{forget_account, forget_recipient};
pub use message::Message;
pub use operations::{Filter, MailContent, OutboxMail, count_due, find, find_content, list, redeliver};
pub use options::{EngineKind, MailOptions, SmtpTls};
pub use sender::MAX_ATTEMPTS;
pub use store::{
    DEAD_BODY_RETENTION, ENGINE_RETENTION, MAX_WAITING_PER_ADDRESS, ROW_RETENTION, SENT_BODY_RETENTION, State, prune,
};
pub use template::{FALLBACK_LANGUAGE, Template, Translation, Values};

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::config;
use base::tasks::Tasks;
use base::{Clock, Environment, Random};
use chrono::{DateTime, Utc};
use db::{Db, Tx};
use tokio::sync::Notify;

use metrics::Metrics;
use template::Site;

/// Where mails go.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Sends a mail. When it returns `Ok`, the mail has been handed over; after an error it may have been.
    async fn send(&self, message: &Message) -> Result<(), Error>;

    /// How many mails are sent at once.
    fn concurrency(&self) -> usize;

    /// The longest that sending one takes.
    fn timeout(&self) -> Duration;

    /// Deletes what the engine keeps of the mails with these ids. An engine that hands every mail over keeps nothing.
    async fn forget(&self, _ids: &[String]) -> Result<(), Error> {
        Ok(())
    }

    /// Deletes what the engine keeps of mails that were recorded before a time.
    async fn forget_before(&self, _time: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }
}

/// A mail to be sent.
#[derive(Clone)]
pub struct NewMail {
    /// The recipient's address.
    pub to: String,
    /// The recipient's language (BCP 47); [`FALLBACK_LANGUAGE`] if the template doesn't have it.
    pub language: String,
    /// What it says.
    pub template: &'static Template,
    /// The values that the template needs.
    pub values: Values,
    /// For mails that a person may not want: an `https` URL at which a POST unsubscribes (RFC 8058).
    pub unsubscribe: Option<String>,
    /// The id of the account that it is about. Operators find its mails by it, and they are forgotten with it
    /// ([`forget_account`]).
    pub account: Option<String>,
}

impl fmt::Debug for NewMail {
    /// Without the address, the values and the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMail").field("template", &self.template.name).finish_non_exhaustive()
    }
}

/// What became of a new mail. In every case the caller's transaction can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It is sent after the commit. The id sorts by time.
    Waiting(String),
    /// Nothing was written: [`MAX_WAITING_PER_ADDRESS`] mails already wait for this address.
    TooMany,
    /// Nothing was written: the recipient is no address that can be mailed.
    InvalidRecipient,
    /// Nothing was written: the template can't be rendered with these values, which is a mistake in the code and is
    /// logged as an error.
    InvalidTemplate,
}

/// The mails of a process. Clones share their state.
#[derive(Clone)]
pub struct Mail(Arc<Inner>);

struct Inner {
    engine: Box<dyn Engine>,
    allow_list: allow_list::AllowList,
    /// The address and the name that mails come from.
    sender: (Address, String),
    site_url: String,
    clock: Clock,
    random: Random,
    metrics: Metrics,
    /// Notifies when a mail was recorded, before its transaction commits.
    recorded: Notify,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail")
    }
}

impl Mail {
    /// Opens the engine that the options name; sends nothing. The environment says to whom mails may go; `folder` is
    /// that of the embedded engine, `site_url` the origin for links (see [`MailOptions::site_origin`]).
    pub fn open(
        (options, environment): (&MailOptions, Environment),
        folder: &Path,
        site_url: String,
        clock: Clock,
        random: Random,
        registry: &base::telemetry::Metrics,
    ) -> Result<Self, config::Error> {
        options.check()?;
        let sender = options.sender()?;
        let engine: Box<dyn Engine> = match options.engine {
            EngineKind::Folder => Box::new(folder::Folder::open(folder, options.max_files).map_err(|error| {
                config::Error::Unusable(format!("the folder of mails {} can't be created: {error}", folder.display()))
            })?),
            EngineKind::Smtp => Box::new(smtp::Smtp::new(options.smtp()?, sender.0.domain())?),
        };
        let (metrics, recorded) = (Metrics::new(registry), Notify::new());
        let allow_list = allow_list::AllowList::new(environment, options.engine);
        Ok(Self(Arc::new(Inner { engine, allow_list, sender, site_url, clock, random, metrics, recorded })))
    }

    /// Renders a mail and records it in the caller's transaction. It is sent soon after the commit.
    pub async fn enqueue(&self, tx: &Tx, mail: NewMail) -> Result<Enqueued, db::Error> {
        let NewMail { to, language, template, values, unsubscribe, account } = mail;
        let Some(to) = Address::parse(&to) else { return Ok(Enqueued::InvalidRecipient) };
        let site = Site { name: &self.0.sender.1, url: &self.0.site_url };
        let rendered = match template.render(&language, &values, site) {
            Ok(rendered) => rendered,
            Err(error) => {
                tracing::error!(%error, "a mail is missing");
                return Ok(Enqueued::InvalidTemplate);
            }
        };
        // Without a URL that fits into a header, the mail goes without the header.
        let unsubscribe = unsubscribe.filter(|url| message::is_one_click_url(url));
        let now = self.0.clock.now();
        let id = self.0.random.uuid_v7(now).to_string();
        let new = store::NewRow { id: id.clone(), to, template: template.name, mail: rendered, unsubscribe, account };
        if !store::insert(tx, new, now).await? {
            return Ok(Enqueued::TooMany);
        }
        self.0.recorded.notify_waiters();
        Ok(Enqueued::Waiting(id))
    }

    /// Returns the absolute URL of a page of the site; `path` begins with a slash.
    pub fn site_url(&self, path: &str) -> String {
        format!("{}{path}", self.0.site_url)
    }

    /// Deletes what the engine has kept of mails for longer than [`ENGINE_RETENTION`]. The task that sends mails does
    /// it from time to time.
    pub async fn sweep(&self) -> Result<(), Error> {
        self.0.engine.forget_before(self.0.clock.now() - ENGINE_RETENTION).await
    }

    /// Starts the task that sends what `service` records in `db`.
    pub fn send_from(&self, service: &'static str, db: Db, tasks: &Tasks) {
        sender::start(service, db, self.clone(), tasks);
    }
}

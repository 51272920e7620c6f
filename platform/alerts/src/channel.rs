//! The ways in which alerts are told.
//!
//! Invariant: sending ends within a bounded time, and an error is a sentence without a secret.

use base::Clock;
use base::config::Error;
use db::Db;
use mail::Mail;

use crate::mails::MailChannel;
use crate::message::{AlertMessage, Origin};
use crate::options::AlertOptions;
use crate::webhook::WebhookChannel;

/// A way to tell alerts.
pub(crate) enum Channel {
    Mail(MailChannel),
    Webhook(Box<WebhookChannel>),
}

impl Channel {
    /// Returns the channels that the options ask for. Mails need a database of this process.
    pub(crate) fn all(options: &AlertOptions, mail: &Mail, db: Option<Db>, clock: &Clock) -> Result<Vec<Self>, Error> {
        let mut channels = Vec::new();
        if !options.mail_to.is_empty() {
            match db {
                Some(db) => channels.push(Self::Mail(MailChannel::new(mail.clone(), db, options.mail_to.clone()))),
                None => tracing::warn!("no role of this process has a database, so its alerts can't be mailed"),
            }
        }
        if let Some(url) = options.webhook()? {
            let (token, networks, trusted) = (options.token()?, options.networks()?, options.certificates()?);
            channels.push(Self::Webhook(Box::new(WebhookChannel::new(url, token, networks, trusted, clock.clone()))));
        }
        Ok(channels)
    }

    /// Returns the name, which is a label and a key of what has been told.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Tells alerts; an error is a sentence.
    pub(crate) async fn send(&self, origin: &Origin, messages: &[AlertMessage]) -> Result<(), String> {
        match self {
            Self::Mail(mails) => mails.send(origin, messages).await,
            Self::Webhook(webhook) => webhook.send(origin, messages).await,
        }
    }
}

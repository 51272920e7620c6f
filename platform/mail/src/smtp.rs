//! The distributed engine: a mail server, by SMTP.
//!
//! Each step of the conversation has a timeout, and a mail has one in all. Connections are kept and used again. The
//! library's own pool is not used: it takes a connection back whose conversation was cut off by a timeout, and then the
//! reply to one mail would be taken for the reply to the next. Invariant: a connection on which anything went wrong is
//! never used again; nothing is sent before TLS where TLS is required.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::config;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Engine;
use super::error::Error;
use super::message::Message;
use super::options::{SmtpOptions, SmtpTls};

/// How long a connection is kept. Servers close idle ones after minutes (RFC 5321 §4.5.3.2.7 asks for five).
const MAX_IDLE: Duration = Duration::from_secs(30);
/// How long the end of a connection is waited for.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Replies of 5xx that are about the login and not about a mail (RFC 4954 §6): an operator can mend their cause.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];
/// The reply to `DATA` (RFC 5321 §4.2.2).
const START_MAIL_INPUT: u16 = 354;

/// A mail server.
pub(crate) struct Smtp {
    options: SmtpOptions,
    tls: Option<TlsParameters>,
    hello_name: ClientId,
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// A connection between two mails.
struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Smtp {
    /// Prepares the connections; sends nothing. `hello_name` is the sender's domain.
    pub(crate) fn new(options: SmtpOptions, hello_name: &str) -> Result<Self, config::Error> {
        let tls = match options.tls {
            SmtpTls::None => None,
            SmtpTls::Tls | SmtpTls::Starttls => Some(tls_parameters(&options)?),
        };
        Ok(Self { options, tls, hello_name: ClientId::Domain(hello_name.to_owned()), idle: Arc::default() })
    }

    /// Connects, changes to TLS and logs in. An error here is never about a mail, so all are transient.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpOptions { host, port, tls, login, connect_timeout, .. } = &self.options;
        let from_first_byte = self.tls.clone().filter(|_| *tls == SmtpTls::Tls);
        let connecting = async {
            let mut connection = AsyncSmtpConnection::connect_tokio1(
                (host.as_str(), *port),
                Some(*connect_timeout),
                &self.hello_name,
                from_first_byte,
                None,
            )
            .await
            .map_err(|error| unavailable("connect", &error))?;
            if let (SmtpTls::Starttls, Some(parameters)) = (tls, &self.tls) {
                let upgraded = connection.starttls(parameters.clone(), &self.hello_name).await;
                upgraded.map_err(|error| unavailable("STARTTLS", &error))?;
            }
            if let Some((user, password)) = login {
                let credentials = Credentials::new(user.clone(), password.clone());
                let logged_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
                logged_in.map_err(|error| unavailable("login", &error))?;
            }
            Ok::<_, Error>(connection)
        };
        tokio::time::timeout(*connect_timeout, connecting).await.unwrap_or_else(|_| Err(timed_out("connect")))
    }

    /// Returns a kept connection that still works, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        loop {
            let kept = self.idle.lock().pop();
            let Some(kept) = kept else { return self.connect().await };
            if kept.since.elapsed() > MAX_IDLE {
                continue;
            }
            let mut connection = kept.connection;
            // Closed by the server meanwhile, perhaps; then the next one is tried.
            if self.step("NOOP", connection.command(Noop)).await.is_ok() {
                return Ok(connection);
            }
        }
    }

    /// Keeps a connection for the next mail.
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock();
        idle.retain(|kept| kept.since.elapsed() <= MAX_IDLE);
        if idle.len() < self.options.connections {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// Waits for the reply to a command.
    async fn step(
        &self,
        step: &'static str,
        reply: impl Future<Output = Result<Response, smtp::Error>>,
    ) -> Result<Response, Error> {
        match tokio::time::timeout(self.options.command_timeout, reply).await {
            Ok(reply) => reply.map_err(|error| refused(step, &error)),
            Err(_) => Err(timed_out(step)),
        }
    }

    async fn deliver(&self, connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), Error> {
        let (from, to) = (message.from().to_lettre(), message.to().to_lettre());
        self.step("MAIL", connection.command(Mail::new(Some(from), Vec::new()))).await?;
        self.step("RCPT", connection.command(Rcpt::new(to, Vec::new()))).await?;
        let started = self.step("DATA", connection.command(Data)).await?;
        if !started.has_code(START_MAIL_INPUT) {
            return Err(unexpected("DATA"));
        }
        let accepted = self.step("content", connection.message(message.bytes())).await?;
        if accepted.code().severity == Severity::PositiveCompletion { Ok(()) } else { Err(unexpected("content")) }
    }

    async fn send_within(&self, message: &Message) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        match self.deliver(&mut connection, message).await {
            Ok(()) => {
                self.keep(connection);
                Ok(())
            }
            Err(error) => {
                if matches!(error, Error::Deferred { .. } | Error::Refused { .. }) {
                    // It replied, so it gets a goodbye.
                    let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.command(Quit)).await;
                }
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Engine for Smtp {
    async fn send(&self, message: &Message) -> Result<(), Error> {
        let sent = tokio::time::timeout(self.options.total_timeout, self.send_within(message)).await;
        sent.unwrap_or_else(|_| Err(timed_out("the whole mail")))
    }

    fn concurrency(&self) -> usize {
        self.options.connections
    }

    fn timeout(&self) -> Duration {
        self.options.total_timeout
    }
}

/// Returns the parameters of TLS: version 1.2 or later, the certificate must have the server's name.
fn tls_parameters(options: &SmtpOptions) -> Result<TlsParameters, config::Error> {
    let mut builder = TlsParameters::builder(options.host.clone());
    if let Some(pem) = &options.ca_certificates {
        let nothing = || config::Error::Unusable("mail.smtp_ca_file holds no certificates; write them as PEM".into());
        // The library takes a file without any.
        if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(nothing());
        }
        let certificate = Certificate::from_pem(pem).map_err(|_| nothing())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| {
        config::Error::Unusable(format!("TLS to mail.smtp_host can't be prepared: {error}; see mail.smtp_ca_file"))
    })
}

fn unavailable(step: &'static str, error: &smtp::Error) -> Error {
    Error::Unavailable { step, reason: error.to_string() }
}

fn timed_out(step: &'static str) -> Error {
    Error::Unavailable { step, reason: "the server did not respond in time".to_owned() }
}

fn unexpected(step: &'static str) -> Error {
    Error::Unavailable { step, reason: "the server sent a reply that does not belong here".to_owned() }
}

/// Classifies the end of a step: a reply of 4xx or 5xx is about the mail; anything else is about the connection.
fn refused(step: &'static str, error: &smtp::Error) -> Error {
    let Some(code) = error.status().map(u16::from) else { return unavailable(step, error) };
    let reason = std::error::Error::source(error).map_or_else(|| step.to_owned(), ToString::to_string);
    if LOGIN_CODES.contains(&code) {
        return Error::Unavailable { step, reason: format!("{code} {reason}") };
    }
    if error.is_permanent() { Error::Refused { code, reason } } else { Error::Deferred { code, reason } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pem_file_is_named_at_the_start() {
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n"] {
            let options = SmtpOptions {
                host: "smtp.example.org".into(),
                port: 587,
                tls: SmtpTls::Starttls,
                login: None,
                ca_certificates: Some(text.into()),
                connections: 1,
                connect_timeout: Duration::from_secs(1),
                command_timeout: Duration::from_secs(1),
                total_timeout: Duration::from_secs(1),
            };
            let error = Smtp::new(options, "example.org").err().unwrap().to_string();
            assert!(error.contains("mail.smtp_ca_file"), "{error}");
        }
    }
}

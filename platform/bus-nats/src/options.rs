//! Where the NATS servers are, and the credentials for them.
//!
//! Invariant: a secret is read from a file of its own; it is never in the configuration, in a URL that is logged, or in
//! an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use base::Random;
use tokio::sync::watch;

use bus::Error;

/// The longest wait for the response to a single request.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// After two of these without a response, the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Where events are stored: a log in the data folder, or NATS JetStream.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NatsOptions {
    /// The URLs of NATS servers, such as `nats://nats-0:4222`; the client discovers the others of their cluster. If
    /// empty, the bus is a log in the data folder.
    pub servers: Vec<String>,
    /// The prefix of all names: the streams `<prefix>` and `<prefix>-dead`, and the subjects below `<prefix>.`.
    /// Letters, digits, `-` and `_`.
    pub prefix: String,
    /// On how many servers each event is stored: 1, or 3 in production. With 1, run the server with `sync_interval:
    /// always`.
    pub replicas: usize,
    /// The most that the stream may hold, in bytes. A full stream accepts no more; events then wait in the outboxes. If
    /// unset, the server's limit applies.
    pub max_bytes: Option<i64>,
    /// The user's name, together with `password_file`.
    pub user: Option<String>,
    /// A file that contains the user's password.
    #[schema(value_type = Option<String>)]
    pub password_file: Option<PathBuf>,
    /// A file that contains a token, if the server asks for one instead.
    #[schema(value_type = Option<String>)]
    pub token_file: Option<PathBuf>,
    /// A `.creds` file (a JWT and its key), if the server asks for one instead.
    #[schema(value_type = Option<String>)]
    pub credentials_file: Option<PathBuf>,
    /// Whether to refuse connections without TLS.
    pub tls: bool,
    /// A PEM file with the certificate authority of the servers, in addition to those that the system trusts.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            prefix: "tutti".into(),
            replicas: 1,
            max_bytes: None,
            user: None,
            password_file: None,
            token_file: None,
            credentials_file: None,
            tls: false,
            ca_file: None,
        }
    }
}

impl NatsOptions {
    fn check(&self) -> Result<(), Error> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if self.prefix.is_empty() || !self.prefix.chars().all(plain) {
            return Err(Error::Options(
                "its prefix may have letters, digits, `-` and `_`, and needs at least one".into(),
            ));
        }
        if self.servers.is_empty() {
            return Err(Error::Options("no server is given".into()));
        }
        if !(1..=5).contains(&self.replicas) {
            return Err(Error::Options("replicas must be 1 to 5".into()));
        }
        Ok(())
    }

    /// Starts to connect and keeps trying for ever. `gaps` counts the moments at which something may have been missed.
    pub(super) async fn connect(&self, gaps: Arc<watch::Sender<u64>>) -> Result<Client, Error> {
        self.check()?;
        let servers = self.servers.iter().map(|server| parse_url(server)).collect::<Result<Vec<_>, _>>()?;
        // No echo: the process's own subscribers have received its updates already.
        let mut options = ConnectOptions::new()
            .name("tutti")
            .no_echo()
            .retry_on_initial_connect()
            .ping_interval(PING_INTERVAL)
            .request_timeout(Some(REQUEST_TIMEOUT));
        options = options
            .connection_timeout(REQUEST_TIMEOUT)
            .require_tls(self.tls)
            .reconnect_delay_callback(reconnect_pause)
            .event_callback(move |event| {
                handle_event(&event, &gaps);
                std::future::ready(())
            });
        if let Some(user) = &self.user {
            let password = self.password_file.as_deref().map(read_secret).transpose()?.unwrap_or_default();
            options = options.user_and_password(user.clone(), password);
        }
        if let Some(path) = &self.token_file {
            options = options.token(read_secret(path)?);
        }
        if let Some(path) = &self.credentials_file {
            options = options
                .credentials(&read_secret(path)?)
                .map_err(|_| Error::Options(format!("{} is not a credentials file", path.display())))?;
        }
        if let Some(path) = &self.ca_file {
            // Read here once, so that a wrong path is reported at the start.
            read_secret(path)?;
            options = options.add_root_certificates(path.clone());
        }
        options.connect(servers).await.map_err(|error| Error::Options(format!("the client can't be created: {error}")))
    }
}

/// Parses the URL of a server. A URL with a user or a password is refused: the library logs URLs as they are.
fn parse_url(text: &str) -> Result<ServerAddr, Error> {
    let wrong = |reason: &str| Error::Options(reason.to_owned());
    let url: ServerAddr =
        text.parse().map_err(|_| wrong("one of `bus.servers` is not a URL; write it like nats://host:4222"))?;
    if url.has_user_pass() || url.password().is_some() {
        let reason = "one of `bus.servers` holds a user or a password; \
            set `bus.user` and `bus.password_file`, or `bus.token_file`, instead";
        return Err(wrong(reason));
    }
    Ok(url)
}

fn read_secret(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Options(format!("the file {} can't be read: {error}", path.display())))?;
    Ok(text.trim_end().to_owned())
}

/// Returns the pause before a reconnection. It doubles from about 20 ms to 2 s, with up to half more, so that a fleet
/// does not reconnect at one moment.
fn reconnect_pause(attempt: usize) -> Duration {
    let plain = Duration::from_millis(10).saturating_mul(1 << attempt.min(10)).min(MAX_PAUSE);
    Random::system().jitter(plain, 0.5)
}

fn handle_event(event: &Event, gaps: &watch::Sender<u64>) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is lost; reconnecting"),
        Event::SlowConsumer(_) => {
            tracing::warn!("updates from NATS came faster than they were read; some were dropped");
        }
        other => tracing::warn!(event = %other, "NATS reports an event"),
    }
    if matches!(event, Event::Connected | Event::SlowConsumer(_)) {
        gaps.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_whose_url_holds_a_password_is_refused_without_showing_it() {
        for text in
            ["nats://me:LEAKME@host:4222", "nats://LEAKME@host:4222", "nats://:LEAKME@host", "tls://me:LEAKME@host"]
        {
            let refused = parse_url(text).unwrap_err().to_string();
            assert!(refused.contains("bus.password_file") && !refused.contains("LEAKME"), "{refused}");
        }
        assert!(parse_url("nats://host:4222").is_ok() && parse_url("tls://[::1]:4222").is_ok());
    }
}

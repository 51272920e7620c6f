//! The rounds: read the metrics, evaluate the rules, tell what is due.
//!
//! Invariant: a round ends within a bounded time, and what could not be told is tried again in the next one.

use std::path::PathBuf;
use std::time::Duration;

use base::Clock;
use base::config::Error;
use base::tasks::Tasks;
use base::telemetry::Metrics as Registry;
use chrono::{DateTime, TimeDelta, Utc};
use db::Db;
use futures::future::BoxFuture;
use mail::Mail;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::certificate::CertificateReader;
use crate::channel::Channel;
use crate::file::StateFile;
use crate::message::{AlertMessage, Origin};
use crate::options::AlertOptions;
use crate::requests::RequestHistory;
use crate::rules::{Facts, METRICS, RULES, Rule, Scope};
use crate::samples::Samples;
use crate::state::State;

/// The time from one round to the next.
const EVALUATION_INTERVAL: Duration = Duration::from_secs(30);
/// The time from one look at the site's certificate to the next.
const CERTIFICATE_INTERVAL: TimeDelta = TimeDelta::hours(6);
/// The same where it could not be read, or is about to end: so that a new one ends the alert soon.
const CERTIFICATE_RETRY: TimeDelta = TimeDelta::minutes(10);
/// A certificate that ends within this time is looked at more often.
const CERTIFICATE_SOON: TimeDelta = TimeDelta::days(14);

/// What an alerter needs.
#[derive(Debug)]
pub struct Setup {
    /// The options.
    pub options: AlertOptions,
    /// The data folder, which keeps what has been told.
    pub data: PathBuf,
    /// Whose alerts they are.
    pub origin: Origin,
    /// Whether the role of [`AlertOptions::role`] runs in this process.
    pub has_role: bool,
    /// Mails, and a database of this process whose outbox they go through.
    pub mail: Mail,
    /// That database; `None` if no role here has one.
    pub db: Option<Db>,
    /// The clock.
    pub clock: Clock,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: &'static str,
}

#[derive(Debug, Default)]
struct Metrics {
    firing: Gauge,
    failures: Family<ChannelLabels, Counter>,
    certificate_end: Gauge,
}

impl Metrics {
    fn new(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("alerts_firing", "Alerts of the built-in alerter that fire", metrics.firing.clone());
            registry.register("alerts_failures", "Alerts that could not be told", metrics.failures.clone());
            registry.register(
                "alerts_certificate_end_timestamp_seconds",
                "When the site's certificate ends, since 1970; 0 if that is not known",
                metrics.certificate_end.clone(),
            );
        });
        metrics
    }
}

/// Evaluates rules and tells what fires.
pub struct Alerter {
    rules: Vec<&'static Rule>,
    repeat: Option<TimeDelta>,
    origin: Origin,
    channels: Vec<Channel>,
    certificate: Option<CertificateReader>,
    certificate_due: DateTime<Utc>,
    file: StateFile,
    state: State,
    requests: RequestHistory,
    clock: Clock,
    metrics: Metrics,
}

impl std::fmt::Debug for Alerter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerter").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Alerter {
    /// Returns an alerter that goes on where the one before a restart was.
    pub fn new(setup: Setup, registry: &Registry) -> Result<Self, Error> {
        let Setup { options, data, origin, has_role, mail, db, clock } = setup;
        let is_evaluated = |rule: &&Rule| {
            let is_here = has_role || rule.scope == Scope::Process;
            is_here && !options.disabled.iter().any(|name| name == rule.name)
        };
        let rules = RULES.iter().filter(is_evaluated).collect();
        let channels = Channel::all(&options, &mail, db, &clock)?;
        let certificate = match options.certificate()?.filter(|_| has_role) {
            Some(url) => CertificateReader::new(url, options.certificates()?),
            None => None,
        };
        let file = StateFile::of(&data);
        let mut state = file.read();
        state.keep_channels(&channels.iter().map(Channel::name).collect::<Vec<_>>());
        Ok(Self {
            rules,
            repeat: options.repeat(),
            origin,
            channels,
            certificate,
            certificate_due: clock.now(),
            file,
            state,
            requests: RequestHistory::default(),
            clock,
            metrics: Metrics::new(registry),
        })
    }

    /// Starts the rounds. `read` returns the metrics of the process as text.
    pub fn start(mut self, read: impl Fn() -> BoxFuture<'static, String> + Send + 'static, tasks: &Tasks) {
        let owner = tasks.clone();
        tasks.spawn(async move {
            while owner.sleep(EVALUATION_INTERVAL).await {
                let read = read();
                let round = async {
                    self.watch_certificate().await;
                    self.evaluate(&read.await).await;
                };
                tokio::select! {
                    () = round => {}
                    // What is being sent may be sent again after the next start.
                    () = owner.stopping() => return,
                }
            }
        });
    }

    /// Runs a round on these metrics.
    pub async fn evaluate(&mut self, metrics: &str) {
        let (now, samples) = (self.clock.now(), Samples::parse(metrics, &METRICS));
        self.requests.add(now, &samples);
        let facts = Facts { now, samples: &samples, requests: &self.requests };
        let mut changed = self.state.evaluate(self.rules.iter().copied(), &facts);
        self.metrics.firing.set(i64::try_from(self.state.firing()).unwrap_or(i64::MAX));
        for channel in &self.channels {
            let due = self.state.due(channel.name(), self.repeat, now);
            if due.is_empty() {
                continue;
            }
            match channel.send(&self.origin, &due).await {
                Ok(()) => {
                    tracing::info!(channel = channel.name(), alerts = names(&due), "alerts were told");
                    self.state.set_told(channel.name(), &due, now);
                    changed = true;
                }
                Err(reason) => {
                    tracing::warn!(channel = channel.name(), alerts = names(&due), reason, "alerts could not be told");
                    let labels = ChannelLabels { channel: channel.name() };
                    self.metrics.failures.get_or_create(&labels).inc();
                }
            }
        }
        if changed {
            self.file.write(&self.state);
        }
    }

    /// Reads the end of the site's certificate if that is due.
    async fn watch_certificate(&mut self) {
        let now = self.clock.now();
        let Some(certificate) = self.certificate.as_ref().filter(|_| now >= self.certificate_due) else { return };
        self.certificate_due = now + CERTIFICATE_RETRY;
        match certificate.end(now).await {
            Ok(end) => {
                self.metrics.certificate_end.set(end.timestamp());
                if end - now > CERTIFICATE_SOON {
                    self.certificate_due = now + CERTIFICATE_INTERVAL;
                }
            }
            Err(reason) => tracing::warn!(reason, "the site's certificate could not be read"),
        }
    }
}

/// Returns the names of alerts and what became of them, for the log.
fn names(messages: &[AlertMessage]) -> String {
    let names: Vec<String> =
        messages.iter().map(|message| format!("{} {}", message.name, message.status.as_str())).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;

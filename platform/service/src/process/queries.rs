//! What one process asks each other one, whatever its roles are.
//!
//! They reach every listener of the fleet, also the gateway's public one, so they are signed with the secret that all
//! processes share. Invariant: a process answers itself and others alike.

use std::time::Duration;

use base::log_ring::{LogFilter, LogLevel};
use chrono::{DateTime, SecondsFormat, Utc};
use http::HeaderName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{ProcessConfiguration, ProcessLogs, ProcessStatus, ThisProcess};

/// The header with the signature of the path and its query. The gateway removes `X-Tutti-*` headers, so it has another
/// name.
pub const SIGNATURE: HeaderName = HeaderName::from_static("tutti-process-signature");
/// The scope of that signature.
pub const SIGNATURE_SCOPE: &str = "process";
/// How long a process waits for the answer of another one.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a check of what a process depends on may take. What does not respond must not make the answer too late: it
/// would hide the checks of a process just when one of them fails.
pub const CHECK_TIMEOUT: Duration = Duration::from_millis(1_500);
const _: () = assert!(CHECK_TIMEOUT.as_millis() < ANSWER_TIMEOUT.as_millis());
/// The most lines of one response: one more than the longest page of operators.
const MAX_LINES: usize = 501;
/// The most characters of a text to search for.
const MAX_TEXT_CHARS: usize = 200;

/// A question to a process.
pub trait ProcessQuery: DeserializeOwned + Send + Sync + 'static {
    /// The path at which every process answers it.
    const PATH: &'static str;
    /// The answer.
    type Response: Serialize + DeserializeOwned + Send + 'static;

    /// Returns the path of this question, with its parameters in the query.
    fn path(&self) -> String {
        Self::PATH.to_owned()
    }

    /// Returns the answer of this process.
    fn answer(self, process: &ThisProcess) -> impl Future<Output = Self::Response> + Send;
}

/// Asks how the process is doing.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct FindStatus {}

impl ProcessQuery for FindStatus {
    const PATH: &'static str = "/internal/process";
    type Response = ProcessStatus;

    async fn answer(self, process: &ThisProcess) -> ProcessStatus {
        process.status().await
    }
}

/// Asks for the effective configuration of the process.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct FindConfiguration {}

impl ProcessQuery for FindConfiguration {
    const PATH: &'static str = "/internal/process/configuration";
    type Response = ProcessConfiguration;

    fn answer(self, process: &ThisProcess) -> impl Future<Output = ProcessConfiguration> + Send {
        std::future::ready(process.configuration())
    }
}

/// A place in the merged log of all processes, which is sorted by time, then by process and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// The time of the line.
    pub at: DateTime<Utc>,
    /// The process.
    pub process: String,
    /// The number of the line in its process.
    pub number: u64,
}

impl std::fmt::Display for LogPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.at.timestamp_micros(), self.process, self.number)
    }
}

impl LogPosition {
    /// Reads a place as it is written; `None` if the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (at, process, number) = (parts.next()?, parts.next()?, parts.next()?);
        let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
        Some(Self { at, process: process.to_owned(), number: number.parse().ok()? })
    }
}

/// Asks for lines of the log.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FindLogs {
    /// Lines of this level and more severe ones.
    pub level: Option<LogLevel>,
    /// Lines of this role.
    pub role: Option<String>,
    /// Lines with this text, in any case of letters.
    pub contains: Option<String>,
    /// Lines of the request with this id.
    pub request: Option<String>,
    /// Lines of this time and later ones.
    pub since: Option<DateTime<Utc>>,
    /// Lines before this time.
    pub until: Option<DateTime<Utc>>,
    /// Lines before this place of the merged log, as [`LogPosition`] writes it.
    pub before: Option<String>,
    /// The most lines, up to 501.
    pub limit: usize,
}

/// Returns the beginning of a text to search for.
fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

impl FindLogs {
    /// Returns what the process `id` looks for.
    fn filter(self, id: &str) -> LogFilter {
        let before = self.before.and_then(|before| LogPosition::parse(&before));
        // A line of this time is before that place if its process is, or its number.
        let before = before.map(|LogPosition { at, process, number }| match id.cmp(&process) {
            std::cmp::Ordering::Less => (at, u64::MAX),
            std::cmp::Ordering::Equal => (at, number),
            std::cmp::Ordering::Greater => (at, 0),
        });
        LogFilter {
            level: self.level,
            role: self.role,
            contains: self.contains.map(|text| bounded(&text)),
            request: self.request.map(|text| bounded(&text)),
            since: self.since,
            until: self.until,
            before,
            limit: self.limit.min(MAX_LINES),
        }
    }
}

impl ProcessQuery for FindLogs {
    const PATH: &'static str = "/internal/process/logs";
    type Response = ProcessLogs;

    fn path(&self) -> String {
        let level = self.level.and_then(|level| serde_json::to_value(level).ok());
        let level = level.as_ref().and_then(Value::as_str);
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let (since, until) = (self.since.map(time), self.until.map(time));
        let texts = [
            ("level", level),
            ("role", self.role.as_deref()),
            ("contains", self.contains.as_deref()),
            ("request", self.request.as_deref()),
            ("since", since.as_deref()),
            ("until", until.as_deref()),
            ("before", self.before.as_deref()),
        ];
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        query.extend_pairs(texts.into_iter().filter_map(|(name, text)| Some((name, text?))));
        format!("{}?{}", Self::PATH, query.finish())
    }

    async fn answer(self, process: &ThisProcess) -> ProcessLogs {
        let id = &process.0.identity.id;
        let (searched, filter) = (process.clone(), self.filter(id));
        // Files may be read for it.
        let found = base::tasks::on_own_thread(move || searched.logs(filter)).await;
        found.unwrap_or_else(|| ProcessLogs { id: id.clone(), lines: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_log_is_read_as_it_is_written() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let place = LogPosition { at, process: "3hW9".into(), number: 7 };
        assert_eq!(LogPosition::parse(&place.to_string()), Some(place));
        for wrong in ["", "1", "1.x", "x.y.1", "1.y.-1", "99999999999999999999.y.1"] {
            assert_eq!(LogPosition::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn processes_agree_on_what_is_before_a_place() {
        let at = DateTime::UNIX_EPOCH;
        let place = LogPosition { at, process: "b".into(), number: 7 };
        let find = FindLogs { before: Some(place.to_string()), limit: 9_999, ..FindLogs::default() };
        let filter = |id: &str| find.clone().filter(id);
        assert_eq!(filter("a").before, Some((at, u64::MAX)));
        assert_eq!(filter("b").before, Some((at, 7)));
        assert_eq!(filter("c").before, Some((at, 0)));
        assert_eq!(filter("c").limit, MAX_LINES);
    }

    #[test]
    fn the_parameters_are_escaped() {
        let find = FindLogs {
            level: Some(LogLevel::Warn),
            contains: Some("a b&limit=9".into()),
            since: Some(DateTime::UNIX_EPOCH),
            limit: 3,
            ..FindLogs::default()
        };
        let since = "1970-01-01T00%3A00%3A00.000000Z";
        let path = format!("/internal/process/logs?limit=3&level=warn&contains=a+b%26limit%3D9&since={since}");
        assert_eq!(find.path(), path);
    }
}

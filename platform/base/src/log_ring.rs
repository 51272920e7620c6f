//! The newest lines of the log, kept in memory for the people who run the process, and in files if they are wanted.
//!
//! A layer of the log: it holds what is logged at `info` and above, and nothing that is not logged. Invariant: the
//! lines are bounded in number and in bytes, a line is built before the lock is taken, and a reader holds the lock only
//! while it takes references.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::log_archive::LogArchive;

/// The most lines that are kept.
const MAX_LINES: usize = 2_000;
/// The most bytes of text that are kept.
const MAX_BYTES: usize = 2 << 20;
/// The most bytes of one message or field. What is longer is cut.
const MAX_TEXT_BYTES: usize = 4 * 1024;
/// The most fields of a line.
const MAX_FIELDS: usize = 24;
/// What a line costs besides its texts.
const LINE_BYTES: usize = 200;
/// Fields of the request that a line belongs to.
const SPAN_FIELDS: [&str; 2] = ["role", REQUEST_ID];
const REQUEST_ID: &str = "request.id";

/// The level of a line; a lower one is more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is wrong and may pass.
    Warn,
    /// Something happened.
    Info,
}

impl LogLevel {
    fn of(level: Level) -> Option<Self> {
        match level {
            Level::ERROR => Some(Self::Error),
            Level::WARN => Some(Self::Warn),
            Level::INFO => Some(Self::Info),
            _ => None,
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number in this process, which grows.
    pub number: u64,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: LogLevel,
    /// The module that logged it, such as `media::ingest`.
    pub target: String,
    /// The sentence.
    pub message: String,
    /// The fields, with the role and the id of the request that the line belongs to.
    pub fields: BTreeMap<String, String>,
}

impl LogLine {
    /// Whether a role logged it: in one of its requests, or in its own code.
    fn is_of(&self, role: &str) -> bool {
        self.fields.get("role").is_some_and(|of| of == role) || self.target.split("::").next() == Some(role)
    }

    /// Whether a text is in it, in any case of letters.
    fn contains(&self, lower_case: &str) -> bool {
        let mut texts = [&self.target, &self.message].into_iter().chain(self.fields.values());
        texts.any(|text| text.to_lowercase().contains(lower_case))
    }

    fn bytes(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len() + LINE_BYTES / 4).sum();
        LINE_BYTES + self.target.len() + self.message.len() + fields
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
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
    /// Lines before this one, by time and number.
    pub before: Option<(DateTime<Utc>, u64)>,
    /// The most lines.
    pub limit: usize,
}

impl LogFilter {
    fn admits(&self, line: &LogLine) -> bool {
        self.level.is_none_or(|level| line.level <= level)
            && self.before.is_none_or(|before| (line.at, line.number) < before)
            && self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && self.request.as_ref().is_none_or(|request| line.fields.get(REQUEST_ID) == Some(request))
            && self.role.as_deref().is_none_or(|role| line.is_of(role))
            && self.contains.as_deref().is_none_or(|text| line.contains(text))
    }
}

/// The newest lines of this process; clones share them.
#[derive(Clone, Default)]
pub struct LogRing {
    lines: Arc<Mutex<Lines>>,
    /// Where older lines are, and those of earlier processes.
    archive: Arc<OnceLock<LogArchive>>,
    clock: Clock,
}

impl fmt::Debug for LogRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogRing")
    }
}

#[derive(Default)]
struct Lines {
    /// The oldest first.
    kept: VecDeque<Arc<LogLine>>,
    bytes: usize,
    next: u64,
}

impl LogRing {
    /// Returns an empty ring, whose lines have the times of this clock.
    pub fn new(clock: Clock) -> Self {
        Self { lines: Arc::default(), archive: Arc::default(), clock }
    }

    /// Keeps lines in files of a folder as well, from those on that are here now: `max_bytes` at most, those of earlier
    /// processes too. The first call counts.
    pub fn keep_in(&self, folder: &Path, max_bytes: u64) -> std::io::Result<()> {
        let archive = LogArchive::open(folder, max_bytes)?;
        let kept: Vec<Arc<LogLine>> = self.lines.lock().kept.iter().cloned().collect();
        kept.iter().filter_map(|line| serde_json::to_string(&**line).ok()).for_each(|line| archive.append(&line));
        let _ = self.archive.set(archive);
        Ok(())
    }

    /// Returns the lines that a filter admits, newest first. With files it may take a while.
    pub fn recent(&self, filter: &LogFilter) -> Vec<LogLine> {
        let filter = LogFilter { contains: filter.contains.as_deref().map(str::to_lowercase), ..filter.clone() };
        let mut found: Vec<Arc<LogLine>> = self.lines.lock().kept.iter().cloned().collect();
        let oldest = found.iter().map(|line| line.at).min();
        found.retain(|line| filter.admits(line));
        // By time: threads take their times before they take their numbers.
        found.sort_by_key(|line| std::cmp::Reverse((line.at, line.number)));
        let mut lines: Vec<LogLine> = found.iter().take(filter.limit).map(|line| LogLine::clone(line)).collect();
        let missing = filter.limit - lines.len();
        if let Some(archive) = self.archive.get().filter(|_| missing > 0) {
            let mut older = archive.search(missing, |text| {
                let line: LogLine = serde_json::from_str(text).ok()?;
                // The others are here.
                (oldest.is_none_or(|oldest| line.at < oldest) && filter.admits(&line)).then_some(line)
            });
            older.sort_by_key(|line| std::cmp::Reverse((line.at, line.number)));
            lines.extend(older);
        }
        lines
    }

    fn push(&self, mut line: LogLine) {
        let (bytes, mut lines) = (line.bytes(), self.lines.lock());
        line.number = lines.next;
        let line = Arc::new(line);
        lines.next += 1;
        lines.bytes += bytes;
        lines.kept.push_back(line.clone());
        while lines.kept.len() > MAX_LINES || lines.bytes > MAX_BYTES {
            let Some(oldest) = lines.kept.pop_front() else { break };
            lines.bytes -= oldest.bytes();
        }
        drop(lines);
        if let Some(archive) = self.archive.get()
            && let Ok(text) = serde_json::to_string(&*line)
        {
            archive.append(&text);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogRing {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields { only: Some(&SPAN_FIELDS), ..Fields::default() };
        attributes.record(&mut fields);
        if !fields.values.is_empty() {
            let _ = span.extensions_mut().replace(RequestFields(fields.values));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(level) = LogLevel::of(*event.metadata().level()) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(RequestFields(of_request)) = span.extensions().get::<RequestFields>() {
                for (name, value) in of_request {
                    fields.values.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let Fields { message, values, .. } = fields;
        let (at, target) = (self.clock.now(), event.metadata().target().to_owned());
        self.push(LogLine { number: 0, at, level, target, message, fields: values });
    }
}

/// The fields of a request's span that its lines have too.
struct RequestFields(BTreeMap<String, String>);

/// Collects the fields of an event or a span.
#[derive(Default)]
struct Fields {
    message: String,
    values: BTreeMap<String, String>,
    /// The names to collect; `None` for all.
    only: Option<&'static [&'static str]>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.only.is_some_and(|only| !only.contains(&field.name())) {
            return;
        }
        let mut text = BoundedText::default();
        // It fails where the text is cut.
        let _ = text.write_fmt(value);
        if field.name() == "message" {
            self.message = text.0;
        } else if self.values.len() < MAX_FIELDS {
            self.values.insert(field.name().to_owned(), text.0);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

/// A text of at most [`MAX_TEXT_BYTES`].
#[derive(Default)]
struct BoundedText(String);

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT_BYTES.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn ring() -> (LogRing, Clock) {
        let clock = Clock::fixed(DateTime::UNIX_EPOCH);
        (LogRing::new(clock.clone()), clock)
    }

    fn all() -> LogFilter {
        LogFilter { limit: usize::MAX, ..LogFilter::default() }
    }

    fn messages(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn lines_are_kept_with_their_fields_and_found_newest_first() {
        let (ring, clock) = ring();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(ring.clone()), || {
            let span = tracing::info_span!("request", role = "media", request.id = "r1", other = 1);
            let id = "m1";
            span.in_scope(|| tracing::warn!(target: "http", { media.id = %id, count = 7 }, "a Thing failed"));
            clock.advance(TimeDelta::seconds(1));
            tracing::info!(target: "delivery::api", "hello");
            tracing::debug!("not kept");
            tracing::error!(target: "bus", error = "x".repeat(10_000), "broken");
        });
        let lines = ring.recent(&all());
        assert_eq!(messages(&lines), ["broken", "hello", "a Thing failed"]);
        assert_eq!(lines[0].fields["error"].len(), MAX_TEXT_BYTES);
        let fields: Vec<(&str, &str)> =
            lines[2].fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(fields, [("count", "7"), ("media.id", "m1"), ("request.id", "r1"), ("role", "media")]);
        let found =
            |filter: LogFilter| -> Vec<String> { ring.recent(&filter).into_iter().map(|line| line.message).collect() };
        assert_eq!(found(LogFilter { level: Some(LogLevel::Warn), ..all() }), ["broken", "a Thing failed"]);
        assert_eq!(found(LogFilter { role: Some("media".into()), ..all() }), ["a Thing failed"]);
        assert_eq!(found(LogFilter { role: Some("delivery".into()), ..all() }), ["hello"]);
        assert_eq!(found(LogFilter { contains: Some("THING".into()), ..all() }), ["a Thing failed"]);
        assert_eq!(found(LogFilter { contains: Some("m1".into()), ..all() }), ["a Thing failed"]);
        assert_eq!(found(LogFilter { request: Some("r1".into()), ..all() }), ["a Thing failed"]);
        assert_eq!(found(LogFilter { request: Some("r".into()), ..all() }), [""; 0], "an id is whole");
        assert_eq!(found(LogFilter { since: Some(clock.now()), ..all() }), ["broken", "hello"]);
        assert_eq!(found(LogFilter { until: Some(clock.now()), ..all() }), ["a Thing failed"]);
        assert_eq!(found(LogFilter { limit: 1, ..all() }), ["broken"]);
        // Two lines of the same time: the cursor has the number as well.
        let before = Some((lines[0].at, lines[0].number));
        assert_eq!(found(LogFilter { before, ..all() }), ["hello", "a Thing failed"]);
    }

    #[test]
    fn lines_of_an_earlier_process_are_found_in_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let (first, clock) = ring();
        let log = |ring: &LogRing, message: &str| {
            tracing::subscriber::with_default(tracing_subscriber::registry().with(ring.clone()), || {
                tracing::warn!(count = 1, "{message}");
            });
            clock.advance(TimeDelta::seconds(1));
        };
        log(&first, "before the files");
        first.keep_in(folder.path(), 1 << 20).unwrap();
        log(&first, "the last one");
        assert_eq!(messages(&first.recent(&all())), ["the last one", "before the files"], "none is there twice");
        let second = LogRing::new(clock.clone());
        second.keep_in(folder.path(), 1 << 20).unwrap();
        log(&second, "after a restart");
        let lines = second.recent(&all());
        assert_eq!(messages(&lines), ["after a restart", "the last one", "before the files"]);
        assert_eq!(lines[1].fields["count"], "1");
        let before = Some((lines[0].at, lines[0].number));
        assert_eq!(messages(&second.recent(&LogFilter { before, limit: 1, ..all() })), ["the last one"]);
        let wanted = LogFilter { contains: Some("FILES".into()), ..all() };
        assert_eq!(messages(&second.recent(&wanted)), ["before the files"]);
    }

    #[test]
    fn the_lines_are_bounded_in_number_and_in_bytes() {
        let (ring, _) = ring();
        let line = |message: String| LogLine {
            number: 0,
            at: DateTime::UNIX_EPOCH,
            level: LogLevel::Info,
            target: "x".into(),
            message,
            fields: BTreeMap::new(),
        };
        for number in 0..MAX_LINES + 10 {
            ring.push(line(number.to_string()));
        }
        let lines = ring.recent(&all());
        assert_eq!((lines.len(), lines[0].number), (MAX_LINES, MAX_LINES as u64 + 9));
        for _ in 0..MAX_LINES {
            ring.push(line("y".repeat(MAX_TEXT_BYTES)));
        }
        let lines = ring.recent(&all());
        let bytes: usize = lines.iter().map(LogLine::bytes).sum();
        assert!(bytes <= MAX_BYTES && bytes > MAX_BYTES / 2 && bytes == ring.lines.lock().bytes, "{bytes}");
    }
}

//! Watching every log line of a test for what must never stand in one.
//!
//! Tests plant these markers where files and people say private things: places, titles, names. Invariant: lines are looked at as they are written
//! and not kept, except those that break the rule.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// A place, as QuickTime, Matroska and EXIF tools write it.
pub const PLACE: &str = "+48.1372+011.5755/";
/// A title, or a name that somebody gave.
pub const TITLE: &str = "TOPSECRETTITLE";

/// What no line may contain.
const FORBIDDEN: [&str; 3] = ["48.1372", "11.5755", "TOPSECRET"];
/// Everything that the house logs, and what libraries find worth a warning.
const FILTER: &str = "info,kit=debug,accounts=debug,media=debug,transcode=debug,delivery=debug,gateway=debug";

fn violations() -> &'static Mutex<Vec<String>> {
    static VIOLATIONS: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    VIOLATIONS.get_or_init(Mutex::default)
}

struct LogScanner;

/// One line, written at once by the formatter.
impl Write for LogScanner {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if FORBIDDEN.iter().any(|marker| text.contains(marker)) {
            violations().lock().unwrap_or_else(PoisonError::into_inner).push(text.trim().to_owned());
        }
        if std::env::var_os("TUTTI_TEST_LOG").is_some() {
            std::io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogScanner {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}

/// Starts watching; the first call counts.
pub(crate) fn install() {
    let _ = tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new(FILTER)).with_writer(LogScanner).try_init();
}

/// Fails the test if a marker stood in a line.
pub(crate) fn assert_clean() {
    let violations = violations().lock().unwrap_or_else(PoisonError::into_inner);
    assert!(violations.is_empty(), "what is private stands in the log:\n{}", violations.join("\n"));
}

/// Fails the test if a marker stands in a process's words.
#[track_caller]
pub fn assert_nothing_private(log: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| FORBIDDEN.iter().any(|marker| line.contains(marker))).collect();
    assert!(lines.is_empty(), "what is private stands in the log:\n{}", lines.join("\n"));
}

//! A check of every log line of a test for private data.
//!
//! Tests plant these markers where files and members have private data: places, titles and names. Invariant: each line
//! is checked when it is written, and only lines with a marker are kept.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The marker of a place, as QuickTime, Matroska and EXIF tools write it.
pub const PLACE: &str = "+48.1372+011.5755/";
/// The marker of a title, or of a name that a member chose.
pub const TITLE: &str = "TOPSECRETTITLE";

/// Texts that no line may contain.
const FORBIDDEN: [&str; 3] = ["48.1372", "11.5755", "TOPSECRET"];
/// The log filter: everything of our own crates at `debug`, the rest at `info`.
const FILTER: &str = "info,kit=debug,accounts=debug,media=debug,transcode=debug,delivery=debug,gateway=debug";

fn violations() -> &'static Mutex<Vec<String>> {
    static VIOLATIONS: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    VIOLATIONS.get_or_init(Mutex::default)
}

/// A writer of the log that checks each line.
struct LogScanner;

/// The formatter writes each line with one call.
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

/// Installs the check; later calls do nothing.
pub(crate) fn install() {
    let _ = tracing_subscriber::fmt().json().with_env_filter(EnvFilter::new(FILTER)).with_writer(LogScanner).try_init();
}

/// Fails the test if a line had a marker.
pub(crate) fn assert_clean() {
    let violations = violations().lock().unwrap_or_else(PoisonError::into_inner);
    assert!(violations.is_empty(), "the log has private data:\n{}", violations.join("\n"));
}

/// Fails the test if a line of a process's log has a marker.
#[track_caller]
pub fn assert_nothing_private(log: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| FORBIDDEN.iter().any(|marker| line.contains(marker))).collect();
    assert!(lines.is_empty(), "the log has private data:\n{}", lines.join("\n"));
}

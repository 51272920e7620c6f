//! A check of every log line of a test for private data.
//!
//! Tests plant these markers where files and members have private data: places, titles and names. Invariant: each line
//! is checked when it is written, and only lines with a marker are kept.

use std::io::Write;

use base::log_ring::LogRing;
use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::fleet::Topology;

/// The marker of a place, as QuickTime, Matroska and EXIF tools write it. Its numbers are none that a time of a log
/// line can have by chance: a minute has no 78 seconds.
pub const PLACE: &str = "+78.1372+111.5755/";
/// The marker of a title, or of a name that a member chose.
pub const TITLE: &str = "TOPSECRETTITLE";

/// Texts that no line may contain.
const FORBIDDEN: [&str; 3] = ["78.1372", "111.5755", "TOPSECRET"];
/// Our own crates that are no role.
const CRATES: [&str; 24] = [
    "alerts",
    "backup",
    "base",
    "boot",
    "bus",
    "bus_nats",
    "classify",
    "codec",
    "contract",
    "db",
    "http_server",
    "mail",
    "objects",
    "objects_s3",
    "outgoing",
    "peer",
    "resample",
    "sandbox",
    "screening",
    "screening_store",
    "service",
    "testkit",
    "transfer",
    "tutti",
];

/// The lines with a marker so far, of all worlds of this process.
static VIOLATIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A writer of the log that checks each line.
struct LogScanner;

/// The formatter writes each line with one call.
impl Write for LogScanner {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if FORBIDDEN.iter().any(|marker| text.contains(marker)) {
            VIOLATIONS.lock().push(text.trim().to_owned());
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

/// Installs the check, of every line of our own crates at `debug` and of others at `info`; later calls do nothing.
pub(crate) fn install() {
    let scanned = CRATES.iter().chain(&Topology::ROLES).map(|name| format!(",{name}=debug"));
    let filter = EnvFilter::new(format!("info{}", scanned.collect::<String>()));
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(LogScanner).try_init();
}

/// Runs `work`, and keeps the lines that it logs in `ring` and nowhere else.
pub fn log_into(ring: &LogRing, work: impl FnOnce()) {
    let _guard = tracing_subscriber::registry().with(ring.clone()).set_default();
    work();
}

/// Fails the test if a line had a marker.
pub(crate) fn assert_clean() {
    let violations = VIOLATIONS.lock();
    assert!(violations.is_empty(), "the log has private data:\n{}", violations.join("\n"));
}

/// Fails the test if a line of a process's log has a marker.
#[track_caller]
pub fn assert_nothing_private(log: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| FORBIDDEN.iter().any(|marker| line.contains(marker))).collect();
    assert!(lines.is_empty(), "the log has private data:\n{}", lines.join("\n"));
}

//! `tutti move`: copies a data folder to PostgreSQL and S3 and reports what both sides have.
//!
//! Owns the command's output; the transfer itself is [`transfer`]. Invariant: it exits with 0 only if both sides
//! are the same.

use std::error::Error as _;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use transfer::{Outcome, ProgressListener, ReportRow, Transfer};

use crate::cli::Move;
use crate::terminal::say;
use crate::{CommandError, roles, settings};

pub(crate) async fn run(arguments: Move) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let transfer = Transfer::open(&server.data, &config, &roles::all(), base::Clock::system())
        .await
        .map_err(|error| with_causes(&error))?;
    let progress = ProgressReport::new();
    let rows = if arguments.verify {
        transfer.verify(&progress).await.map_err(|error| with_causes(&error))?
    } else {
        match transfer.run(&progress).await.map_err(|error| {
            format!(
                "{}. Run the same command again: it continues where it stopped.",
                with_causes(&error).trim_end_matches('.')
            )
        })? {
            Outcome::Moved(rows) => rows,
            Outcome::AlreadyDone(at) => {
                say!(
                    "{} was moved here on {at}; nothing was changed. `--verify` compares both sides.",
                    server.data.display()
                );
                return Ok(());
            }
        }
    };
    progress.finish();
    report(&rows)
}

/// Returns the text of an error and its causes: the text of a port's error lacks what the server responded.
fn with_causes(error: &transfer::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = inner.source();
    }
    text
}

fn report(rows: &[ReportRow]) -> Result<(), CommandError> {
    say!("{:<28} {:>10} {:>12}  ", "part", "items", "bytes");
    for row in rows {
        let verdict = if row.matches { "ok".to_owned() } else { format!("differs ({} there)", row.destination_count) };
        say!("{:<28} {:>10} {:>12}  {verdict}", row.part, row.source_count, HumanBytes(row.bytes).to_string());
        for key in &row.differences {
            say!("    {key}");
        }
    }
    match rows.iter().filter(|row| !row.matches).count() {
        0 => {
            say!("Both sides are the same.");
            Ok(())
        }
        differing => Err(format!(
            "{differing} of {} parts differ. Did something write to either side? See docs/guides/moving.md.",
            rows.len()
        )
        .into()),
    }
}

/// A progress bar over bytes; without a terminal, a line per tenth.
struct ProgressReport {
    bar: Option<ProgressBar>,
    expected: AtomicU64,
    moved: AtomicU64,
}

impl ProgressReport {
    fn new() -> Self {
        let terminal_bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) =
                ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar: terminal_bar, expected: AtomicU64::new(0), moved: AtomicU64::new(0) }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl ProgressListener for ProgressReport {
    fn step(&self, sentence: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(sentence.to_owned()),
            None => eprintln!("{sentence}"),
        }
    }

    fn total_bytes(&self, bytes: u64) {
        self.expected.store(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
        }
    }

    fn advanced(&self, bytes: u64) {
        let expected = self.expected.load(Ordering::Relaxed).max(1);
        let before = self.moved.fetch_add(bytes, Ordering::Relaxed);
        match &self.bar {
            Some(bar) => bar.set_position(before + bytes),
            None if before * 10 / expected < (before + bytes) * 10 / expected => {
                eprintln!("{} of {}", HumanBytes(before + bytes), HumanBytes(expected));
            }
            None => {}
        }
    }
}

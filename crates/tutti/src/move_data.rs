//! `tutti move`: a data folder to PostgreSQL and S3, with a report of what is on both sides.
//!
//! Owns what the operator sees; the move itself is [`kit::transfer`]. Invariant: it exits with 0 only if both sides are the same.

use std::error::Error as _;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use kit::transfer::{Outcome, ProgressListener, ReportRow, Transfer};

use crate::cli::Move;
use crate::{Failure, roles, settings};

pub(crate) async fn run(arguments: Move) -> Result<(), Failure> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let transfer = Transfer::open(&server.data, &config, &roles::all(), kit::Clock::system()).await.map_err(|error| told(&error))?;
    let bar = Bar::new();
    let lines = if arguments.verify {
        transfer.verify(&bar).await.map_err(|error| told(&error))?
    } else {
        match transfer.run(&bar).await.map_err(|error| format!("{}. Give the same command again: it goes on where it was.", told(&error).trim_end_matches('.')))? {
            Outcome::Moved(lines) => lines,
            Outcome::Already(at) => {
                println!("{} was moved here on {at}; nothing was touched. `--verify` compares both sides.", server.data.display());
                return Ok(());
            }
        }
    };
    bar.finish();
    report(&lines)
}

/// An error with its causes: a sentence of a port alone doesn't say what the server said.
fn told(error: &kit::transfer::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

fn report(lines: &[ReportRow]) -> Result<(), Failure> {
    println!("{:<28} {:>10} {:>12}  ", "part", "items", "bytes");
    for line in lines {
        let stands = if line.fits { "ok".to_owned() } else { format!("differs ({} there)", line.there) };
        println!("{:<28} {:>10} {:>12}  {stands}", line.part, line.items, HumanBytes(line.bytes).to_string());
        for key in &line.differing {
            println!("    {key}");
        }
    }
    match lines.iter().filter(|line| !line.fits).count() {
        0 => {
            println!("Both sides are the same.");
            Ok(())
        }
        differing => Err(format!("{differing} of {} parts differ. Did something write to either side? See docs/guides/moving.md.", lines.len()).into()),
    }
}

/// A bar over bytes, or a line per tenth where nobody looks at a terminal.
struct Bar {
    drawn: Option<ProgressBar>,
    expected: AtomicU64,
    moved: AtomicU64,
}

impl Bar {
    fn new() -> Self {
        let drawn = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
                bar.set_style(style);
            }
            bar
        });
        Self { drawn, expected: AtomicU64::new(0), moved: AtomicU64::new(0) }
    }

    fn finish(&self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

impl ProgressListener for Bar {
    fn says(&self, sentence: &str) {
        match &self.drawn {
            Some(bar) => bar.set_message(sentence.to_owned()),
            None => eprintln!("{sentence}"),
        }
    }

    fn expects(&self, bytes: u64) {
        self.expected.store(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.drawn {
            bar.set_length(bytes);
        }
    }

    fn moved(&self, bytes: u64) {
        let expected = self.expected.load(Ordering::Relaxed).max(1);
        let before = self.moved.fetch_add(bytes, Ordering::Relaxed);
        match &self.drawn {
            Some(bar) => bar.set_position(before + bytes),
            None if before * 10 / expected < (before + bytes) * 10 / expected => eprintln!("{} of {}", HumanBytes(before + bytes), HumanBytes(expected)),
            None => {}
        }
    }
}

//! `make fleet`: runs engines and a whole fleet of the given binary on this machine until Ctrl-C, with all logs on one
//! terminal.
//!
//! `fleet BINARY [COMMAND…]` runs the command against the fleet instead (its URL is in `TUTTI_URL`) and exits with the
//! command's exit code. Invariant: every process that it started has ended when it ends.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::engines::{Nats, Postgres, S3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

/// ANSI colour codes, one per process, in turn.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(binary) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: fleet BINARY [COMMAND [ARGUMENT…]]");
        return ExitCode::from(2);
    };
    let binary = match binary.canonicalize() {
        Ok(binary) => binary,
        Err(error) => {
            eprintln!("{} can't be found: {error}", binary.display());
            return ExitCode::from(2);
        }
    };
    let command: Vec<_> = arguments.collect();
    eprintln!("starting PostgreSQL, NATS and an S3 server …");
    let (postgres, nats, s3) =
        (Postgres::start_with(&["fsync=off", "full_page_writes=off"]), Nats::start(), S3::start());
    let mut fleet = Fleet::prepare(&binary, &EngineUrls::of(&postgres, &nats, &s3), &Topology::standard(), &[]);
    let logs: Vec<(String, PathBuf)> = fleet
        .processes
        .iter()
        .map(|process| (process.program.name().to_owned(), process.program.log().to_owned()))
        .collect();
    let stopped = Arc::new(AtomicBool::new(false));
    let log_follower = command.is_empty().then(|| {
        let stopped = stopped.clone();
        std::thread::spawn(move || follow_logs(&logs, &stopped))
    });
    fleet.ensure_running();
    let code = if let Some((program, arguments)) = command.split_first() {
        let status = Command::new(program).args(arguments).env("TUTTI_URL", fleet.gateway_url()).status();
        match status {
            Ok(status) => {
                status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1)))
            }
            Err(error) => {
                eprintln!("{} can't be run: {error}", program.display());
                ExitCode::FAILURE
            }
        }
    } else {
        println!(
            "\n  Tutti is at  {}",
            fleet.with_role("gateway").map(|process| process.url.as_str()).collect::<Vec<_>>().join("  and  ")
        );
        for process in &fleet.processes {
            println!("  {:<12} {}   operations {}", process.program.name(), process.url, process.operations_url);
        }
        println!("  configuration {}\n  Ctrl-C stops it.\n", fleet.config_path().display());
        wait_for_signal();
        ExitCode::SUCCESS
    };
    for process in fleet.processes.iter_mut().rev() {
        process.program.terminate();
    }
    stopped.store(true, Ordering::Relaxed);
    if let Some(log_follower) = log_follower {
        let _ = log_follower.join();
    }
    code
}

/// Waits for Ctrl-C or SIGTERM.
fn wait_for_signal() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    });
}

/// Follows the logs and prints new lines, each with its process's name before it.
fn follow_logs(logs: &[(String, PathBuf)], stopped: &AtomicBool) {
    let mut read: HashMap<&Path, u64> = HashMap::new();
    let colours = std::io::stdout().is_terminal();
    loop {
        let last = stopped.load(Ordering::Relaxed);
        for (at, (name, path)) in logs.iter().enumerate() {
            let from = read.entry(path).or_default();
            let text = read_from(path, *from);
            // Only whole lines are printed; the rest follows in the next round.
            let Some(end) = text.rfind('\n') else { continue };
            *from += end as u64 + 1;
            let mut out = std::io::stdout().lock();
            for line in text[..end].lines() {
                let colour = COLOURS[at % COLOURS.len()];
                let _ = if colours {
                    writeln!(out, "\x1b[{colour}m{name:<12}\x1b[0m {line}")
                } else {
                    writeln!(out, "{name:<12} {line}")
                };
            }
        }
        if last {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns what a file has from a position on; empty if it can't be read.
fn read_from(path: &Path, from: u64) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let _ = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut text));
    }
    String::from_utf8_lossy(&text).into_owned()
}

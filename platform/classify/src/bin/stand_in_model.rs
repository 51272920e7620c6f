//! A child that speaks the protocol of the model without one, for tests: its first argument says how it behaves.
//!
//! Invariant: it writes its process id to the file `pid` of its folder before its first line.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let behaviour = std::env::args().nth(1).unwrap_or_default();
    if std::fs::write("pid", std::process::id().to_string()).is_err() {
        return ExitCode::FAILURE;
    }
    if behaviour == "broken" {
        println!("failed it is broken");
        return ExitCode::FAILURE;
    }
    println!("ready stand-in");
    let mut frame = vec![0; classify::FRAME_BYTES];
    while std::io::stdin().read_exact(&mut frame).is_ok() {
        let answer = match behaviour.as_str() {
            "slow" => {
                std::thread::sleep(Duration::from_secs(60));
                "0.5".to_owned()
            }
            "hungry" => {
                // More than any limit of a test, and touched.
                let filled = vec![frame[0].max(1); 2 << 30];
                (f32::from(filled[filled.len() - 1]) / 255.0).to_string()
            }
            "odd" => "seven".to_owned(),
            "endless" => "0".repeat(1 << 20),
            // How bright the picture is.
            _ => (f32::from(frame[0]) / 255.0).to_string(),
        };
        println!("{answer}");
        if std::io::stdout().flush().is_err() || behaviour == "once" {
            break;
        }
    }
    ExitCode::SUCCESS
}

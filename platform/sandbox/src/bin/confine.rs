//! The launcher as a separate program, for tests. In the product, `tutti` is its own launcher.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::launch(std::env::args_os()).unwrap_or_else(|| {
        eprintln!("usage: confine confine run OPTIONS -- PROGRAM ARGUMENTS");
        ExitCode::FAILURE
    })
}

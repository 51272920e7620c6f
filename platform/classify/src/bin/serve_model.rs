//! The child that runs the model, as a program of its own; in production `tutti` is that program.
//!
//! Invariant: without the arguments of such a child it does nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    classify::serve_model(std::env::args_os()).unwrap_or(ExitCode::FAILURE)
}

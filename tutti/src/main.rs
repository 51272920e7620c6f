//! The binary: parses the command line and runs the command.
//!
//! Owns the process (arguments, environment, signals, exit code) and no rule of any domain. Invariant: no crate below
//! this one reads the environment.

mod accounts;
mod alerting;
mod audit;
mod backup;
mod bus;
mod certificates;
mod check;
mod cli;
mod client;
mod command_docs;
mod command_docs_arguments;
mod config_reference;
mod databases;
mod demo;
mod doctor;
mod environment;
mod installation_arguments;
mod jobs;
mod keys;
mod listeners;
mod local_server;
mod metrics_format;
mod migrate;
mod move_data;
mod objects;
mod openapi;
mod otlp;
mod page;
mod process_metrics;
mod readiness;
mod release;
mod renamed_keys;
mod retire;
mod roles;
mod serve;
mod settings;
mod start_log;
mod telemetry;
mod terminal;
mod upload;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

/// mimalloc returns memory to the system after a burst of images; the system's allocator would keep it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // This binary is also the launcher of converters (see the crate `sandbox`), which must run before there is a second
    // thread.
    if let Some(code) = sandbox::launch(std::env::args_os()) {
        return code;
    }
    // And it is the child that runs the model of pictures, confined by that launcher.
    if let Some(code) = classify::serve_model(std::env::args_os()) {
        return code;
    }
    // The allocator asks for huge pages; an idle server would hold twenty-four of them. Where the kernel has none to
    // give, there is nothing to forbid.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Only this process's user can access the files that it creates.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = Cli::parse();
    base::tls::install_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(128).build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the async runtime can't start: {error}")),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Upload(arguments) => upload::run(arguments).await,
            Command::Openapi { operators } => openapi::print(operators),
            Command::Accounts(arguments) => accounts::run(arguments).await,
            Command::Audit(arguments) => audit::run(arguments).await,
            Command::Check(arguments) => check::run(arguments).await,
            Command::Migrate(arguments) => migrate::run(arguments).await,
            Command::Move(arguments) => move_data::run(arguments).await,
            Command::Backup(arguments) => backup::run(arguments).await,
            Command::Restore(arguments) => backup::restore(arguments).await,
            Command::Verify(arguments) => backup::verify(arguments).await,
            Command::List(arguments) => backup::list(arguments).await,
            Command::Bus(arguments) => bus::run(arguments).await,
            Command::Jobs(arguments) => jobs::run(arguments).await,
            Command::Objects(arguments) => objects::run(arguments).await,
            Command::Keys(arguments) => keys::run(&arguments),
            Command::Env(arguments) => environment::run(arguments).await,
            Command::Page(arguments) => page::run(&arguments),
            Command::Release(arguments) => release::run(arguments).await,
            Command::Retire(arguments) => retire::run(arguments).await,
            Command::Config => config_reference::print(),
            Command::Completions(arguments) => command_docs::print_completions(arguments.shell),
            Command::Man(arguments) => command_docs::print_manual(&arguments.command),
            Command::Version => {
                terminal::say!("tutti {}", env!("CARGO_PKG_VERSION"));
                Ok(())
            }
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("tutti: {reason}");
    ExitCode::FAILURE
}

/// Why a command failed; its text is a sentence for the terminal.
pub(crate) type CommandError = Box<dyn std::error::Error + Send + Sync>;

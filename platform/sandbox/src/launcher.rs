//! The launcher: reads its arguments, confines its own process, then executes the program.
//!
//! Owns the order of the steps: a step that needs privileges or open files runs before the process gives those up.
//! Invariant: either the program runs with every mechanism that this machine supports, or it does not run and one line
//! on standard error says why.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rustix::process::{getpid, getppid};

use crate::{Confinement, Mechanism, Strictness, landlock, rlimits, seccomp, user};

/// The first argument of a launcher.
pub(crate) const COMMAND: &str = "confine";
pub(crate) const RUN: &str = "run";
pub(crate) const CHECK: &str = "check";
/// The first line of a report.
pub(crate) const REPORT_HEADER: &str = "confinement:";

/// The start of the line that a launcher writes to standard error when it could not start the program.
pub const ERROR_PREFIX: &str = "tutti confine: ";
/// The exit code of a launcher that could not start the program.
pub const EXIT_NOT_STARTED: u8 = 126;

/// The parsed arguments of a launcher.
struct LaunchOptions {
    action: OsString,
    confinement: Confinement,
    parent: Option<i32>,
    program: Vec<OsString>,
}

/// Runs the launcher if these are a launcher's arguments (the first one is the process's own name), and returns `None`
/// otherwise. Does not return if the program was started. Call this first in `main`, while the process has one thread:
/// the steps apply to the calling thread only.
pub fn launch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != COMMAND {
        return None;
    }
    // The server has none, and the flag is inherited; a converter is faster with them.
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    let result = parse(arguments).and_then(|options| {
        if options.action == CHECK {
            let missing = confine(&options)?;
            println!("{REPORT_HEADER}");
            missing.iter().for_each(|(mechanism, reason)| println!("{}: {reason}", mechanism.name()));
            return Ok(());
        }
        let missing = confine(&options)?;
        if let (Strictness::Strict, Some((mechanism, reason))) = (options.confinement.strictness, missing.first()) {
            return Err(format!("{} is missing: {reason}", mechanism.name()));
        }
        let Some((program, arguments)) = options.program.split_first() else {
            return Err("no program is given".into());
        };
        Err(format!("the program can't be started: {}", Command::new(program).args(arguments).exec()))
    });
    match result {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(reason) => {
            eprintln!("{ERROR_PREFIX}{}", reason.lines().next().unwrap_or_default());
            Some(ExitCode::from(EXIT_NOT_STARTED))
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<LaunchOptions, String> {
    let action = arguments.next().ok_or("no action is given")?;
    let mut options = LaunchOptions { action, confinement: Confinement::default(), parent: None, program: Vec::new() };
    let confinement = &mut options.confinement;
    while let Some(name) = arguments.next() {
        if name == "--" {
            options.program = arguments.collect();
            break;
        }
        let value = arguments.next().ok_or("an option has no value")?;
        let text = || value.to_str().ok_or("a value is not text");
        let number = || text()?.parse::<u64>().map_err(|_| "a value is not a number");
        let small_number = || number().and_then(|number| i32::try_from(number).map_err(|_| "a value is too large"));
        match name.to_str().unwrap_or_default() {
            "--strictness" => confinement.strictness = Strictness::parse(text()?).ok_or("the strictness is unknown")?,
            "--folder" => confinement.folder = PathBuf::from(value),
            "--readable" => confinement.readable.push(PathBuf::from(value)),
            "--memory" => confinement.memory_bytes = number()?,
            "--cpu" => confinement.cpu_seconds = number()?,
            "--file" => confinement.file_bytes = number()?,
            "--nice" => confinement.nice = small_number()?,
            "--user" => confinement.user = Some(u32::try_from(number()?).map_err(|_| "the user id is out of range")?),
            "--parent" => options.parent = Some(small_number()?),
            _ => return Err("an option is unknown".into()),
        }
    }
    Ok(options)
}

/// Confines this process. Returns the mechanisms that failed, each with the reason.
fn confine(options: &LaunchOptions) -> Result<Vec<(Mechanism, String)>, String> {
    let confinement = &options.confinement;
    let (mut missing, mut process_errors) = (Vec::new(), Vec::new());
    close_inherited_files()?;
    rlimits::set(confinement)?;
    process_errors.extend(rlimits::raise_oom_score().err());
    if confinement.strictness == Strictness::Off {
        process_errors.extend(die_with_parent(options.parent)?);
    } else {
        // The rules are created while this process may still open the files. A rule belongs to the file, not to its
        // path.
        let rules = landlock::rules(confinement, options.program.first());
        if let Err(reason) = &rules {
            missing.push((Mechanism::Files, reason.clone()));
        }
        if rustix::process::geteuid().is_root() {
            // The capability to ignore modes is safe only where Landlock restricts it (see `user`).
            let changed = match (&rules, confinement.user) {
                (Ok(_), Some(user)) => user::become_user(user, &confinement.folder),
                (Ok(_), None) => Err("no user is configured".into()),
                (Err(_), _) => Err("Landlock is missing".into()),
            };
            missing.extend(changed.err().map(|reason| (Mechanism::User, reason)));
        }
        // After the change of user, which resets this setting.
        process_errors.extend(die_with_parent(options.parent)?);
        rustix::thread::set_no_new_privs(true).map_err(|error| format!("no_new_privs is not possible: {error}"))?;
        if let Ok(rules) = rules {
            missing.extend(landlock::enforce(rules).err().map(|reason| (Mechanism::Files, reason)));
        }
        missing.extend(seccomp::install_filters(getpid()).err().map(|reason| (Mechanism::Calls, reason)));
    }
    missing.extend(process_errors.into_iter().map(|reason| (Mechanism::Process, reason)));
    Ok(missing)
}

/// Makes the kernel kill this process when its parent ends. Returns the reason if that is not possible.
fn die_with_parent(parent: Option<i32>) -> Result<Option<String>, String> {
    let set = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let current = getppid().map(rustix::process::Pid::as_raw_pid);
    match parent {
        // The parent ended between the fork and the call above.
        Some(parent) if current != Some(parent) => Err("the server has ended".into()),
        _ => Ok(set.err().map(|error| error.to_string())),
    }
}

/// Closes every inherited file except the three standard streams. The server's own files close at exec by themselves;
/// this also covers files that libraries opened.
fn close_inherited_files() -> Result<(), String> {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return Ok(()) };
    let numbers: Vec<i32> = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        match nix::unistd::close(number) {
            // The descriptor of the listing itself is closed already.
            Ok(()) | Err(nix::errno::Errno::EBADF) => {}
            Err(error) => return Err(format!("an inherited file can't be closed: {error}")),
        }
    }
    Ok(())
}

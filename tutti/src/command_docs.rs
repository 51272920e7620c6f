//! `tutti completions` and `tutti man`: what shells and `man` know about the command line.
//!
//! Invariant: both are generated from the definition of the command line, so they never differ from it.

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::{CommandError, terminal};

/// Prints a shell's completions.
#[allow(clippy::unnecessary_wraps, reason = "every command may fail")]
pub(crate) fn print_completions(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tutti", &mut script);
    print(&script);
    Ok(())
}

/// Prints the manual page of a command, such as `objects check`; without a name, that of `tutti` itself.
pub(crate) fn print_manual(names: &[String]) -> Result<(), CommandError> {
    let mut command = Cli::command();
    command.build();
    for name in names {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| format!("there is no command called `{name}`; `tutti --help` lists them"))?;
    }
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    print(&page);
    Ok(())
}

fn print(text: &[u8]) {
    terminal::write(format_args!("{}", String::from_utf8_lossy(text)));
}

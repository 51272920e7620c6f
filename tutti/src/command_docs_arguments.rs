//! The command line of `tutti completions` and `tutti man`.
//!
//! Invariant: this file knows nothing of the other commands.

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti completions bash > ~/.local/share/bash-completion/completions/tutti\n",
        "  tutti completions fish > ~/.config/fish/completions/tutti.fish",
    )
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tutti man | man -l -\n  tutti man objects check > tutti-objects-check.1")]
pub(crate) struct Manual {
    /// The command; without one, the page of tutti itself
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

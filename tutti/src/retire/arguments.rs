//! The command line of `tutti retire`.
//!
//! Invariant: what the command stops, its help says.

use clap::Args;

use crate::installation_arguments::Settings;

/// The arguments of `tutti retire`.
#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti retire --data /var/lib/tutti --reason 'moved to the new machine'\n",
        "  tutti retire --undo --config /etc/tutti.toml\n\n",
        "Works beside running servers, and holds for those that start later: no timed job begins, and no mail,\n",
        "push or webhook is sent. Members can still read. A copy that `tutti restore` or `tutti move` makes is not\n",
        "retired.",
    )
)]
pub(crate) struct Retire {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Why, for those who find the site retired
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Take the retirement back
    #[arg(long, conflicts_with = "reason")]
    pub(crate) undo: bool,
}

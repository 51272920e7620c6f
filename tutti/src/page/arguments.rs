//! The command line of `tutti page`.
//!
//! Invariant: what a command overwrites or removes, its help says.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::installation_arguments::Settings;

/// The arguments of `tutti page`.
#[derive(Debug, Args)]
pub(crate) struct Page {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: PageAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PageAction {
    /// Write the page's files, compressed ones beside them, and tutti-page.json with the headers of each
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti page export page\n",
            "  tutti page export page --config /etc/tutti.toml\n\n",
            "The configuration says which origin large files come from (objects.direct_downloads). A folder that has\n",
            "anything else is refused. Assets of earlier exports stay: pages that are open need them.",
        )
    )]
    Export {
        /// The folder: a new or empty one, or one that this command wrote
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

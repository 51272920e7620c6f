//! The command line of `tutti release`.
//!
//! Invariant: what a command overwrites or removes, its help says.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::installation_arguments::Settings;

/// The arguments of `tutti release`.
#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti release prepare --config /etc/tutti.toml\n",
        "  tutti release start --config /etc/tutti.toml\n\n",
        "Each command is typed with the binary of the new release. [release] in the configuration has the commands\n",
        "that start and replace processes; docs/guides/releases.md has examples.",
    )
)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: ReleaseAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseAction {
    /// Check the schemas, make a restore point, and print how the processes are drained. Changes no schema
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti release prepare --config /etc/tutti.toml\n",
            "  tutti release prepare --config /etc/tutti.toml --old /usr/bin/tutti",
        )
    )]
    Prepare {
        /// The binary of the running release: it is started on a copy with the new schemas, and has to be ready
        #[arg(long, value_name = "FILE")]
        old: Option<PathBuf>,
        /// Go on although the running release can't work with the new schemas: the way back is the database's alone
        #[arg(long)]
        no_way_back: bool,
    },
    /// Accept this release, as a tester: writes a signed statement, without which production is refused
    #[command(
        after_help = "Example:\n  tutti release accept --key tester.pem --notes 'the list of checks, on staging'"
    )]
    Accept {
        /// The tester's private key (Ed25519, PEM), as `tutti keys tester` makes it
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// What was tested
        #[arg(long, value_name = "TEXT")]
        notes: String,
        /// The file [default: accepted-VERSION.json in release.folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Start the canary, watch it, and replace the other processes; go back if the error budget burns
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti release start --config /etc/tutti.toml\n",
            "  tutti release start --config /etc/tutti.toml --acceptance accepted-0.2.0.json --hold",
        )
    )]
    Start {
        #[command(flatten)]
        acceptance: AcceptanceFile,
        /// End after the watch; `tutti release promote` goes on
        #[arg(long)]
        hold: bool,
    },
    /// Replace the other processes, after a canary that was watched
    #[command(after_help = "Example:\n  tutti release promote --config /etc/tutti.toml")]
    Promote {
        #[command(flatten)]
        acceptance: AcceptanceFile,
    },
    /// Go back to the release before: the binary, and with --database also the rows, after what is lost is listed
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti release rollback --config /etc/tutti.toml\n",
            "  tutti release rollback --config /etc/tutti.toml --database\n",
            "  tutti release rollback --config /etc/tutti.toml --database --yes\n\n",
            "With --database all that came after the restore point is lost. The present databases are set aside\n",
            "beside the restored ones, and objects that came later stay in the store without rows that name them.",
        )
    )]
    Rollback {
        /// Take the databases back to the restore point, too
        #[arg(long)]
        database: bool,
        /// The restore point [default: that of `tutti release prepare`]
        #[arg(long, value_name = "ID", requires = "database")]
        point: Option<String>,
        /// Do it: without this, --database lists what would be lost
        #[arg(long, requires = "database")]
        yes: bool,
    },
}

/// The acceptance of a release.
#[derive(Debug, Args)]
pub(crate) struct AcceptanceFile {
    /// The file that `tutti release accept` wrote [default: accepted-VERSION.json in release.folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) acceptance: Option<PathBuf>,
}

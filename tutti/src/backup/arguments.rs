//! The command line of backups.
//!
//! Invariant: what a command overwrites or removes, its help says.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::installation_arguments::Settings;

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti backup key /etc/tutti/backup.key\n",
        "  tutti backup --data /var/lib/tutti --config /etc/tutti.toml\n",
        "  tutti backup drill --config /etc/tutti.toml --key escrow.key\n\n",
        "The configuration names the repository (backup.folder, or backup.bucket) and the key (backup.key_file).\n",
        "Works beside running servers. Points that the configuration keeps no longer are removed afterwards.",
    )
)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    #[command(subcommand)]
    pub(crate) action: Option<BackupAction>,
}

/// The options that say how a repository is opened, and how its commands respond.
#[derive(Debug, Clone, Args)]
pub(crate) struct RepositoryArguments {
    /// The file with the key of the backups [default: backup.key_file]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupAction {
    /// Make a key in a new file, and print the public key
    #[command(after_help = "Example:\n  tutti backup key /etc/tutti/backup.key")]
    Key {
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Restore a point into a scratch folder, start it and check it: what a bad night would need
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti backup drill --config /etc/tutti.toml\n",
            "  tutti backup drill --config /etc/tutti.toml --key escrow.key --scratch /mnt/scratch\n\n",
            "It needs as much room as the installation. It sends nothing to anybody, and touches nothing of the\n",
            "installation: its databases have generated names, and its server listens on this machine only.",
        )
    )]
    Drill {
        /// The recovery point
        #[arg(long, value_name = "ID", default_value = "latest")]
        point: String,
        /// The folder in which the scratch folder is made [default: backup.drill_folder]
        #[arg(long, value_name = "DIR")]
        scratch: Option<PathBuf>,
    },
    /// Remove the points that the configuration keeps no longer, and the files that no point names
    #[command(after_help = "Example:\n  tutti backup prune --config /etc/tutti.toml")]
    Prune,
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti restore --data /var/lib/tutti --set backup.folder=/mnt/backups --key escrow.key\n",
        "  tutti restore --only-files old-machine --set backup.folder=/mnt/backups --key escrow.key\n",
        "  tutti restore --data /var/lib/tutti --config /etc/tutti.toml --point 20261130T084500Zab12\n\n",
        "The place must be empty: the data folder, the schemas and the store. Nothing is overwritten. After an\n",
        "interruption, the same command continues where it stopped.",
    )
)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The recovery point
    #[arg(long, value_name = "ID", default_value = "latest")]
    pub(crate) point: String,
    /// Restore keys, configuration, logs and system information alone, into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) only_files: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti verify --config /etc/tutti.toml\n",
        "  tutti verify --config /etc/tutti.toml --sizes-only --key escrow.key\n\n",
        "Fails if anything is damaged, and if the newest point is older than backup.max_age_hours.",
    )
)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The recovery point [default: all of them]
    #[arg(long, value_name = "ID")]
    pub(crate) point: Option<String>,
    /// Compare sizes, and read manifests and indexes alone
    #[arg(long)]
    pub(crate) sizes_only: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tutti list --config /etc/tutti.toml\n  tutti list --config /etc/tutti.toml --json"
)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
}

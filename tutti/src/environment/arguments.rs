//! The command line of `tutti env`.
//!
//! Invariant: what a command overwrites or removes, its help says.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::installation_arguments::Settings;

/// The arguments of `tutti env`.
#[derive(Debug, Args)]
pub(crate) struct Env {
    #[command(subcommand)]
    pub(crate) action: EnvAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvAction {
    /// Make an environment: a configuration, keys, databases, a place for objects and events, and demonstration content
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti env new dev\n",
            "  tutti env new dev --like engines.toml --empty\n",
            "  tutti serve --config environments/dev/tutti.toml\n\n",
            "Without --like all of it is in the folder. A description is a configuration file that names engines:\n",
            "the environment gets a database of its own on that server (or schemas, with --schemas), a prefix of its\n",
            "own in that bucket, and one on those NATS servers. Left out are backups, peers, releases, alerts, the\n",
            "table of notices and the public URL of the description.\n",
            "Nothing that exists is overwritten.",
        )
    )]
    New(NewEnvironment),
    /// Remove an environment that `tutti env new` made, with all that is in it
    #[command(after_help = "Example:\n  tutti env drop dev --yes")]
    Drop {
        #[command(flatten)]
        place: Place,
        /// Remove it: without this, the command says what it would remove
        #[arg(long)]
        yes: bool,
    },
    /// Take over a copy of another environment: its databases belong to the configured environment from now on
    #[command(
        after_help = concat!(
            "Example:\n",
            "  tutti env adopt --from production --config /etc/tutti/staging.toml\n\n",
            "After `tutti restore` of a point of production into staging. Never run it on the databases themselves.",
        )
    )]
    Adopt {
        #[command(flatten)]
        settings: Settings,
        /// The environment that the databases belong to now
        #[arg(long, value_name = "NAME")]
        from: String,
    },
}

/// What `tutti env new` makes.
#[derive(Debug, Args)]
pub(crate) struct NewEnvironment {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The description of the engines: a configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) like: Option<PathBuf>,
    /// Schemas in the database of the description, instead of a database
    #[arg(long, requires = "like")]
    pub(crate) schemas: bool,
    /// Leave it without demonstration content, for which ffmpeg is needed
    #[arg(long)]
    pub(crate) empty: bool,
}

/// An environment and where it is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The environment's name: lower-case letters, digits and `-`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The folder of all environments; each is a folder in it
    #[arg(long, value_name = "DIR", default_value = "environments")]
    pub(crate) folder: PathBuf,
}

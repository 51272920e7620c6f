//! The options that say which installation a command is about.
//!
//! Invariant: they mean the same in every command.

use std::path::PathBuf;

use clap::Args;

/// The options that name the installation of a command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Settings {
    /// The folder of the embedded engines' data [default: data]
    #[arg(long, env = "TUTTI_DATA", value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file (TOML)
    #[arg(long, env = "TUTTI_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Set one key of the configuration
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,
}

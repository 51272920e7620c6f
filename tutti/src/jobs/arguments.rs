//! The arguments of `tutti jobs`.
//!
//! Invariant: what changes something takes a reason, for the audit trail.

use clap::{Args, Subcommand};

use crate::installation_arguments::Settings;

#[derive(Debug, Args)]
pub(crate) struct Jobs {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: JobsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsAction {
    /// List the timed jobs of all roles: when each runs, how its last run went, and when the next one is
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti jobs list --data /var/lib/tutti\n",
            "  tutti jobs list --config tutti.toml --json",
        )
    )]
    List {
        /// Print the jobs as JSON
        #[arg(long)]
        json: bool,
    },
    /// Have a job run once, within seconds, also a paused one
    #[command(after_help = "Example:\n  tutti jobs run media.sweep --data data --reason 'the disk is full'")]
    Run(NamedJob),
    /// Pause a job in all processes; a run that has begun goes on
    #[command(after_help = "Example:\n  tutti jobs pause media.night --config tutti.toml --reason 'a slow week'")]
    Pause(NamedJob),
    /// Resume a job; what becomes of the slots of the pause is the job's own rule
    #[command(after_help = "Example:\n  tutti jobs resume media.night --config tutti.toml")]
    Resume(NamedJob),
    /// List the runs of a job, newest first: when, how long, where, who asked for it, and why it failed
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti jobs history media.sweep --data data\n",
            "  tutti jobs history backup.create --config tutti.toml --limit 5 --json",
        )
    )]
    History {
        /// The job
        #[arg(value_name = "JOB")]
        job: String,
        /// The maximum number of runs to list
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Print the runs as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NamedJob {
    /// The job, as `tutti jobs list` names it
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

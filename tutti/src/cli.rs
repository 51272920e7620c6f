//! The command line.
//!
//! Invariant: every command's help ends with examples that work as they stand.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::backup::arguments::{Backup, List, Restore, Verify};
use crate::command_docs_arguments::{Completions, Manual};
pub(crate) use crate::installation_arguments::Settings;
use crate::jobs::arguments::Jobs;

/// Tutti: the backend for apps in which people share photos, songs and videos.
#[derive(Debug, Parser)]
#[command(
    name = "tutti",
    version,
    about,
    disable_help_subcommand = true,
    after_help = concat!(
        "Examples:\n",
        "  tutti serve\n",
        "  tutti upload clip.mp4 --to http://127.0.0.1:8080 --login ada\n",
        "  tutti doctor",
    )
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run roles: all of them, or those that are named
    Serve(Serve),
    /// Check this machine: missing programs, files that other users can read, and how to fix it
    Doctor(Doctor),
    /// Load demonstration content into a running server, through its public API
    Demo(Demo),
    /// Upload files, resumably
    Upload(Upload),
    /// Print the API as an OpenAPI 3.1 document
    #[command(after_help = "Examples:\n  tutti openapi > openapi.json\n  tutti openapi --operators")]
    Openapi {
        /// That of the operators' listener
        #[arg(long)]
        operators: bool,
    },
    /// Give accounts roles, or take roles from them
    Accounts(Accounts),
    /// Verify the audit trail of operators' acts
    Audit(Audit),
    /// Compare what a role counts with what there is
    Check(Check),
    /// Migrate the schemas of the databases
    Migrate(Migrate),
    /// Copy a data folder to PostgreSQL and S3
    Move(Move),
    /// Make a recovery point of everything; make keys, try restores, remove old points
    Backup(Backup),
    /// Restore a recovery point into an empty place
    Restore(Restore),
    /// Verify recovery points: every file is there, opens, and holds what was backed up
    Verify(Verify),
    /// List the recovery points
    List(List),
    /// Inspect the bus: backlogs and dead letters, and redelivery
    Bus(Bus),
    /// List the timed jobs of all roles and their history; run, pause and resume them
    Jobs(Jobs),
    /// Compare the store with the rows, and remove objects without a row
    Objects(Objects),
    /// Make keys of an installation
    Keys(crate::keys::Keys),
    /// Write the page as files, for a bucket or a CDN
    Page(crate::page::arguments::Page),
    /// Make and drop environments for development, or take over a copy of another one
    Env(crate::environment::arguments::Env),
    /// Prepare, accept, start and take back a release
    Release(crate::release::arguments::Release),
    /// Fence this site, as another one has taken over: it starts and sends nothing by itself any more
    Retire(crate::retire::arguments::Retire),
    /// Print every key of the configuration, with its default and its meaning
    #[command(after_help = "Example:\n  tutti config > tutti.toml")]
    Config,
    /// Print what a shell needs to complete this command line
    Completions(Completions),
    /// Print a manual page
    Man(Manual),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti serve\n",
        "  tutti serve --data /var/lib/tutti --listen 0.0.0.0:8080\n",
        "  tutti serve media transcode --config tutti.toml\n",
        "  tutti serve --set media.photo_max_bytes=50000000\n\n",
        "Every key of the configuration can be set in the file, in the environment\n",
        "(TUTTI_MEDIA_PHOTO_MAX_BYTES=…) or with --set; later ones win.",
    )
)]
pub(crate) struct Serve {
    /// The roles to run; all of them if none is named
    #[arg(value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// The address of the public listener [default: 127.0.0.1:8080]
    #[arg(long, env = "TUTTI_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// The address of the operations listener: /metrics, /healthz, /readyz [default: 127.0.0.1:8081]
    #[arg(long, env = "TUTTI_OPS_LISTEN", value_name = "ADDR")]
    pub(crate) ops_listen: Option<SocketAddr>,
    /// The address of the operators' listener [default: 127.0.0.1:8082]
    #[arg(long, env = "TUTTI_ADMIN_LISTEN", value_name = "ADDR")]
    pub(crate) admin_listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tutti doctor\n  tutti doctor --data /var/lib/tutti --config /etc/tutti.toml")]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct Objects {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: ObjectsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectsAction {
    /// List objects without a row and rows without an object; exits with 0 only if there are none
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti objects check --data /var/lib/tutti\n",
            "  tutti objects check --config tutti.toml --json",
        )
    )]
    Check {
        /// Print the whole report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove objects that no row of any role names and that were written long ago
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti objects repair --data /var/lib/tutti\n",
            "  tutti objects repair --config tutti.toml --older-than-hours 168",
        )
    )]
    Repair {
        /// Keep objects that were written since then
        #[arg(
            long,
            value_name = "HOURS",
            default_value_t = 24,
            value_parser = clap::value_parser!(u32).range(1..=87_600)
        )]
        older_than_hours: u32,
        /// Remove them even if more than half of the store has no row
        #[arg(long)]
        force: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti migrate --config tutti.toml\n",
        "  TUTTI_DB_URL=postgres://tutti@db/tutti tutti migrate\n\n",
        "Safe while servers run, and when several processes migrate at once. The previous release runs on the\n",
        "new schemas, so migrate first, then replace the processes one by one.",
    )
)]
pub(crate) struct Migrate {
    /// The roles; all of them if none is named
    #[arg(value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti move --data data --config tutti.toml\n",
        "  tutti move --data data --config tutti.toml --verify\n\n",
        "The configuration names the destination: db.url, bus.servers, objects.bucket and\n",
        "secrets.url_signing_key_file. Stop the server first, and start the fleet afterwards. After an\n",
        "interruption, the same command continues where it stopped. The folder is only read.",
    )
)]
pub(crate) struct Move {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Copy nothing; read both sides and compare them
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tutti demo --to http://127.0.0.1:8080 --login-file data/demo-login.txt")]
pub(crate) struct Demo {
    /// The server's URL
    #[arg(long, env = "TUTTI_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) to: String,
    /// The file with the demo account's password, and whether everything is loaded (the first run creates both)
    #[arg(long, value_name = "FILE", default_value = "data/demo-login.txt")]
    pub(crate) login_file: PathBuf,
    /// A folder with videos to upload besides the generated files
    #[arg(long, value_name = "DIR")]
    pub(crate) media: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = concat!(
        "Examples:\n",
        "  tutti upload holiday/*.jpg --to http://127.0.0.1:8080 --login ada\n",
        "  TUTTI_TOKEN=… tutti upload clip.mp4 --visibility unlisted\n\n",
        "After an interruption, the same command continues where it stopped.\n",
        "The password is read from the terminal, or from the environment (TUTTI_PASSWORD).",
    )
)]
pub(crate) struct Upload {
    /// The files to upload
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The server's URL
    #[arg(long, env = "TUTTI_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) to: String,
    /// The handle or e-mail address to sign in with
    #[arg(long, env = "TUTTI_LOGIN", value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// An access token, instead of signing in
    #[arg(long, env = "TUTTI_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Tags, separated by commas
    #[arg(long, value_name = "TAGS", default_value = "")]
    pub(crate) tags: String,
    /// Who may see the items: private, unlisted, public
    #[arg(long, value_name = "AUDIENCE", default_value = "private")]
    pub(crate) visibility: String,
}

#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: AccountsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsAction {
    /// Give an account that has a second factor a role: curator, viewer, developer, moderator, operator
    #[command(after_help = "Example:\n  tutti accounts grant ada operator --data data --reason 'the first operator'")]
    Grant(RoleOfAccount),
    /// Take a role from an account, and end its sessions at the operators' listener
    #[command(after_help = "Example:\n  tutti accounts revoke ada operator --data data")]
    Revoke(RoleOfAccount),
}

#[derive(Debug, Args)]
pub(crate) struct RoleOfAccount {
    /// The account's handle
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: String,
    /// The role
    #[arg(value_name = "ROLE")]
    pub(crate) role: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: AuditAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Check that no entry was changed, removed or put in between; exits with 0 only if so
    #[command(after_help = "Examples:\n  tutti audit verify --data data\n  tutti audit verify --contains 5f2c…")]
    Verify {
        /// A hash that an earlier run printed. Without it, entries removed at the end can't be noticed
        #[arg(long, value_name = "HASH")]
        contains: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) role: CheckedRole,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckedRole {
    /// Count followers, follows and posts anew; exits with 0 only if every stored count is right
    #[command(after_help = "Example:\n  tutti check social --data data")]
    Social,
    /// Count unseen and unread notices anew; exits with 0 only if every stored count is right
    #[command(after_help = "Example:\n  tutti check notify --data data")]
    Notify,
}

#[derive(Debug, Args)]
pub(crate) struct Bus {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) action: BusAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BusAction {
    /// List dead letters, with the reason of each
    #[command(after_help = "Example:\n  tutti bus dead --data data")]
    Dead {
        /// The maximum number of dead letters to list
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// List how many deliveries each consumer has waiting or in progress
    #[command(after_help = "Example:\n  tutti bus waiting --config tutti.toml")]
    Waiting,
    /// Forget a consumer that the product no longer has; until then its events are kept
    #[command(after_help = "Example:\n  tutti bus forget search.index --config tutti.toml")]
    Forget {
        /// The consumer's name
        #[arg(value_name = "NAME")]
        consumer: String,
    },
    /// Deliver again: dead letters, or (with --since) all events that a service has sent
    #[command(
        after_help = concat!(
            "Examples:\n",
            "  tutti bus replay\n",
            "  tutti bus replay --consumer delivery.published\n",
            "  tutti bus replay --event 0198…\n",
            "  tutti bus replay --service media --since 2026-01-31T20:00:00Z",
        )
    )]
    Replay {
        /// Only the dead letters of this consumer
        #[arg(long, value_name = "NAME")]
        consumer: Option<String>,
        /// Only the dead letter of this event
        #[arg(long, value_name = "ID")]
        event: Option<String>,
        /// Send the events of this service again, from --since on
        #[arg(long, value_name = "NAME", requires = "since")]
        service: Option<String>,
        /// Send events from this time on (RFC 3339)
        #[arg(long, value_name = "TIME", requires = "service")]
        since: Option<chrono::DateTime<chrono::Utc>>,
    },
}

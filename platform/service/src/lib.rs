//! The shape of a service: its name, what it needs, what it runs.
//!
//! Invariant: a service gets everything it uses through [`Context`]; it uses nothing global.

mod api_part;
mod flags;
pub mod process;

pub use api_part::ApiPart;
pub use flags::{FindFlags, Flag, Flags, FlagsState};
pub use process::ThisProcess;
pub mod personal_data;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;

use base::clock::Clock;
use base::config;
use base::config::Config;
use base::random::Random;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use bus::{Bus, Consumer, Subscription};
use db::schedule::Job;
use db::{Db, Migration};
use http_server::RouterLayer;
use http_server::auth::Verifier;
use http_server::problem::Code;
use http_server::signed_url::UrlSigner;
use mail::Mail;
use objects::Objects;
use peer::Peers;
use personal_data::{PersonalData, PersonalDataSource};

/// A row of the table of roles.
#[derive(Clone, Copy)]
pub struct Service {
    /// The role's name, such as `media`; also its section in the configuration and its database's name.
    pub name: &'static str,
    /// The schema; `None` for a role without rows, which needs no database.
    pub migrations: Option<&'static [Migration]>,
    /// The columns of its schema that name objects. An object that no such column of any role names is an orphan.
    pub objects: &'static [objects::ObjectColumn],
    /// What it keeps about members: table by table, with the files of an export; or why it keeps nothing.
    pub personal_data: PersonalData,
    /// The OpenAPI document of its part of the API.
    pub openapi: fn() -> utoipa::openapi::OpenApi,
    /// The codes of its problems.
    pub codes: &'static [&'static Code],
    /// Its sections of the configuration, for the reference.
    pub sections: fn() -> Vec<config::Section>,
    /// The subscriptions of its durable consumers. Every process of the product declares them, so that events published
    /// before this role runs for the first time are kept for it.
    pub subscriptions: fn(&Config) -> Vec<Subscription>,
    /// Builds the running role. Called once, after the migrations.
    pub start: fn(Context) -> BoxFuture<'static, Result<RoleInstance, BootError>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a role offers to clients.
#[derive(Clone)]
pub struct RoleInterface {
    /// The role.
    pub role: &'static str,
    /// Its part of the API. Paths below `/v1/admin/` are the operators' listener's; every other one is public.
    pub openapi: ApiPart,
    /// The codes of its problems.
    pub codes: &'static [&'static Code],
    /// What it keeps about members.
    pub personal_data: PersonalData,
}

impl std::fmt::Debug for RoleInterface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleInterface").field("role", &self.role).finish_non_exhaustive()
    }
}

impl From<&Service> for RoleInterface {
    fn from(service: &Service) -> Self {
        Self {
            role: service.name,
            openapi: ApiPart::new(service.openapi),
            codes: service.codes,
            personal_data: service.personal_data,
        }
    }
}

/// Everything a service may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Its own database.
    pub db: Db,
    /// Events in and out, and live updates.
    pub bus: Bus,
    /// The shared object store.
    pub objects: Objects,
    /// Mails to people.
    pub mail: Mail,
    /// The other roles.
    pub peers: Peers,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// What operators have turned off.
    pub flags: Flags,
    /// This process, as operators see it.
    pub process: ThisProcess,
    /// Signs URLs.
    pub url_signer: UrlSigner,
    /// The clock.
    pub clock: Clock,
    /// The source of random values.
    pub random: Random,
    /// The configuration; a service reads its own section.
    pub config: Config,
    /// Registers metrics.
    pub metrics: Metrics,
    /// The owner of background tasks.
    pub tasks: Tasks,
    /// What every role of the product offers, wherever it runs.
    pub roles: Arc<[RoleInterface]>,
    /// The OpenAPI 3.1 document of the whole product, as JSON, if the process has the role `gateway`, which serves it.
    pub openapi_json: Arc<str>,
    /// The OpenAPI 3.1 document of the operators' listener, as JSON, if the process has that listener.
    pub operators_openapi_json: Arc<str>,
    /// The AsyncAPI 3.0 document of the product's WebSockets, as JSON, if the process has the role `gateway`.
    pub asyncapi_json: Arc<str>,
    /// The service's own folder for secrets and scratch files, private to this process's user. Scratch files are in
    /// `scratch()`.
    pub folder: PathBuf,
}

impl Context {
    /// Returns a folder for scratch files, which is emptied at every start.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }
}

/// A running role: what a service built.
#[derive(Default)]
pub struct RoleInstance {
    /// Its routes: public ones under `/v1` (and `/.well-known`), internal ones under `/internal`.
    pub router: Router,
    /// The guard of a role with a listener of its own, applied to every route and fallback of that listener.
    pub guard: Option<RouterLayer>,
    /// Its durable consumers.
    pub consumers: Vec<Consumer>,
    /// Its scheduled jobs.
    pub jobs: Vec<Job>,
    /// What it contributes to an export of a member's data. A role whose [`PersonalData`] names files has one.
    pub personal_data: Option<Arc<dyn PersonalDataSource>>,
}

impl std::fmt::Debug for RoleInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleInstance")
            .field("consumers", &self.consumers.len())
            .field("jobs", &self.jobs.len())
            .finish_non_exhaustive()
    }
}

/// Why a process can't start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A database can't be opened.
    #[error("a database can't be opened: {0}")]
    Db(#[from] db::Error),
    /// The bus can't be opened.
    #[error("the event bus can't be opened: {0}")]
    Bus(#[from] bus::Error),
    /// The store can't be opened.
    #[error("the object store can't be opened: {0}")]
    Objects(#[from] objects::Error),
    /// A file or a socket failed.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// The schema is older than this release needs, and the configuration forbids migrating it at the start.
    #[error("the {0} schema is older than this release needs: run `tutti migrate`")]
    Unmigrated(&'static str),
    /// Anything else, as a sentence with its fix.
    #[error("{0}")]
    Other(String),
}

impl BootError {
    /// Whether the error is transient, or ends by an operator's action elsewhere, so that waiting makes sense.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_unavailable(),
            Self::Bus(error) => error.is_unavailable(),
            Self::Unmigrated(_) => true,
            _ => false,
        }
    }
}

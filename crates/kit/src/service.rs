//! The shape of a service: what it is called, what it needs, what it plays.
//!
//! Invariant: a service gets everything it touches through [`Context`]; it reaches for nothing global.

use std::path::PathBuf;

use axum::Router;
use futures::future::BoxFuture;

use crate::auth::Verifier;
use crate::bus::{self, Bus, Consumer, Subscription};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::{self, Db, Migration};
use crate::objects::{self, Objects};
use crate::peer::Peers;
use crate::schedule::Job;
use crate::signed_url::UrlSigner;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// A row in the table of roles.
#[derive(Clone, Copy)]
pub struct Service {
    /// The role's name, such as `media`; also its section in the configuration and its database's name.
    pub name: &'static str,
    /// Its schema; `None` for a role that keeps nothing, which then needs no database.
    pub migrations: Option<&'static [Migration]>,
    /// The columns of its schema that name objects: what stands in none of them, of any role, is nobody's.
    pub objects: &'static [objects::Names],
    /// Its part of the public interface.
    pub openapi: fn() -> utoipa::openapi::OpenApi,
    /// Its sections of the configuration, for the reference.
    pub sections: fn() -> Vec<config::Section>,
    /// What it subscriptions: its durable consumers. Every process of the product declares them, so that what is published before this role plays
    /// for the first time is kept for it.
    pub subscriptions: fn(&Config) -> Vec<Subscription>,
    /// Builds what it plays. Called once, after the migrations.
    pub start: fn(Context) -> BoxFuture<'static, Result<RoleInstance, BootError>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Everything a service may touch.
#[derive(Debug, Clone)]
pub struct Context {
    /// Its own database.
    pub db: Db,
    /// Events in and out, and live updates.
    pub bus: Bus,
    /// The shared store of bytes.
    pub objects: Objects,
    /// The neighbours.
    pub peers: Peers,
    /// Checks access tokens.
    pub verifier: Verifier,
    /// Signs addresses.
    pub url_signer: UrlSigner,
    /// The time.
    pub clock: Clock,
    /// The configuration; a service reads its own section.
    pub config: Config,
    /// Where figures are registered.
    pub metrics: Metrics,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// The whole product's interface, OpenAPI 3.1 as JSON (served by the gateway).
    pub openapi_json: std::sync::Arc<str>,
    /// The service's own folder for secrets and scratch files, private to this process's user. Scratch goes under `scratch()`.
    pub folder: PathBuf,
}

impl Context {
    /// A folder for scratch files, emptied at every start.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }
}

/// Layers to be put around a router.
pub type RouterLayer = std::sync::Arc<dyn Fn(Router) -> Router + Send + Sync>;

/// What a service plays once it is built.
#[derive(Default)]
pub struct RoleInstance {
    /// Its routes: public ones under `/v1` (and `/.well-known`), ones for neighbours under `/internal`.
    pub router: Router,
    /// What every route of the listener stands behind, also those that answer where there is nothing (for the role that faces the world).
    pub guard: Option<RouterLayer>,
    /// Its durable consumers.
    pub consumers: Vec<Consumer>,
    /// Its timed work.
    pub jobs: Vec<Job>,
}

impl std::fmt::Debug for RoleInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleInstance").field("consumers", &self.consumers.len()).field("jobs", &self.jobs.len()).finish_non_exhaustive()
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
    /// A file or a socket.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// The schema is older than this release, and the configuration forbids to change it at the start.
    #[error("the {0} schema is older than this release needs: run `tutti migrate`")]
    Unmigrated(&'static str),
    /// Anything else, as a sentence with its fix.
    #[error("{0}")]
    Other(String),
}

impl BootError {
    /// Whether it passes by itself, or by what an operator does elsewhere, so that waiting makes sense.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_unavailable(),
            Self::Bus(error) => error.is_unavailable(),
            Self::Unmigrated(_) => true,
            _ => false,
        }
    }
}

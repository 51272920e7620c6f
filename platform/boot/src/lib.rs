//! Starts the services of a process on its engines, and stops them.
//!
//! Owns the order of a start. Does not own what a service does. Invariant: every consumer is declared before the first
//! event is sent, so no consumer of this process misses one.

mod accounts_keys;
pub mod data_dir;
mod engines;
mod pending_dependencies;
pub mod permissions;
mod reports;
mod schema;

pub use accounts_keys::AccountsKeys;
pub use engines::{DbConfig, Engines, Secrets, open_bus, open_objects, secret_files, sections};
pub use pending_dependencies::PendingDependencies;
pub use schema::refuse_other_environment;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;

use base::clock::Clock;
use base::config::{Config, Section};
use base::log_ring::LogRing;
use base::random::Random;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use bus::{Bus, RunsIn};
use db::Db;
use db::schedule;
use http_server::RouterLayer;
use http_server::auth::Verifier;
use http_server::{LayerState, with_guarded_layers};
use mail::Mail;
use objects::Objects;
use peer::Peers;
use service::process::Identity;
use service::{BootError, Context, Flags, RoleInterface, Service, ThisProcess, personal_data};

/// How long the bus and the store may take to respond to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The sections of the configuration that belong to no role.
pub const SECTIONS: &[&str] = &["environment", "db", "bus", "objects", "mail", "secrets", "screening"];

/// Returns an error if the configuration has a key or a value that the engines or these services can't use. Opens
/// nothing.
pub fn check_config(config: &Config, services: &[Service]) -> Result<(), base::config::Error> {
    let of_roles = services.iter().flat_map(|service| (service.sections)());
    sections().into_iter().chain(of_roles).try_for_each(|section| section.check(config))?;
    Peers::from_config(config).map(drop)
}

/// The inputs of a start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder, where the embedded engines keep everything.
    pub data: PathBuf,
    /// The configuration.
    pub config: Config,
    /// The address of the public listener: where links in mails lead if the configuration names no origin.
    pub listen: SocketAddr,
    /// The clock.
    pub clock: Clock,
    /// The source of random values.
    pub random: Random,
    /// The OpenAPI 3.1 document of the whole product, as JSON, if the process has the role `gateway`.
    pub openapi_json: std::sync::Arc<str>,
    /// The OpenAPI 3.1 document of the operators' listener, as JSON, if the process has that listener.
    pub operators_openapi_json: std::sync::Arc<str>,
    /// The AsyncAPI 3.0 document of the product's WebSockets, as JSON, if the process has the role `gateway`.
    pub asyncapi_json: std::sync::Arc<str>,
    /// Every role of the product, including those that run in other processes: a process declares the consumers of all
    /// of them.
    pub all: Vec<Service>,
    /// Lists what the process waits for while it starts.
    pub pending: PendingDependencies,
    /// The sections of the configuration that are neither the engines' nor a role's.
    pub sections: Vec<Section>,
    /// The newest lines of the log.
    pub logs: LogRing,
}

/// A process with its services running.
#[derive(Debug)]
pub struct Process {
    /// Calls roles, those of this process and those of others.
    pub peers: Peers,
    /// The bus.
    pub bus: Bus,
    /// The object store.
    pub objects: Objects,
    /// Mails to people.
    pub mail: Mail,
    /// The metrics.
    pub metrics: Metrics,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// The owner of every background task.
    pub tasks: Tasks,
    /// The services' contexts, by name.
    pub contexts: Vec<(&'static str, Context)>,
    /// The databases of the services that have one, by name.
    pub databases: Vec<(&'static str, Db)>,
    /// The names of the durable consumers that run here.
    pub consumers: Vec<String>,
    /// The routers of the services, by name, with the common layers.
    pub routers: Vec<(&'static str, Router)>,
    /// What operators have turned off.
    pub flags: Flags,
    /// This process, as operators see it.
    pub this: ThisProcess,
    /// The routes at which this process answers others about itself.
    pub reports: Router,
    /// The guards of the roles that have one, by name.
    guards: Vec<(&'static str, Guard)>,
    _lock: std::fs::File,
}

/// The guard of a role with a listener of its own, if that role runs in this process.
#[derive(Clone, Default)]
pub struct Guard(Option<RouterLayer>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Guard").field(&self.0.is_some()).finish()
    }
}

impl Guard {
    /// Applies the guard to a router.
    pub fn apply(&self, router: Router) -> Router {
        match &self.0 {
            Some(guard) => guard(router),
            None => router,
        }
    }
}

impl Process {
    /// Opens the engines, migrates, builds every service, then starts consumers, jobs and relays.
    pub async fn start(services: &[Service], options: &Options) -> Result<Self, BootError> {
        data_dir::create_private_folder(&options.data)?;
        // Child processes (ffmpeg) run in folders of their own, where a relative path would lead nowhere.
        let data = &options
            .data
            .canonicalize()
            .map_err(|error| BootError::Io(format!("the folder {} can't be found", options.data.display()), error))?;
        let lock = data_dir::lock(data)?;
        data_dir::make_private(data)?;
        data_dir::rename_url_signing_key(data)?;
        let engines = Engines::of(&options.config)?;
        let url_signer = engines.secrets.url_signer(data, engines.db.postgres("")?.is_none())?;
        let (clock, tasks, metrics, peers) =
            (options.clock.clone(), Tasks::default(), Metrics::default(), Peers::from_config(&options.config)?);
        let bus = open_bus(&engines.bus, data, clock.clone()).await?;
        bus.end_leases().await?;
        let objects = open_objects(&engines.objects, &data.join("objects")).await?;
        let mail = engines::open_mail(&engines.mail, options, &data.join("mail"), &metrics)?;
        let verifier = Verifier::new(AccountsKeys(peers.clone()), clock.clone());
        let flags = Flags::default();
        let this = this_process(services, options, &metrics)?;
        let roles: std::sync::Arc<[RoleInterface]> = options.all.iter().map(RoleInterface::from).collect();
        let contexts = futures::future::try_join_all(services.iter().map(|service| {
            let shared = (
                bus.clone(),
                objects.clone(),
                mail.clone(),
                peers.clone(),
                verifier.clone(),
                (flags.clone(), this.clone()),
                url_signer.clone(),
                clock.clone(),
                metrics.clone(),
                tasks.clone(),
            );
            let (engines, roles, random) = (&engines, roles.clone(), options.random.clone());
            async move {
                let (bus, objects, mail, peers, verifier, (flags, process), url_signer, clock, metrics, tasks) = shared;
                let db = engines.db.open(service.name, data).await?;
                let wanted = (&engines.db, &engines.environment);
                schema::migrate(service, &db, wanted, &options.pending, &options.clock).await?;
                let folder = data.join(service.name);
                data_dir::create_private_folder(&folder)?;
                let context = Context {
                    db,
                    bus,
                    objects,
                    mail,
                    peers,
                    verifier,
                    flags,
                    process,
                    url_signer,
                    clock,
                    random,
                    roles,
                    config: options.config.clone(),
                    metrics,
                    tasks,
                    openapi_json: options.openapi_json.clone(),
                    operators_openapi_json: options.operators_openapi_json.clone(),
                    asyncapi_json: options.asyncapi_json.clone(),
                    folder,
                };
                data_dir::recreate(&context.scratch())?;
                Ok::<_, BootError>((service, context))
            }
        }))
        .await?;
        let (mut routers, mut consumers, mut jobs, mut guards) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (service, context) in &contexts {
            let instance = (service.start)(context.clone()).await?;
            let router = match service.migrations {
                Some(_) => instance.router.merge(platform_router(service.name, context)),
                None => instance.router,
            };
            let router = match instance.personal_data {
                Some(source) => router.merge(personal_data::router(service.name, source)),
                None if service.personal_data.files().is_empty() => router,
                None => {
                    let name = service.name;
                    return Err(BootError::Other(format!("the {name} role has no source for the files of an export")));
                }
            };
            let router = with_guarded_layers(
                router,
                instance.guard.as_ref(),
                LayerState { role: service.name, metrics: metrics.clone(), verifier: verifier.clone() },
            );
            peers.register_local(service.name, router.clone());
            routers.push((service.name, router));
            guards.push((service.name, Guard(instance.guard)));
            consumers.extend(instance.consumers);
            jobs.push((context.db.clone(), instance.jobs));
        }
        peers.start_health_checks(&tasks, &metrics);
        // After the roles of this process: accounts may be among them.
        verifier.follow_token_rules(&tasks, &metrics);
        // Before the consumers start: they may do what is turned off.
        flags.read_first(&peers).await;
        flags.follow(&peers, &tasks);
        let consumer_names = consumers.iter().map(|consumer| consumer.name().to_owned()).collect();
        let subscriptions_of = |services: &[Service]| {
            services.iter().flat_map(|service| (service.subscriptions)(&options.config)).collect::<Vec<_>>()
        };
        let local = subscriptions_of(services);
        if let Some(undeclared) = consumers.iter().find(|consumer| !local.contains(consumer.subscription())) {
            return Err(BootError::Other(format!(
                "the consumer {} is not in its role's list of subscriptions",
                undeclared.name()
            )));
        }
        // An embedded log belongs to this process alone: consumers of other roles will never read it.
        let remote = if engines.bus.servers.is_empty() {
            Vec::new()
        } else {
            subscriptions_of(&options.all).into_iter().filter(|other| !local.contains(other)).collect()
        };
        let declare = async || {
            bus.declare(&remote, RunsIn::Other).await?;
            bus.declare(&local, RunsIn::ThisProcess).await
        };
        options.pending.retry_until_ready("the event bus", bus::Error::is_unavailable, declare).await?;
        bus.start(consumers, &tasks);
        for (db, jobs) in jobs.into_iter().filter(|(_, jobs)| !jobs.is_empty()) {
            schedule::end_leases(&db, &clock).await?;
            schedule::start(&db, jobs, &process_name(), &clock, &tasks);
        }
        let databases: Vec<_> = contexts
            .iter()
            .filter(|(service, _)| service.migrations.is_some())
            .map(|(service, context)| (service.name, context.db.clone()))
            .collect();
        schema::warn_if_retired(&databases).await;
        for (name, db) in &databases {
            bus.relay(name, db.clone(), clock.clone(), &tasks);
            mail.send_from(name, db.clone(), &tasks);
        }
        let contexts = contexts.into_iter().map(|(service, context)| (service.name, context)).collect();
        this.set_checks(reports::checks(reports::Dependencies {
            databases: databases.clone(),
            bus: bus.clone(),
            objects: objects.clone(),
            peers: peers.clone(),
            tasks: tasks.clone(),
            has_gateway: services.iter().any(|service| service.name == "gateway"),
        }));
        let layers = LayerState { role: "process", metrics: metrics.clone(), verifier: verifier.clone() };
        let reports = reports::router(this.clone(), url_signer, clock, layers);
        Ok(Self {
            peers,
            bus,
            objects,
            mail,
            metrics,
            verifier,
            tasks,
            contexts,
            databases,
            consumers: consumer_names,
            routers,
            flags,
            this,
            reports,
            guards,
            _lock: lock,
        })
    }

    /// Returns the guard of a role, for routes that the process itself adds to the role's listener.
    pub fn guard(&self, role: &str) -> Guard {
        self.guards.iter().find(|(name, _)| *name == role).map(|(_, guard)| guard.clone()).unwrap_or_default()
    }

    /// Returns why this process is not ready to serve, as sentences; empty when it is ready.
    pub async fn not_ready(&self) -> Vec<String> {
        let mut not_ready = Vec::new();
        let pings =
            futures::future::join_all(self.databases.iter().map(|(name, db)| async move { (*name, db.ping().await) }))
                .await;
        not_ready.extend(
            pings
                .into_iter()
                .filter(|(_, ping)| ping.is_err())
                .map(|(name, _)| format!("the {name} database does not respond")),
        );
        if self.tasks.is_stopping() {
            not_ready.push("the process is shutting down".to_owned());
        }
        not_ready
    }

    /// Returns which dependencies do not respond although this process can serve without them for a while, as
    /// sentences.
    pub async fn degraded(&self) -> Vec<String> {
        let (bus, objects) = tokio::join!(
            tokio::time::timeout(PING_TIMEOUT, self.bus.ping()),
            tokio::time::timeout(PING_TIMEOUT, self.objects.ping())
        );
        let mut degraded = Vec::new();
        if !matches!(bus, Ok(Ok(()))) {
            degraded.push("the event bus does not respond; events wait in the outboxes".to_owned());
        }
        if !matches!(objects, Ok(Ok(()))) {
            degraded.push("the object store does not respond".to_owned());
        }
        degraded
    }

    /// Stops every task and waits at most `grace`. Returns `true` if all ended in time.
    pub async fn stop(self, grace: Duration) -> bool {
        self.tasks.stop(grace).await
    }
}

/// Returns the routes that every role with a database has for the operators' listener: its timed jobs and its mails.
fn platform_router(role: &str, context: &Context) -> Router {
    let (db, clock) = (context.db.clone(), context.clock.clone());
    http_server::jobs::router(role, db.clone(), clock.clone()).merge(mail::operators::router(role, db, clock))
}

/// Returns the name of this process in the history of timed jobs: the host's name and the process's number.
fn process_name() -> std::sync::Arc<str> {
    format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), std::process::id()).into()
}

/// Returns what a process with these services knows of itself.
fn this_process(services: &[Service], options: &Options, metrics: &Metrics) -> Result<ThisProcess, BootError> {
    let of_roles = services.iter().flat_map(|service| (service.sections)());
    let sections: Vec<Section> = options.sections.iter().cloned().chain(sections()).chain(of_roles).collect();
    let identity = Identity {
        id: options.random.id(),
        roles: services.iter().map(|service| service.name).collect(),
        started_at: options.clock.now(),
        address: options.listen,
        settings: reports::settings(&options.config, sections.iter())?,
        logs: options.logs.clone(),
    };
    Ok(ThisProcess::new(identity, metrics.clone()))
}

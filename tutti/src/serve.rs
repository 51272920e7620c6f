//! `tutti serve`: starts the roles and their listeners; at SIGTERM it reports not ready, then drains.
//!
//! Invariant: the public listener opens after every role is ready, and closes before any of them ends.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use base::tasks::Tasks;
use base::telemetry::{LogFormat, start_logs};
use boot::{Options, Process};
use chrono::TimeDelta;
use gateway::ListenerKind;
use http_server::tls::Tls;
use http_server::{Limits, Listener, serve, serve_tls};
use prometheus_client::metrics::gauge::Gauge;
use service::Service;
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::backup::timer;
use crate::cli::Serve;
use crate::process_metrics::ProcessMetrics;
use crate::start_log::StartLog;
use crate::telemetry::TelemetryOptions;
use crate::{
    CommandError, alerting, certificates, doctor, listeners, openapi, otlp, readiness::Readiness, roles, settings,
};

/// Connections that wait to be accepted. It is large so that a burst of thousands of clients is not refused.
const LISTEN_BACKLOG: u32 = 8192;

/// Connections to the operators' listener at once.
const MAX_ADMIN_CONNECTIONS: usize = 256;

/// Returns a description of the interface for the role that serves it. A process without that role needs
/// none.
fn description(services: &[Service], role: &str, committed: &str) -> Arc<str> {
    if services.iter().any(|service| service.name == role) { committed.into() } else { Arc::default() }
}

/// Runs the process until SIGTERM or Ctrl-C.
pub(crate) async fn run(arguments: Serve) -> Result<(), CommandError> {
    let (started, started_at) = (Instant::now(), base::Clock::system().now());
    let (mut config, mut server) = settings::installation(&arguments.settings)?;
    settings::check_peers(&config)?;
    server.listen = arguments.listen.unwrap_or(server.listen);
    server.ops_listen = arguments.ops_listen.unwrap_or(server.ops_listen);
    // So that the configuration says what counts, and where it comes from.
    settings::set_flags(&mut config, &arguments);
    let default_format = if std::io::stderr().is_terminal() { LogFormat::Readable } else { LogFormat::Json };
    let logs = start_logs(server.log_format.unwrap_or(default_format), &server.log_filter);
    let services = roles::select(&arguments.roles)?;
    boot::check_config(&config, &services)?;
    let (backups, alerts) = (settings::backups(&config)?, settings::alerts(&config)?);
    let telemetry = TelemetryOptions::of(&config)?;
    backup::refuse_incomplete(&server.data)?;
    doctor::warn_of_missing_tools(&services);
    doctor::warn_of_access(&config)?;
    if server.clock_skew_seconds != 0 {
        tracing::warn!(
            seconds = server.clock_skew_seconds,
            "the clock is set wrong on purpose (server.clock_skew_seconds)"
        );
    }
    let clock = base::Clock::ahead_by(TimeDelta::seconds(server.clock_skew_seconds.into()));
    let tls = certificates::load(&config, &services, &clock)?;

    // The sockets are bound first, so that a taken port is reported before anything is changed; what is wrong with the
    // configuration was reported before that.
    let (public, operations) = (bind(server.listen, "--listen")?, bind(server.ops_listen, "--ops-listen")?);
    let admin = if services.iter().any(|service| service.name == listeners::ADMIN) {
        let configured: gateway::AdminConfig = config.section(listeners::ADMIN)?;
        Some(bind(configured.listen, "--admin-listen")?)
    } else {
        None
    };
    let mut signals = Signals::new()?;
    let mut start_log = StartLog::record(&server.data, started_at);
    // The operations listener opens first and closes last: it reports what a starting process waits for, and the drain.
    let (readiness, operations_tasks) = (Arc::new(Readiness::default()), Tasks::default());
    let operations_address = operations.local_addr()?;
    serve(
        Listener {
            socket: operations,
            limits: Limits { max_connections: 64, ..Limits::default() },
            open: Gauge::default(),
        },
        listeners::operations(&readiness),
        &operations_tasks,
    );
    let options = Options {
        data: server.data.clone(),
        config: config.clone(),
        listen: public.local_addr()?,
        clock,
        random: base::Random::system(),
        openapi_json: description(&services, "gateway", openapi::committed_json(ListenerKind::Public)),
        operators_openapi_json: description(
            &services,
            listeners::ADMIN,
            openapi::committed_json(ListenerKind::Operators),
        ),
        asyncapi_json: description(&services, "gateway", openapi::COMMITTED_FRAMES),
        all: roles::all().to_vec(),
        pending: readiness.pending.clone(),
        sections: settings::sections(),
        logs,
    };
    let process = tokio::select! {
        process = Process::start(&services, &options) => Arc::new(process?),
        () = signals.next() => {
            start_log.end();
            return Ok(());
        }
    };
    let (starts, clock) = (start_log.starts().clone(), base::Clock::system());
    let collector = ProcessMetrics::new(started_at.timestamp(), server.data.clone(), starts, clock);
    process.metrics.register(|registry| registry.register_collector(Box::new(collector)));
    if tls.public.is_some() || tls.operators.is_some() {
        process.metrics.register(|registry| tls.metrics.register(registry));
    }
    let names: Vec<&str> = services.iter().map(|service| service.name).collect();
    let exporter = otlp::start(&telemetry, &names, &process.metrics)?;
    readiness.set_started(process.clone());
    if server.log_search_bytes > 0 {
        let kept = process.this.log_ring().keep_in(&server.data.join("logs"), server.log_search_bytes);
        kept.map_err(|error| format!("the folder of log lines (server.log_search_bytes) can't be used: {error}"))?;
    }
    timer::start(&process, &backups, &server.data, &arguments.settings);
    alerting::start(&process, alerts, &server.data, options.listen)?;
    let limits = Limits {
        max_connections: server.connections,
        max_per_prefix: server.connections_per_prefix,
        ..Limits::default()
    };
    let public_address = public.local_addr()?;
    open(
        Listener { socket: public, limits, open: process.metrics.connections.clone() },
        tls.public,
        listeners::public(&readiness, &process, server.connections),
        &process.tasks,
    );
    let admin_address = admin.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;
    if let Some((socket, router)) = admin.zip(listeners::operators(&process)) {
        let limits = Limits { max_connections: MAX_ADMIN_CONNECTIONS, ..Limits::default() };
        open(Listener { socket, limits, open: Gauge::default() }, tls.operators, router, &process.tasks);
    }
    tracing::info!(
        roles = names.join(" "),
        address = %public_address,
        operations = %operations_address,
        admin = admin_address.map(|address| address.to_string()),
        data = %server.data.display(),
        elapsed_ms = started.elapsed().as_millis(),
        "ready"
    );

    signals.next().await;
    if server.drain_notice_seconds > 0 {
        readiness.set_draining();
        tracing::info!(
            seconds = server.drain_notice_seconds,
            "draining soon: not ready any more; the listeners stay open for now"
        );
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(server.drain_notice_seconds)) => {}
            () = signals.next() => {}
        }
    }
    tracing::info!(at_most_seconds = server.drain_seconds, "draining: no new requests; running work may finish");
    let drained = tokio::select! {
        drained = process.tasks.stop(Duration::from_secs(server.drain_seconds)) => drained,
        () = signals.next() => false,
    };
    if drained {
        tracing::info!("all running work has finished");
    } else {
        tracing::warn!("some work was interrupted; it will be done again after the next start");
    }
    exporter.stop().await;
    operations_tasks.stop(Duration::from_secs(1)).await;
    start_log.end();
    Ok(())
}

/// Opens a listener, with TLS if it has a certificate.
fn open(listener: Listener, tls: Option<Tls>, router: Router, tasks: &Tasks) {
    match tls {
        Some(tls) => serve_tls(listener, tls, router, tasks),
        None => serve(listener, router, tasks),
    }
}

fn bind(address: SocketAddr, flag: &str) -> Result<tokio::net::TcpListener, CommandError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(LISTEN_BACKLOG)
    };
    listen().map_err(|error: std::io::Error| {
        format!("can't listen on {address}: {error}. Choose another address with {flag}.").into()
    })
}

/// The signals that end the process: SIGTERM and SIGINT (Ctrl-C).
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

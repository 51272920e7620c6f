//! Active health checks: every instance is asked every second whether it is ready, and host names are resolved again.
//!
//! The path is `/readyz?own`: an instance responds for itself and not for the peers that it waits for, or two processes
//! that need each other would wait for ever. Invariant: a missing role is logged when that changes, not every second.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::body::Body;
use base::Random;
use http::{Request, header};

use super::connection::Connection;
use super::instance::Instance;
use super::upstream::Upstream;
use base::tasks::Tasks;

/// The path that reports whether a process can serve by itself.
pub const READY_PATH: &str = "/readyz?own";
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// An instance that takes longer to respond is not ready.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Names are resolved in every n-th round.
const ROUNDS_PER_LOOKUP: u32 = 5;

/// Checks an upstream until it is dropped or the process ends.
pub(super) async fn run(upstream: Weak<Upstream>, tasks: Tasks) {
    let mut reported = None;
    let mut round = 0_u32;
    loop {
        let Some(upstream) = upstream.upgrade() else { return };
        let stopped = tokio::select! {
            () = check_all(&upstream, round) => false,
            () = tasks.stopping() => true,
        };
        if stopped {
            return;
        }
        let missing = upstream.not_ready();
        // Reasons change with every attempt; only whether an instance is ready matters.
        if reported.as_ref().is_none_or(|before: &Option<String>| before.is_some() != missing.is_some()) {
            match &missing {
                Some(missing) => tracing::warn!(role = upstream.role, "waiting: {missing}"),
                None => tracing::info!(
                    role = upstream.role,
                    instances = upstream.metrics.healthy.get(),
                    "a role is available"
                ),
            }
            reported = Some(missing);
        }
        drop(upstream);
        round = round.wrapping_add(1);
        // Many gateways should not check in step.
        if !tasks.sleep(Random::system().jitter(CHECK_INTERVAL.mul_f64(0.8), 0.5)).await {
            return;
        }
    }
}

async fn check_all(upstream: &Upstream, round: u32) {
    let instances = upstream.instances();
    if instances.is_empty() || (upstream.urls.has_names() && round.is_multiple_of(ROUNDS_PER_LOOKUP)) {
        upstream.resolve().await;
    }
    let instances = upstream.instances();
    futures::future::join_all(instances.iter().map(check)).await;
    let count = |matches: fn(&Instance) -> bool| instances.iter().filter(|instance| matches(instance)).count() as i64;
    upstream.metrics.healthy.set(count(Instance::is_healthy));
    upstream.metrics.broken.set(count(Instance::is_broken));
    instances.iter().for_each(|instance| instance.pool.prune());
}

/// On a new connection, so that it also shows whether new ones are accepted.
async fn check(instance: &Arc<Instance>) {
    let asked = Instant::now();
    match tokio::time::timeout(CHECK_TIMEOUT, probe(instance, asked)).await {
        Ok(()) => {}
        Err(_) => instance
            .mark_silent(asked, format!("it did not respond to the health check within {} s", CHECK_TIMEOUT.as_secs())),
    }
}

async fn probe(instance: &Instance, asked: Instant) {
    let connection = match Connection::connect(instance.address).await {
        Ok(connection) => connection,
        Err(error) => return instance.connect_failed(asked, &error),
    };
    let request =
        Request::get(READY_PATH).header(header::HOST, "peer").header(header::CONNECTION, "close").body(Body::empty());
    let Ok(request) = request else { return };
    match connection.send(request).await {
        Ok((response, _)) if response.status().is_success() => instance.mark_ready(),
        Ok(_) => instance.mark_unready("it says that it is not ready".to_owned()),
        Err(broken) => instance.mark_unready(broken.error.to_string()),
    }
}

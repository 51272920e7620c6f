//! Asks every process of the fleet at once.
//!
//! Knows those that `[peers]` names, and this one. Does not own what is asked (`service::process`). Invariant: at most
//! [`MAX_PROCESSES`] are asked, [`MAX_CONCURRENT`] at once, each for [`ANSWER_TIMEOUT`] at most, and a process that has
//! several addresses or roles is one.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::body::Body;
use chrono::TimeDelta;
use futures::StreamExt as _;
use http::Request;
use peer::RemoteProcess;
use service::Context;
use service::process::{ANSWER_TIMEOUT, ProcessQuery, SIGNATURE, SIGNATURE_SCOPE};

/// The most processes besides this one.
const MAX_PROCESSES: usize = 200;
const MAX_CONCURRENT: usize = 32;
/// How long a signature is valid: as far as clocks may differ, and a minute.
const SIGNATURE_LIFETIME: TimeDelta = TimeDelta::seconds(360);

/// What is known of a process.
#[derive(Debug)]
pub(super) struct Asked<T> {
    /// Its address.
    pub address: SocketAddr,
    /// The roles that `[peers]` names it for; empty for this process.
    pub roles: Vec<String>,
    /// Its answer; `None` if it did not answer in time.
    pub answer: Option<T>,
}

/// Asks every process. Returns this one first, then the others by address.
pub(super) async fn ask_all<Q: ProcessQuery + Clone>(
    context: &Context,
    query: &Q,
    id_of: fn(&Q::Response) -> &str,
) -> Vec<Asked<Q::Response>> {
    let (own, mut remote) = tokio::join!(query.clone().answer(&context.process), context.peers.processes());
    if remote.len() > MAX_PROCESSES {
        tracing::warn!(processes = remote.len(), "only the first {MAX_PROCESSES} processes are asked");
        remote.truncate(MAX_PROCESSES);
    }
    let requests: Vec<_> = remote.into_iter().map(|process| ask(context, query, process)).collect();
    let asked: Vec<Asked<Q::Response>> = futures::stream::iter(requests).buffered(MAX_CONCURRENT).collect().await;
    let mut seen = BTreeSet::from([id_of(&own).to_owned()]);
    let mut all = vec![Asked { address: context.process.address(), roles: Vec::new(), answer: Some(own) }];
    // One that did not answer is kept: it may be any.
    all.extend(
        asked
            .into_iter()
            .filter(|asked| asked.answer.as_ref().is_none_or(|answer| seen.insert(id_of(answer).to_owned()))),
    );
    all
}

async fn ask<Q: ProcessQuery>(context: &Context, query: &Q, process: RemoteProcess) -> Asked<Q::Response> {
    let (path, ends_at) = (query.path(), context.clock.now() + SIGNATURE_LIFETIME);
    let signature = context.url_signer.sign_until(SIGNATURE_SCOPE, &path, ends_at);
    let answer = match Request::get(path).header(SIGNATURE, signature).body(Body::empty()) {
        Ok(request) => process.get_json(request, ANSWER_TIMEOUT).await.unwrap_or_else(|error| {
            tracing::debug!(%error, address = %process.address, "a process did not answer");
            None
        }),
        Err(error) => {
            tracing::warn!(%error, "a request to a process can't be made");
            None
        }
    };
    Asked { address: process.address, roles: process.roles, answer }
}

//! Every process that `[peers]` names, one by one: for what is asked of each process and not of a role.
//!
//! Owns neither the addresses (`upstream`) nor what is asked. Invariant: each address is in the list once, whatever the
//! number of its roles, also that of a role that runs in this process as well.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde::de::DeserializeOwned;

use super::upstream::Upstream;
use super::{Error, Peers, read_json};
use http_server::Deadline;

/// A larger answer of a process is an error. Many are asked at once, and what they say is held together.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A process that runs elsewhere.
#[derive(Clone)]
pub struct RemoteProcess {
    /// The address of its private listener, or of the gateway's public one.
    pub address: SocketAddr,
    /// The roles that `[peers]` names it for.
    pub roles: Vec<String>,
    upstream: Arc<Upstream>,
}

impl std::fmt::Debug for RemoteProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteProcess")
            .field("address", &self.address)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Peers {
    /// Returns the processes that `[peers]` names, by address. Takes three seconds at most, if names must be resolved.
    pub async fn processes(&self) -> Vec<RemoteProcess> {
        let mut upstreams = self.upstreams();
        upstreams.extend(self.0.replaced.read().iter().cloned());
        // No health check resolves the names of those that are replaced, and a new one is not resolved yet.
        let is_unresolved = |upstream: &&Arc<Upstream>| upstream.urls.has_names() || upstream.instances().is_empty();
        futures::future::join_all(upstreams.iter().filter(is_unresolved).map(|upstream| upstream.resolve())).await;
        let mut found: BTreeMap<SocketAddr, RemoteProcess> = BTreeMap::new();
        for upstream in upstreams {
            for instance in upstream.instances().iter() {
                let address = instance.address;
                let process = found.entry(address).or_insert_with(|| RemoteProcess {
                    address,
                    roles: Vec::new(),
                    upstream: upstream.clone(),
                });
                process.roles.push(upstream.role.clone());
            }
        }
        let mut found: Vec<RemoteProcess> = found.into_values().collect();
        found.iter_mut().for_each(|process| process.roles.sort_unstable());
        found
    }
}

impl RemoteProcess {
    /// Sends this process a request without a body, and returns the JSON of its response; `None` if that is a 404.
    /// Waits `timeout` at most, and reads 8 MiB at most.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        mut request: Request<Body>,
        timeout: Duration,
    ) -> Result<Option<T>, Error> {
        request.extensions_mut().insert(Deadline::after(timeout));
        let role = &self.upstream.role;
        let asked =
            async { read_json(role, self.upstream.send_to(self.address, request).await?, MAX_ANSWER_BYTES).await };
        tokio::time::timeout(timeout, asked).await.map_err(|_| Error::DeadlineExceeded(role.clone()))?
    }
}

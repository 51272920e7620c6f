//! Names to addresses, for requests that go to the outside.
//!
//! The connector connects to what this resolver returns, and to nothing else, so the address that is checked is the
//! address that is connected; a name that leads somewhere else a moment later changes nothing (DNS rebinding).
//! Invariant: no address that [`AddressRules`] refuse is returned.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::AddressRules;

/// Past this, a name has no address.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Why a name leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name, or one of its addresses, is not for requests of this server.
    #[error("the address of the host may not be reached")]
    Refused,
    /// There is no such name.
    #[error("the host has no address")]
    NoAddress,
    /// The name server did not answer in time.
    #[error("the address of the host was not found within 5 s")]
    TimedOut,
}

/// A resolver that returns admitted addresses only.
pub struct Resolver {
    lookup: Lookup,
    rules: AddressRules,
    is_encrypted: bool,
}

impl Resolver {
    /// Returns a resolver for requests with or without TLS.
    pub fn new(lookup: Lookup, rules: AddressRules, is_encrypted: bool) -> Self {
        Self { lookup, rules, is_encrypted }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let (rules, is_encrypted) = (self.rules.clone(), self.is_encrypted);
        Box::pin(async move {
            let admitted = admitted(found, &rules, is_encrypted).await;
            admitted.map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
        })
    }
}

/// Waits for the addresses of a name, and returns them if all are admitted.
async fn admitted(
    found: BoxFuture<'static, std::io::Result<Vec<IpAddr>>>,
    rules: &AddressRules,
    is_encrypted: bool,
) -> Result<Addrs, LookupError> {
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, found).await.map_err(|_| LookupError::TimedOut)?;
    let addresses = found.map_err(|_| LookupError::NoAddress)?;
    if addresses.is_empty() {
        return Err(LookupError::NoAddress);
    }
    // One address that is refused refuses the name: a public service has none.
    if !addresses.iter().all(|&address| rules.admit(address, is_encrypted)) {
        return Err(LookupError::Refused);
    }
    // The connector puts the port of the URL in place of 0.
    Ok(Box::new(addresses.into_iter().take(MAX_ADDRESSES).map(|address| SocketAddr::new(address, 0))))
}

/// Returns the lookup of the operating system.
pub fn system_lookup() -> Lookup {
    Arc::new(|name: String| -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

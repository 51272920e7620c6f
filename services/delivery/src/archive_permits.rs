//! Permits of archives that are being sent: a bounded number, and fewer for one client.
//!
//! Does not own the archives. Invariant: at most `max_archives` permits are held, at most `max_archives_per_client` of
//! them by one client, and each is released when it is dropped, however its archive ends. A client that reads slower
//! than `min_archive_bytes_per_second` loses its permit with the archive.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use service::Context;

use crate::config::Config;
use crate::error::Error;
use crate::model::Client;

/// All permits. Clones share them.
#[derive(Clone)]
pub(crate) struct ArchivePermits(Arc<Inner>);

struct Inner {
    max: usize,
    max_per_client: usize,
    min_bytes_per_second: u64,
    /// The permits that each client holds. A client without one is not in it.
    held: Mutex<HashMap<Client, usize>>,
    gauge: Gauge,
}

/// A permit to send one archive.
pub(crate) struct ArchivePermit {
    permits: ArchivePermits,
    client: Client,
}

impl ArchivePermits {
    pub fn new(context: &Context, config: &Config) -> Self {
        let gauge = Gauge::default();
        context.metrics.register(|registry| {
            registry.register("delivery_archives_open", "Archives that are being sent", gauge.clone());
        });
        Self(Arc::new(Inner {
            max: config.max_archives,
            max_per_client: config.max_archives_per_client,
            min_bytes_per_second: config.min_archive_bytes_per_second,
            held: Mutex::default(),
            gauge,
        }))
    }

    /// Returns how fast the holder of a permit must read, at least.
    pub fn min_bytes_per_second(&self) -> u64 {
        self.0.min_bytes_per_second
    }

    /// Returns a permit, or [`Error::TooManyDownloads`].
    pub fn acquire(&self, client: Client) -> Result<ArchivePermit, Error> {
        let mut held = self.0.held.lock();
        let own = held.get(&client).copied().unwrap_or(0);
        if own >= self.0.max_per_client || held.values().sum::<usize>() >= self.0.max {
            return Err(Error::TooManyDownloads);
        }
        held.insert(client, own + 1);
        self.0.gauge.inc();
        Ok(ArchivePermit { permits: self.clone(), client })
    }
}

impl Drop for ArchivePermit {
    fn drop(&mut self) {
        let mut held = self.permits.0.held.lock();
        match held.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                held.remove(&self.client);
            }
        }
        self.permits.0.gauge.dec();
    }
}

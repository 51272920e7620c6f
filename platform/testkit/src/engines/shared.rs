//! Engines for tests that don't disturb them: the one that the environment names, or one of this process's own.
//!
//! `engines COMMAND` starts them once for a whole run. Invariant: an engine of the process's own stops, and its folder
//! is removed, when the last test that uses it has ended.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Nats, Postgres};

/// An engine that other tests may use at the same time.
#[derive(Debug, Clone)]
pub struct Shared<T> {
    /// Its URL.
    pub url: String,
    _own: Option<Arc<T>>,
}

/// Returns the PostgreSQL server that `TUTTI_TEST_POSTGRES_URL` names, or this process's own. Each test has schemas
/// with random names.
pub fn shared_postgres() -> Shared<Postgres> {
    static OWN: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    shared("TUTTI_TEST_POSTGRES_URL", &OWN, Postgres::start, Postgres::url)
}

/// Returns the NATS server that `TUTTI_TEST_NATS_URL` names, or this process's own. Each test has a random prefix and
/// removes its streams.
pub fn shared_nats() -> Shared<Nats> {
    static OWN: Mutex<Weak<Nats>> = Mutex::new(Weak::new());
    shared("TUTTI_TEST_NATS_URL", &OWN, Nats::start, Nats::url)
}

fn shared<T>(variable: &str, own: &Mutex<Weak<T>>, start: fn() -> T, url: fn(&T) -> String) -> Shared<T> {
    if let Ok(url) = std::env::var(variable) {
        return Shared { url, _own: None };
    }
    let mut own = own.lock();
    let engine = own.upgrade().unwrap_or_else(|| Arc::new(start()));
    *own = Arc::downgrade(&engine);
    Shared { url: url(&engine), _own: Some(engine) }
}

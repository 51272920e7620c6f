//! Engines for tests that don't disturb them: one that the environment names, or one of this process's own.
//!
//! `engines COMMAND` starts them once for a whole run. Invariant: an engine of a process's own ends, and its folder vanishes, when the last
//! test that uses it has ended.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Nats, Postgres};

/// An engine that others may use at the same time.
#[derive(Debug, Clone)]
pub struct Shared<T> {
    /// Where it is.
    pub url: String,
    _own: Option<Arc<T>>,
}

/// The PostgreSQL that `TUTTI_TEST_POSTGRES_URL` names, or this process's own. Tests keep apart by schemas with random names.
pub fn shared_postgres() -> Shared<Postgres> {
    static OWN: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    shared("TUTTI_TEST_POSTGRES_URL", &OWN, Postgres::start, Postgres::url)
}

/// The NATS that `TUTTI_TEST_NATS_URL` names, or this process's own. Tests keep apart by prefixes with random names, and remove their streams.
pub fn shared_nats() -> Shared<Nats> {
    static OWN: Mutex<Weak<Nats>> = Mutex::new(Weak::new());
    shared("TUTTI_TEST_NATS_URL", &OWN, Nats::start, Nats::url)
}

fn shared<T>(variable: &str, own: &Mutex<Weak<T>>, start: fn() -> T, url: fn(&T) -> String) -> Shared<T> {
    if let Ok(url) = std::env::var(variable) {
        return Shared { url, _own: None };
    }
    let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = own.upgrade().unwrap_or_else(|| Arc::new(start()));
    *own = Arc::downgrade(&engine);
    Shared { url: url(&engine), _own: Some(engine) }
}

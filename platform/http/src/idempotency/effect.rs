//! [`Effect`]: what a request with an `Idempotency-Key` did, recorded in the transaction that does it.
//!
//! The layer stores the response after it. Between the commit and that, a process may die, or a database may commit
//! without being able to say so: the key would be free again, and the request, sent again as its client was told, would
//! have its effect twice. Invariant: a transaction that recorded its effect is committed with it, and at most one
//! transaction is for each key.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use db::{Error, Tx};
use http::StatusCode;
use http::request::Parts;

use super::fingerprint::FingerprintWatch;
use super::store::{self, Completed, Key, Replay};

/// What a request does, if it has an `Idempotency-Key`; an extractor, to be handed to the command.
#[derive(Debug, Clone, Default)]
pub struct Effect(Option<Arc<Keyed>>);

/// The effect of a request that has a key.
#[derive(Debug)]
struct Keyed {
    key: Key,
    fingerprint_watch: FingerprintWatch,
    /// Whether a transaction was rolled back because another request had the key.
    is_lost: AtomicBool,
}

impl Effect {
    pub(super) fn new(key: Key, fingerprint_watch: FingerprintWatch) -> Self {
        Self(Some(Arc::new(Keyed { key, fingerprint_watch, is_lost: AtomicBool::new(false) })))
    }

    /// Whether another request had the key when this one was to have its effect.
    pub(super) fn is_lost(&self) -> bool {
        self.0.as_ref().is_some_and(|keyed| keyed.is_lost.load(Ordering::Relaxed))
    }

    /// Records that the transaction creates what a GET reads at `location`.
    ///
    /// Fails with [`Error::Conflict`] if another request has the key by now, and the layer answers as it does while one
    /// is running; without a key it does nothing.
    pub async fn created(&self, tx: &Tx, location: impl Into<String>) -> Result<(), Error> {
        self.record(tx, Some(location.into()), Replay::Get).await
    }

    /// Records that the transaction creates something whose state a HEAD reads at `location`. Otherwise as
    /// [`Effect::created`].
    pub async fn begun(&self, tx: &Tx, location: impl Into<String>) -> Result<(), Error> {
        self.record(tx, Some(location.into()), Replay::Head).await
    }

    /// Records that the transaction does what the request asks for, where no address says what came of it. Otherwise
    /// as [`Effect::created`].
    pub async fn done(&self, tx: &Tx) -> Result<(), Error> {
        self.record(tx, None, Replay::Unavailable).await
    }

    async fn record(&self, tx: &Tx, location: Option<String>, replay: Replay) -> Result<(), Error> {
        let Some(Keyed { key, fingerprint_watch, is_lost }) = self.0.as_deref() else { return Ok(()) };
        let completed = Completed {
            status: StatusCode::CREATED,
            content_type: None,
            location,
            body: None,
            replay,
            fingerprint: fingerprint_watch.fingerprint(),
        };
        if store::complete(tx, key, completed).await? {
            return Ok(());
        }
        is_lost.store(true, Ordering::Relaxed);
        Err(Error::Conflict)
    }
}

impl<S: Sync> FromRequestParts<S> for Effect {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

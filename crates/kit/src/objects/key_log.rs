//! The life of an object key, step by step, in the log.
//!
//! Owns the one tracing target under which every step is written, at debug: keys are random and lead nowhere without the store's
//! own credentials, but nobody needs them every day. Invariant: a key that is written anywhere has a line for each step of its life.

use super::ObjectKey;

/// The tracing target. `server.log_filter = "info,objects::keys=debug"` switches it on.
const TARGET: &str = "objects::keys";

/// Writes down that these keys have come to `step`.
pub fn log_key<'a>(step: &'static str, keys: impl IntoIterator<Item = &'a ObjectKey>) {
    if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        keys.into_iter().for_each(|key| tracing::debug!(target: TARGET, object = %key, "object key {step}"));
    }
}

/// The same, with a few words beside it.
pub(crate) fn log_key_with(step: &'static str, key: &ObjectKey, about: impl std::fmt::Display) {
    tracing::debug!(target: TARGET, object = %key, %about, "object key {step}");
}

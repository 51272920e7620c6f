//! Logs the life of an object key, step by step.
//!
//! Owns the one tracing target under which every step is logged, at debug: keys are random and useless without the
//! store's credentials, but they are rarely needed. Invariant: each step of a recorded key's life is logged.

use super::ObjectKey;

/// The tracing target. `server.log_filter = "info,objects::keys=debug"` switches it on.
const TARGET: &str = "objects::keys";

/// Logs that these keys have reached `step`.
pub fn log_key<'a>(step: &'static str, keys: impl IntoIterator<Item = &'a ObjectKey>) {
    if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        keys.into_iter().for_each(|key| tracing::debug!(target: TARGET, object = %key, "object key {step}"));
    }
}

/// The same, with a detail.
pub fn log_key_with(step: &'static str, key: &ObjectKey, about: impl std::fmt::Display) {
    tracing::debug!(target: TARGET, object = %key, %about, "object key {step}");
}

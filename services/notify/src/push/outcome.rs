//! What came of a request to a provider.
//!
//! Invariant: only a provider's own word about the device's token ends in [`Outcome::Gone`].

use chrono::{DateTime, TimeDelta, Utc};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider has taken it.
    Accepted,
    /// The token is dead; since when, if the provider says it.
    Gone(Option<DateTime<Utc>>),
    /// The provider refuses this push for good, and why.
    Refused(&'static str),
    /// It may be taken later.
    Failed {
        /// Why not now.
        reason: &'static str,
        /// How long the provider asks to wait.
        retry_after: Option<TimeDelta>,
        /// Whether it is about the whole provider, not about this push.
        is_of_provider: bool,
    },
}

impl Outcome {
    /// There is no client, as on a machine without certificates.
    pub(super) const NO_CLIENT: Self =
        Self::Failed { reason: "no certificates", retry_after: None, is_of_provider: true };
    /// The device is one of another provider.
    pub(super) const WRONG_KIND: Self = Self::Refused("the device is one of another provider");

    /// Returns a failure of the provider.
    pub(super) fn unavailable(reason: &'static str, retry_after: Option<TimeDelta>) -> Self {
        Self::Failed { reason, retry_after, is_of_provider: true }
    }

    /// Returns a failure of this push only.
    pub(super) fn later(reason: &'static str, retry_after: Option<TimeDelta>) -> Self {
        Self::Failed { reason, retry_after, is_of_provider: false }
    }
}

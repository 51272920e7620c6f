//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// New follows.
    pub follows: Counter,
    /// Posts that were written.
    pub posts: Counter,
    /// Comments that were written.
    pub comments: Counter,
    /// How often a run could not settle a post that waits for its media.
    pub unsettled_posts: Counter,
}

impl Metrics {
    /// Registers the counters.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("social_follows", "New follows", metrics.follows.clone());
            registry.register("social_posts", "Posts that were written", metrics.posts.clone());
            registry.register("social_comments", "Comments that were written", metrics.comments.clone());
            let help = "Times at which a post that waits for its media could not be settled";
            registry.register("social_unsettled_posts", help, metrics.unsettled_posts.clone());
        });
        metrics
    }
}

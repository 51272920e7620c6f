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
    /// Comments and parts of threads that wait for a moderator.
    pub held: Counter,
    /// What verdicts have refused.
    pub refused: Counter,
    /// What verdicts have slowed down.
    pub slowed: Counter,
    /// Verdicts that would have stopped something if they were enforced.
    pub not_enforced: Counter,
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
            registry.register("social_held", "Comments and parts that wait for a moderator", metrics.held.clone());
            registry.register("social_refused", "Refused by a verdict", metrics.refused.clone());
            registry.register("social_slowed", "Told by a verdict to come later", metrics.slowed.clone());
            let help = "Verdicts that would have stopped something if they were enforced";
            registry.register("social_verdicts_not_enforced", help, metrics.not_enforced.clone());
            let help = "Times at which a post that waits for its media could not be settled";
            registry.register("social_unsettled_posts", help, metrics.unsettled_posts.clone());
        });
        metrics
    }
}

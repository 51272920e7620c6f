//! Two classifiers: the second is asked where the first has no score.
//!
//! Invariant: both together end by the deadline; the second gets what the first has left of it, and at least half.

use std::sync::Arc;
use std::time::Duration;

use screening::classifier::{Classifier, NoScore, Score, Scoring};
use tokio::time::{Instant, timeout};

/// A classifier, and the one that stands in for it.
pub struct Fallback<Input: ?Sized> {
    first: Arc<dyn Classifier<Input>>,
    second: Arc<dyn Classifier<Input>>,
    name: String,
}

impl<Input: ?Sized> Fallback<Input> {
    /// Returns the two as one.
    pub fn new(first: Arc<dyn Classifier<Input>>, second: Arc<dyn Classifier<Input>>) -> Self {
        let name = format!("{}, else {}", first.model(), second.model());
        Self { first, second, name }
    }
}

impl<Input: ?Sized + Sync + 'static> Classifier<Input> for Fallback<Input> {
    fn model(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, input: &'a Input, deadline: Duration) -> Scoring<'a> {
        Box::pin(async move {
            let (began, share) = (Instant::now(), deadline / 2);
            let first: Result<Score, NoScore> =
                timeout(share, self.first.score(input, share)).await.unwrap_or(Err(NoScore::TimedOut));
            match first {
                Ok(score) => Ok(score),
                Err(cause) => {
                    tracing::debug!(model = self.first.model(), %cause, "the other classifier is asked");
                    self.second.score(input, deadline.saturating_sub(began.elapsed())).await
                }
            }
        })
    }
}

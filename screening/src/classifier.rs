//! What a classifier is, and what counts when it says nothing.
//!
//! A classifier gives a score; the table of rules decides what a score, or its absence, leads to. Owns no model and
//! runs nothing: the embedded one runs in a child process, an outside one behind a webhook, both off the request's path
//! or within their deadline. Invariant: a late score counts as none, so a slow classifier and an absent one are treated
//! alike.

use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How sure a classifier is, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(u16);

impl Score {
    /// Returns the score of so many thousandths, 1000 at most.
    pub const fn of_thousandths(thousandths: u16) -> Self {
        Self(if thousandths > 1000 { 1000 } else { thousandths })
    }

    /// Returns the score of a probability, or `None` if it is none: models return NaN for input that they can't read.
    pub fn of_probability(probability: f32) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then(|| Self((probability * 1000.0).round() as u16))
    }

    /// Returns the thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// Returns the band of a picture's score. The model that Tutti comes with was published with these two bounds.
    pub const fn band(self) -> Band {
        match self.0 {
            0..200 => Band::Clear,
            200..=800 => Band::Unsure,
            _ => Band::Sensitive,
        }
    }
}

/// What a picture's score leads to where the picture is shown, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below 0.2: it is shown.
    Clear,
    /// Up to 0.8: it stays blurred for strangers until they open it.
    Unsure,
    /// Above 0.8: it stays blurred for all but its owner until they open it.
    Sensitive,
}

/// Why there is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NoScore {
    /// The deadline has passed.
    #[error("the classifier took longer than its deadline")]
    TimedOut,
    /// It can't be reached, or its queue is full.
    #[error("the classifier is not available")]
    Unavailable,
    /// It has responded with something that is no score.
    #[error("the classifier's response is no score")]
    Malformed,
}

/// What a classifier says about a text or a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// No classifier is configured, or there was nothing to ask it. No rule about scores applies.
    #[default]
    NotAsked,
    /// A score in time.
    Scored(Score),
    /// No score, though one was asked for. The rules for this case apply.
    Missing(NoScore),
}

impl Opinion {
    /// Returns the opinion that a response of a classifier is, after so long.
    pub fn of(response: Result<Score, NoScore>, took: Duration, deadline: Duration) -> Self {
        match response {
            _ if took > deadline => Self::Missing(NoScore::TimedOut),
            Ok(score) => Self::Scored(score),
            Err(cause) => Self::Missing(cause),
        }
    }

    /// Whether there is a score of at least this.
    pub fn is_at_least(self, score: Score) -> bool {
        matches!(self, Self::Scored(own) if own >= score)
    }

    /// Whether a score was asked for in vain.
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// A picture or a key frame, as classifiers take it: small, upright, in sRGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Three bytes a pixel, red first, rows from the top.
    pub rgb: Vec<u8>,
    /// The same as a JPEG, for classifiers outside.
    pub jpeg: Vec<u8>,
}

/// A score that is being computed.
pub type Scoring<'a> = Pin<Box<dyn Future<Output = Result<Score, NoScore>> + Send + 'a>>;

/// A classifier of one kind of input: `str` for unwanted texts, [`Picture`] for nudity.
///
/// Implementations bound their own memory and end by `deadline`.
pub trait Classifier<Input: ?Sized>: Send + Sync {
    /// Returns the name and version of the model, or of what stands for it, which are kept with each score.
    fn model(&self) -> &str;

    /// Returns how sure the classifier is that the input is unwanted.
    fn score<'a>(&'a self, input: &'a Input, deadline: Duration) -> Scoring<'a>;
}

/// How long classifiers may take. What a missing score leads to are rows of the table of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// For a text, in milliseconds: within the request.
    pub spam_ms: u64,
    /// For a picture, in milliseconds: before it is shown, off the request's path.
    pub nudity_ms: u64,
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A classifier that counts exclamation marks.
    struct Exclamations;

    impl Classifier<str> for Exclamations {
        fn model(&self) -> &'static str {
            "exclamations 1"
        }

        fn score<'a>(&'a self, input: &'a str, _deadline: Duration) -> Scoring<'a> {
            let share = input.matches('!').count() as f32 / input.chars().count() as f32;
            Box::pin(std::future::ready(Score::of_probability(share).ok_or(NoScore::Malformed)))
        }
    }

    /// Returns what a classifier that never waits says.
    fn score_of(classifier: &dyn Classifier<str>, text: &str, deadline: Duration) -> Result<Score, NoScore> {
        let mut scoring = classifier.score(text, deadline);
        match scoring.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(scored) => scored,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_late_or_malformed_score_is_none() {
        let deadline = Duration::from_millis(50);
        let classifier: &dyn Classifier<str> = &Exclamations;
        let opinion =
            |text, took_ms| Opinion::of(score_of(classifier, text, deadline), Duration::from_millis(took_ms), deadline);
        let scored = opinion("ab!!", 50);
        assert_eq!(scored, Opinion::Scored(Score::of_thousandths(500)));
        assert!(scored.is_at_least(Score::of_thousandths(500)) && !scored.is_at_least(Score::of_thousandths(501)));
        assert_eq!(opinion("ab!!", 51), Opinion::Missing(NoScore::TimedOut));
        assert_eq!(opinion("", 1), Opinion::Missing(NoScore::Malformed), "0 of 0 is no number");
        assert!(!Opinion::NotAsked.is_at_least(Score::of_thousandths(0)) && !Opinion::NotAsked.is_missing());
        assert_eq!(Score::of_probability(1.01), None);
        assert_eq!(Score::of_thousandths(2000), Score::of_thousandths(1000));
    }
    #[test]
    fn bands_have_the_bounds_that_the_model_was_published_with() {
        let bands = [0, 199, 200, 800, 801, 1000].map(|thousandths| Score::of_thousandths(thousandths).band());
        assert_eq!(bands, [Band::Clear, Band::Clear, Band::Unsure, Band::Unsure, Band::Sensitive, Band::Sensitive]);
    }
}

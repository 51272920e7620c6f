//! How often a member may do something within an hour.
//!
//! Invariant: an act that is undone and done again counts twice, so a loop ends at the limit.

use std::time::Duration;

use chrono::{DateTime, Utc};

const SECONDS_PER_HOUR: i64 = 3600;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Following, and asking to.
    Follow,
    /// Writing a post.
    Post,
    /// Writing a comment.
    Comment,
    /// Reacting to a post, and saving one.
    React,
    /// Reposting.
    Repost,
    /// Reporting.
    Report,
    /// Making a greeting.
    Greeting,
}

impl Act {
    /// Returns the column's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Post => "post",
            Self::Comment => "comment",
            Self::React => "react",
            Self::Repost => "repost",
            Self::Report => "report",
            Self::Greeting => "greeting",
        }
    }
}

/// Returns the number of the hour since 1970.
pub(crate) fn hour_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(SECONDS_PER_HOUR)
}

/// Returns how long the hour still lasts.
pub(crate) fn rest_of_hour(now: DateTime<Utc>) -> Duration {
    Duration::from_secs((SECONDS_PER_HOUR - now.timestamp().rem_euclid(SECONDS_PER_HOUR)).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_ends_when_its_rest_is_over() {
        let now = DateTime::from_timestamp(7199, 0).unwrap();
        assert_eq!((hour_of(now), rest_of_hour(now)), (1, Duration::from_secs(1)));
        let later = now + rest_of_hour(now);
        assert_eq!((hour_of(later), rest_of_hour(later)), (2, Duration::from_secs(3600)));
    }
}

//! Why a sign-up is asked for a proof of work, and how hard one.
//!
//! Does not own challenges and their check, which are `screening`'s. Invariant: what is wanted never gets easier with
//! more sign-ups.

use chrono::TimeDelta;
use screening::proof_of_work::{Difficulty, Rejected};

/// How long a challenge may be used.
pub(crate) const WORK_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The hardest proof is so many times as hard as the easiest.
const MAX_FACTOR: u64 = 32;

/// Why a proof of work is wanted (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkProblem {
    /// There is none.
    #[error("Many accounts are being made right now. Solve `challenge`, and send the request again with `altcha`.")]
    Missing,
    /// It can't be read, or was made for something else.
    #[error("`altcha` is no solution of a challenge for this. Solve `challenge`, and send the request again.")]
    Invalid,
    /// It has expired.
    #[error("The challenge that was solved has expired. Solve `challenge`, and send the request again.")]
    Expired,
    /// It was used before.
    #[error("The solution was used before. Solve `challenge`, and send the request again.")]
    Used,
    /// It is easier than is wanted now.
    #[error("More accounts are being made than a moment ago. Solve `challenge`, and send the request again.")]
    TooEasy,
}

impl From<Rejected> for WorkProblem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Expired => Self::Expired,
            Rejected::Malformed | Rejected::Forged | Rejected::OtherPurpose | Rejected::Wrong => Self::Invalid,
        }
    }
}

/// The rule of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkRule {
    /// From so many sign-ups a minute on, a proof is wanted; 0 for never.
    pub per_minute: u32,
    /// The highest number of the easiest challenge.
    pub numbers: u32,
}

impl WorkRule {
    /// Returns the highest number of a challenge after so many sign-ups in the last minute.
    pub(crate) fn max_number(self, sign_ups: u32) -> u64 {
        let calm_number = u64::from(self.numbers);
        let per_minute = if self.per_minute == 0 { u32::MAX } else { self.per_minute };
        let difficulty = Difficulty { calm_number, max_number: calm_number * MAX_FACTOR, calm_per_minute: per_minute };
        difficulty.max_number(sign_ups)
    }

    /// Returns the highest number of the challenge that a sign-up has to solve after so many in the last minute, in a
    /// network that is so many steps (0 to 5) near to its own limit; `None` if it needs none.
    pub(crate) fn wanted(self, sign_ups: u32, network_steps: u32) -> Option<u64> {
        let of_all = (self.per_minute > 0 && sign_ups >= self.per_minute).then(|| self.max_number(sign_ups));
        let of_network = (network_steps > 0).then(|| u64::from(self.numbers) << (network_steps - 1).min(5));
        of_all.max(of_network)
    }

    /// Checks that a proof is at most half as hard as wanted: sign-ups may have become more while it was made.
    pub(crate) fn check(max_number: u64, wanted: u64) -> Result<(), WorkProblem> {
        if max_number.saturating_mul(2) >= wanted { Ok(()) } else { Err(WorkProblem::TooEasy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_wanted_under_pressure_and_a_harder_one_the_more_there_is() {
        let rule = WorkRule { per_minute: 10, numbers: 1000 };
        let wanted = |sign_ups| rule.wanted(sign_ups, 0);
        assert_eq!([0, 9].map(wanted), [None, None]);
        assert_eq!([10, 20, 100, 10_000].map(wanted), [Some(1000), Some(2000), Some(10_000), Some(32_000)]);
        assert_eq!([1, 2, 5].map(|steps| rule.wanted(0, steps)), [Some(1000), Some(2000), Some(16_000)]);
        assert_eq!(rule.wanted(100, 1), Some(10_000), "the harder of both");
        let never = WorkRule { per_minute: 0, ..rule };
        assert_eq!((never.wanted(10_000, 0), never.wanted(0, 1)), (None, Some(1000)));
        assert_eq!((WorkRule::check(1000, 2000), WorkRule::check(999, 2000)), (Ok(()), Err(WorkProblem::TooEasy)));
    }
}

//! The `[moderation]` section.
//!
//! Invariant: every bound of this role is here.

use base::config::Section;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest claim: a day. The shortest is a minute, as a decision needs one.
const MAX_MINUTES: u32 = 1_440;
/// The most days that count: a hundred years. A time before it can be computed from any now.
const MAX_DAYS: u32 = 36_500;

/// The queue of what was reported.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// After how many minutes another moderator can take a case over that one has claimed, 1 to 1,440.
    pub claim_minutes: u32,
    /// How many days a case is kept after its decision, with its evidence. Its decision can be appealed for as long.
    pub keep_days: u32,
    /// How many verdicts of checks are kept for a member to appeal, how many of their appeals against checks wait, and
    /// how many of their things that checks hold wait for a moderator. What is refused beyond that can't be appealed;
    /// of what is held, the oldest is refused then.
    pub max_verdicts: u32,
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("moderation")]
}

impl Default for Config {
    fn default() -> Self {
        Self { claim_minutes: 15, keep_days: 180, max_verdicts: 100 }
    }
}

impl Config {
    /// Returns for how long a claim holds.
    pub(crate) fn claim_time(&self) -> TimeDelta {
        TimeDelta::minutes(self.claim_minutes.clamp(1, MAX_MINUTES).into())
    }

    /// Returns how long a case is kept after its decision.
    pub(crate) fn case_age(&self) -> TimeDelta {
        TimeDelta::days(self.keep_days.min(MAX_DAYS).into())
    }
}

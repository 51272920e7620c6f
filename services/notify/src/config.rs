//! The `[notify]` section.
//!
//! Invariant: every bound of this role that an operator may change is here.

use base::config::Section;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notices.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How many days a notice is kept, 1 to 3650. One that grows is as old as the last that it tells of.
    pub days: u32,
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("notify")]
}

/// The longest time for which notices are kept, in days.
const MAX_DAYS: u32 = 3650;

impl Config {
    /// Returns how long a notice is kept: a day at least.
    pub(crate) fn age(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.days.clamp(1, MAX_DAYS)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { days: 90 }
    }
}

//! The `[newservice]` section.
//!
//! Invariant: every bound of this role is here.

use chrono::TimeDelta;
use base::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits on entries.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The largest number of entries of a member.
    pub max_entries: u32,
    /// After how many days an entry is removed; 0 for never.
    pub entry_ttl_days: u32,
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("newservice")]
}

impl Default for Config {
    fn default() -> Self {
        Self { max_entries: 10_000, entry_ttl_days: 0 }
    }
}

impl Config {
    /// Returns how long an entry is kept; `None` for ever.
    pub(crate) fn entry_ttl(&self) -> Option<TimeDelta> {
        (self.entry_ttl_days > 0).then(|| TimeDelta::days(self.entry_ttl_days.into()))
    }
}

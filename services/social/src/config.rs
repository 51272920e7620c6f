//! The `[social]` section.
//!
//! Invariant: every bound of this role that an operator may change is here.

use base::config::Section;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits on what a member does, and how feeds are written.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How many people a member may begin to follow, or ask to, within an hour.
    pub max_follows_per_hour: u32,
    /// How many people a member may follow, or ask to, at the same time.
    pub max_follows: u32,
    /// How many people a member may block.
    pub max_blocks: u32,
    /// How many people a member may mute.
    pub max_mutes: u32,
    /// How many close friends a member may have.
    pub max_close_friends: u32,
    /// How many posts a member may write within an hour.
    pub max_posts_per_hour: u32,
    /// The posts of a member with more followers are not written to the feeds of the followers; the followers' reads
    /// merge them.
    pub fan_out_threshold: u32,
    /// How many days an entry of a feed is kept, and how long a feed whose owner does not read it gets entries, 1 to
    /// 365. Older posts are read from their authors' lists.
    pub feed_days: u32,
    /// How many comments a member may write within an hour.
    pub max_comments_per_hour: u32,
    /// How many times a member may react to posts, or save them, within an hour.
    pub max_reactions_per_hour: u32,
    /// How many posts a member may repost within an hour.
    pub max_reposts_per_hour: u32,
    /// How many reports a member may send within an hour.
    pub max_reports_per_hour: u32,
    /// How many greetings a member may make within an hour.
    pub max_greetings_per_hour: u32,
    /// Whether verdicts about comments, mentions, follows and parts of threads stop what they are about. With `false`
    /// they are decided and counted (`social_verdicts_not_enforced`), and nothing is stopped.
    pub enforce_verdicts: bool,
    /// How many days a report is kept after a moderator has decided about it, and what was removed is listed for its
    /// author, 1 to 3650. A report that is open is kept.
    pub report_days: u32,
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("social")]
}

/// The longest time for which entries of feeds are kept, in days.
const MAX_FEED_DAYS: u32 = 365;
/// The longest time for which closed reports are kept, in days.
const MAX_REPORT_DAYS: u32 = 3650;

impl Config {
    /// Returns how long an entry of a feed is kept: a day at least.
    pub(crate) fn feed_age(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.feed_days.clamp(1, MAX_FEED_DAYS)))
    }

    /// Returns how long a closed report is kept: a day at least.
    pub(crate) fn report_age(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.report_days.clamp(1, MAX_REPORT_DAYS)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_follows_per_hour: 400,
            max_follows: 20_000,
            max_blocks: 10_000,
            max_mutes: 10_000,
            max_close_friends: 1_000,
            max_posts_per_hour: 200,
            fan_out_threshold: 5_000,
            feed_days: 14,
            max_comments_per_hour: 200,
            max_reactions_per_hour: 1_000,
            max_reposts_per_hour: 100,
            max_reports_per_hour: 50,
            max_greetings_per_hour: 50,
            enforce_verdicts: true,
            report_days: 180,
        }
    }
}

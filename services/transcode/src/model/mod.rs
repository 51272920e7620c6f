//! The rules of conversion, without any I/O: what a file is, what is produced from it, in which order, and when it
//! counts as playable.
//!
//! Invariant: everything here is a pure function, so that a task that runs twice, in any process, has the same result.

pub(crate) mod copied_segments;
pub(crate) mod estimate;
pub(crate) mod key_packet;
pub(crate) mod media_info;
pub(crate) mod plan;
pub(crate) mod reject_reason;
pub(crate) mod rendition;
mod standard_input;
pub(crate) mod task;
mod track_ends;
pub(crate) mod window;

use serde::{Deserialize, Serialize};

pub(crate) use estimate::Estimate;
pub(crate) use plan::Plan;
pub(crate) use reject_reason::RejectReason;
pub(crate) use task::{Queue, Task, TaskRecord, TaskState, Ticket};

/// The state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Work continues and nothing can be played yet.
    Processing,
    /// Work continues and a player can start.
    Playable,
    /// All tasks are complete.
    Ready,
    /// It cannot be converted.
    Failed,
    /// Its owner deleted it; the row stays for a while so that late events find it.
    Deleted,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Playable => "playable",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Processing, Self::Playable, Self::Ready, Self::Failed, Self::Deleted]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Returns whether tasks of the item are still useful.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Processing | Self::Playable)
    }
}

/// Returns whether a player can start: it needs the first segment of the video, if there is one, and of the audio, if
/// there is one.
pub(crate) fn can_play(plan: &Plan, video_starts: bool, audio_starts: bool) -> bool {
    let something = plan.video.is_some() || plan.audio.is_some();
    something && (plan.video.is_none() || video_starts) && (plan.audio.is_none() || audio_starts)
}

/// Returns the percentage of an item from the weights of its tasks and the progress of each.
pub(crate) fn percent_of(tasks: &[TaskRecord]) -> u8 {
    let weighed: Vec<(u64, u32)> = tasks.iter().map(|record| (record.weight, record.permille)).collect();
    percent(&weighed)
}

fn percent(tasks: &[(u64, u32)]) -> u8 {
    let all: u128 = tasks.iter().map(|&(weight, _)| u128::from(weight) * 1000).sum();
    let done: u128 = tasks.iter().map(|&(weight, permille)| u128::from(weight) * u128::from(permille.min(1000))).sum();
    // 100 is reserved for `ready`.
    (done * 100).checked_div(all).and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0).min(99)
}

/// Returns the estimated remaining time in milliseconds, assuming constant speed; `None` while it is too early for an
/// estimate.
pub(crate) fn remaining_ms(percent: u8, worked_ms: u64) -> Option<u64> {
    (percent >= 3 && worked_ms > 0).then(|| worked_ms * u64::from(100 - percent.min(100)) / u64::from(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_weighs_the_tasks_and_stays_below_100() {
        assert_eq!(percent(&[]), 0);
        assert_eq!(percent(&[(100, 1000), (300, 0)]), 25);
        assert_eq!(percent(&[(100, 1000), (300, 500)]), 62);
        assert_eq!(percent(&[(1, 1000)]), 99);
        assert_eq!(remaining_ms(50, 10_000), Some(10_000));
        assert_eq!(remaining_ms(1, 10_000), None);
    }
}

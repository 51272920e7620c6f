//! What is pushed: how urgent it is, what replaces what, and when it is tried again.
//!
//! Invariant: a push is tried until it expires; only a provider's word ends it earlier.

use chrono::TimeDelta;
use contract::notify::NoticeKind;

/// The first pause after a failure; it doubles with each.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// The longest pause between two attempts.
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// The longest pause that a provider can ask for.
pub(crate) const MAX_RETRY_AFTER: TimeDelta = TimeDelta::hours(1);
/// How much is added to a pause at most, as a share of it, so that a provider that was down doesn't get all at once.
const JITTER: f64 = 0.5;

/// What a push does at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushAction {
    /// It shows a notice.
    Show,
    /// It removes one that was read elsewhere.
    Withdraw,
}

contract::string_enum!(PushAction: Show => "show", Withdraw => "withdraw");

/// How urgent a push is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// A person waits for an answer, or it is time, so the device may be woken.
    High,
    /// The device is not woken for it.
    Normal,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub(crate) const ALL: [Self; 2] = [Self::High, Self::Normal];

    /// Returns the number by which the queue is ordered.
    pub(crate) fn rank(self) -> i64 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
        }
    }

    /// Returns the priority of a rank.
    pub(crate) fn of_rank(rank: i64) -> Self {
        if rank == 0 { Self::High } else { Self::Normal }
    }

    /// Returns how urgent notices of a kind are.
    pub(crate) fn of(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::FollowRequested
            | NoticeKind::Answered
            | NoticeKind::Mentioned
            | NoticeKind::CommentPending
            | NoticeKind::PartPending
            | NoticeKind::GreetingOpened
            | NoticeKind::Messaged
            | NoticeKind::Reminder => Self::High,
            _ => Self::Normal,
        }
    }
}

/// Returns what kinds are about, in four words: Firebase keeps pushes of at most four collapse keys for a device that
/// is off, the newest of each. `None` is a kind of a later release.
pub(crate) fn category(kind: impl Into<Option<NoticeKind>>) -> &'static str {
    let Some(kind) = kind.into() else { return "own" };
    match kind {
        NoticeKind::Followed | NoticeKind::FollowRequested | NoticeKind::FollowAccepted => "people",
        NoticeKind::Commented
        | NoticeKind::Answered
        | NoticeKind::Mentioned
        | NoticeKind::CommentPending
        | NoticeKind::Messaged => "talk",
        NoticeKind::MediaReady
        | NoticeKind::MediaFailed
        | NoticeKind::Moderated
        | NoticeKind::ReportAnswered
        | NoticeKind::AppealAnswered
        | NoticeKind::Reminder
        | NoticeKind::Announcement => "own",
        NoticeKind::Reacted
        | NoticeKind::Reposted
        | NoticeKind::Posted
        | NoticeKind::PartAdded
        | NoticeKind::PartPending
        | NoticeKind::PartApproved
        | NoticeKind::PartRemoved
        | NoticeKind::GreetingOpened => "posts",
    }
}

/// Returns the pause after this many attempts that failed. `fraction` is a random number from 0 to 1.
pub(crate) fn pause_after(attempts: i64, fraction: f64) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(MAX_PAUSE);
    // Whole milliseconds, as times in a database have microseconds at best.
    pause + TimeDelta::milliseconds((pause.num_milliseconds() as f64 * JITTER * fraction) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_minutes() {
        let seconds: Vec<i64> = (1..=9).map(|attempts| pause_after(attempts, 0.0).num_seconds()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(pause_after(i64::MAX, 1.0), TimeDelta::minutes(15));
        assert_eq!(pause_after(0, 0.0), FIRST_PAUSE);
    }

    #[test]
    fn ranks_come_back_and_categories_are_four() {
        for priority in Priority::ALL {
            assert_eq!(Priority::of_rank(priority.rank()), priority);
        }
        let categories: std::collections::BTreeSet<_> = NoticeKind::ALL.into_iter().map(category).collect();
        assert!(categories.len() <= 4);
    }
}

//! Exports of a member's data: their states, how many there may be, and how long they are kept.
//!
//! Invariant: an export can be downloaded only while it is [`ExportState::Ready`] and has not expired.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{AccountId, ObjectKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How long an archive can be downloaded.
pub(crate) const EXPORT_LIFETIME: TimeDelta = TimeDelta::days(7);
/// How long the building of one may take, with all its attempts.
pub(crate) const MAX_BUILD_TIME: TimeDelta = TimeDelta::hours(24);
/// How long the row of an export is kept after it was asked for.
pub(crate) const EXPORT_ROW_LIFETIME: TimeDelta = TimeDelta::days(30);
/// The most exports of an account in a day.
pub(crate) const MAX_EXPORTS_PER_DAY: usize = 3;
/// The most exports that a member's list has.
pub(crate) const MAX_SHOWN_EXPORTS: usize = 10;

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportState {
    /// The archive is being built.
    Building,
    /// The archive can be downloaded.
    Ready,
    /// The archive could not be built.
    Failed,
    /// The archive is gone.
    Expired,
}

contract::string_enum!(ExportState:
    Building => "building",
    Ready => "ready",
    Failed => "failed",
    Expired => "expired",
);

/// An export of a member's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    /// Its id, which sorts by time.
    pub id: Uuid,
    /// The account whose data it is.
    pub account: AccountId,
    /// How far it was when it was read; see [`Export::state_at`].
    pub state: ExportState,
    /// The archive, while there is one.
    pub object: Option<ObjectKey>,
    /// The size of the archive in bytes.
    pub bytes: Option<u64>,
    /// How many originals are not in the archive; `None` before there is one, and if an earlier release built it.
    pub missing_count: Option<u64>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the archive was ready.
    pub ready_at: Option<DateTime<Utc>>,
    /// When the archive is removed.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An archive that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    /// Where it is stored.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many originals are not in it; it lists them.
    pub missing_count: u64,
}

impl Export {
    /// Returns the state at a time: an archive has expired by the time alone, before a job removes it.
    pub(crate) fn state_at(&self, now: DateTime<Utc>) -> ExportState {
        match self.state {
            ExportState::Ready if self.expires_at.is_none_or(|end| end <= now) => ExportState::Expired,
            state => state,
        }
    }

    /// Returns the archive and its size, if it can be downloaded at a time.
    pub(crate) fn archive_at(&self, now: DateTime<Utc>) -> Option<(&ObjectKey, u64)> {
        let is_ready = self.state_at(now) == ExportState::Ready;
        self.object.as_ref().zip(self.bytes).filter(|_| is_ready)
    }
}

/// Returns how long a member waits who has asked for exports at these times, the newest first; `None` if another one
/// may be made now.
pub(crate) fn next_export_in(asked_at: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<TimeDelta> {
    let oldest = asked_at.get(MAX_EXPORTS_PER_DAY - 1)?;
    Some(*oldest + TimeDelta::days(1) - now).filter(|wait| *wait > TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_expires_by_the_time_alone() {
        let now = DateTime::UNIX_EPOCH;
        let export = Export {
            id: Uuid::nil(),
            account: AccountId(Uuid::nil()),
            state: ExportState::Ready,
            object: Some(ObjectKey::random()),
            bytes: Some(5),
            missing_count: Some(0),
            created_at: now,
            ready_at: Some(now),
            expires_at: Some(now + EXPORT_LIFETIME),
        };
        assert_eq!(export.archive_at(now).map(|(_, bytes)| bytes), Some(5));
        assert_eq!(export.archive_at(now + EXPORT_LIFETIME), None);
        assert_eq!(export.state_at(now + EXPORT_LIFETIME), ExportState::Expired);
        let building = Export { state: ExportState::Building, object: None, expires_at: None, ..export };
        assert_eq!(building.state_at(now + EXPORT_LIFETIME), ExportState::Building);
    }

    #[test]
    fn three_exports_a_day_and_then_a_wait() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let ago = |hours: i64| now - TimeDelta::hours(hours);
        assert_eq!(next_export_in(&[ago(1), ago(2)], now), None);
        assert_eq!(next_export_in(&[ago(1), ago(2), ago(20)], now), Some(TimeDelta::hours(4)));
        assert_eq!(next_export_in(&[ago(1), ago(2), ago(24)], now), None);
    }
}

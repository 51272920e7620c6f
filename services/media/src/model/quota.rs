//! The rule of quotas: whether one more item fits beside what a member stores and what open uploads have reserved.
//!
//! Owns the arithmetic, not the numbers, which the store reads. Invariant: bytes that an open upload has announced
//! count as used, so a member never stores more than the limit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::Error;

/// The usage of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub bytes: u64,
    pub items: u64,
    pub hour_began_at: DateTime<Utc>,
    pub hour_uploads: u64,
    /// The account was erased.
    pub closed: bool,
}

impl Usage {
    /// Returns the usage of a member without uploads.
    pub(crate) fn none(now: DateTime<Utc>) -> Self {
        Self { bytes: 0, items: 0, hour_began_at: now, hour_uploads: 0, closed: false }
    }
}

/// The open uploads of a member.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OpenUploads {
    pub uploads: u64,
    /// The bytes that these will have.
    pub bytes: u64,
}

/// The limits of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotaLimits {
    pub bytes: u64,
    pub items: u64,
    pub uploads_per_hour: u64,
}

/// Checks whether one more item of `bytes` fits beside what is `used` and what `open` uploads reserve.
pub(crate) fn check(
    used: &Usage,
    open: OpenUploads,
    bytes: u64,
    limits: QuotaLimits,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if used.closed {
        return Err(Error::AccountClosed);
    }
    let hour_ends = used.hour_began_at + TimeDelta::hours(1);
    if hour_ends > now && used.hour_uploads + open.uploads >= limits.uploads_per_hour {
        let wait = (hour_ends - now).to_std().unwrap_or(Duration::from_mins(1));
        return Err(Error::QuotaRate { max: limits.uploads_per_hour, wait });
    }
    if used.items + open.uploads >= limits.items {
        return Err(Error::QuotaItems(limits.items));
    }
    check_bytes(used, open, bytes, limits)
}

/// Checks whether `bytes` more fit, whatever the number of items is.
pub(crate) fn check_bytes(used: &Usage, open: OpenUploads, bytes: u64, limits: QuotaLimits) -> Result<(), Error> {
    let used = used.bytes.saturating_add(open.bytes);
    if used.saturating_add(bytes) > limits.bytes { Err(Error::QuotaBytes { used, max: limits.bytes }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QuotaLimits = QuotaLimits { bytes: 100, items: 3, uploads_per_hour: 5 };

    #[test]
    fn what_open_uploads_announced_counts_as_used() {
        let now = DateTime::UNIX_EPOCH;
        let used = Usage { bytes: 40, items: 1, ..Usage::none(now) };
        let open = OpenUploads { uploads: 1, bytes: 30 };
        assert!(check(&used, open, 30, LIMITS, now).is_ok());
        assert!(matches!(check(&used, open, 31, LIMITS, now), Err(Error::QuotaBytes { used: 70, max: 100 })));
        let open = OpenUploads { uploads: 2, bytes: 2 };
        assert!(matches!(check(&used, open, 1, LIMITS, now), Err(Error::QuotaItems(3))));
    }

    #[test]
    fn the_limit_of_an_hour_ends_with_it_and_a_closed_account_never_opens() {
        let now = DateTime::UNIX_EPOCH;
        let used = Usage { hour_uploads: 5, ..Usage::none(now) };
        let later = now + TimeDelta::minutes(59);
        let refused = check(&used, OpenUploads::default(), 1, LIMITS, later);
        assert!(matches!(refused, Err(Error::QuotaRate { max: 5, wait }) if wait == Duration::from_secs(60)));
        assert!(check(&used, OpenUploads::default(), 1, LIMITS, now + TimeDelta::hours(1)).is_ok());
        let closed = Usage { closed: true, ..used };
        assert!(matches!(check(&closed, OpenUploads::default(), 1, LIMITS, later), Err(Error::AccountClosed)));
    }
}

//! The trash: which items go there when their owner removes them, and for how long.
//!
//! Invariant: an item in the trash is as good as gone for all but its owner, and its owner can restore it unchanged.

use chrono::{DateTime, TimeDelta, Utc};

use super::library::Listing;
use super::{Item, State, Trashed};

/// Returns the entry in the trash of an item that its owner deletes now; `None` if it is removed for good at once.
///
/// Only what the library lists goes to the trash, if it could be converted: a staged item ends in a day anyway, and an
/// avatar has no place to come back to.
pub(crate) fn entry(item: &Item, now: DateTime<Utc>, ttl: TimeDelta) -> Option<Trashed> {
    let restorable = Listing::of(item) == Listing::Library && item.state != State::Failed;
    (restorable && ttl > TimeDelta::zero()).then(|| Trashed { removed_at: now, purges_at: now + ttl })
}

//! The broadcast topic of an item, on which its followers hear that it changed.
//!
//! Invariant: a message is published after the commit of what it tells, so a follower that reads the item sees it.

use contract::MediaId;

use crate::Media;

/// The message after which followers read the item again. Other messages are its progress.
pub(crate) const STATE_CHANGED: &str = "state";

/// Returns the broadcast topic of an item.
pub(crate) fn topic(id: &MediaId) -> String {
    format!("media.{id}")
}

/// Notifies followers that an item has changed.
pub(crate) fn notify(media: &Media, id: &MediaId) {
    media.context.bus.broadcast().publish(&topic(id), STATE_CHANGED);
}

/// Tells followers how far the conversion of an item is.
pub(crate) fn notify_progress(media: &Media, id: &MediaId, percent: u8, remaining_ms: Option<u64>) {
    let text = serde_json::json!({ "percent": percent, "remaining_ms": remaining_ms }).to_string();
    media.context.bus.broadcast().publish(&topic(id), &text);
}

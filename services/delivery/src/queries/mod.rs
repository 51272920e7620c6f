//! Reads that need more than one store call: memory first, own tables on a miss, a peer where they have nothing.
//!
//! Invariant: responses of peers are written by the same functions as their events, so both lead to the same rows.

mod item;
mod playback;
mod streams;

pub(crate) use item::get_item;
pub(crate) use playback::get_playback;
pub(crate) use streams::list_streams;

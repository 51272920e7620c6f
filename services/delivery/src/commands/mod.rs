//! The writes of delivery, one file each.
//!
//! Invariant: a command may run twice and in any order, because the events that it applies arrive so. Whole facts are
//! upserted, so no subscription needs the inbox.

mod change;
mod delete;
mod evict_images;
mod publish;
mod receive;
mod recompress;
mod remove_tombstones;
mod set_standing;

pub(crate) use change::change;
pub(crate) use delete::delete;
pub(crate) use evict_images::evict_images;
pub(crate) use publish::{publish, record_published};
pub(crate) use receive::receive;
pub(crate) use recompress::recompress;
pub(crate) use remove_tombstones::remove_tombstones;
pub(crate) use set_standing::{forget_erased, hide_erased, set_standing};

//! The write operations of media, one file each.
//!
//! A command opens the transaction, applies the rule (`model`), writes (`store`), publishes and commits. Handlers,
//! subscriptions and jobs call commands and write nothing themselves. Invariant: a transaction holds the lanes of all
//! that it reads and relies on; the table in the crate's documentation says which.

mod advance_item;
mod append_to_upload;
mod begin_upload;
mod change_item;
mod claim_items;
mod complete_upload;
mod create_item;
mod erase_account;
mod index_items;
mod orphan_object;
mod remove_item;
mod remove_upload;
mod reset_upload;
mod resume_upload;
mod save_progress;
mod settle_upload;
mod take_over_upload;

pub(crate) use advance_item::{set_failed, set_playable, set_progress, set_ready};
pub(crate) use append_to_upload::{AppendOutcome, AppendRequest, append_to_upload};
pub(crate) use begin_upload::begin_upload;
pub(crate) use change_item::change_item;
pub(crate) use claim_items::claim_items;
pub(crate) use create_item::{CompletedUpload, NewItem, create_item};
pub(crate) use erase_account::erase_account;
pub(crate) use index_items::index_items;
pub(crate) use orphan_object::{orphan_unreferenced, remove_orphan};
pub(crate) use remove_item::{remove_item, remove_unclaimed_item};
pub(crate) use remove_upload::{cancel_upload, remove_expired_upload};
pub(crate) use settle_upload::settle_upload;
pub(crate) use take_over_upload::take_over_upload;

//! The write operations of media, one file each.
//!
//! A command opens the transaction, applies the rule (`model`), writes (`store`), publishes and commits. Handlers,
//! subscriptions and jobs call commands and write nothing themselves. Invariant: a transaction holds the lanes of all
//! that it reads and relies on; the table in the crate's documentation says which.

mod add_album_items;
mod advance_item;
mod append_to_upload;
mod begin_upload;
mod block_media;
mod change_album;
mod change_item;
mod claim_items;
mod complete_upload;
mod create_album;
mod create_item;
mod create_share_link;
mod delete_item;
mod erase_account;
mod index_items;
mod move_album_item;
mod night_shift;
mod orphan_object;
mod place_items;
mod put_captions;
mod recompress_item;
mod remove_album;
mod remove_album_item;
mod remove_captions;
mod remove_expired_links;
mod remove_item;
mod remove_replaced;
mod remove_upload;
mod renumber_album;
mod reset_upload;
mod restore_item;
mod resume_upload;
mod retry_conversion;
mod revoke_share_link;
mod save_progress;
mod set_privacy;
mod set_standing;
mod settle_upload;
mod take_over_upload;

pub(crate) use add_album_items::add_album_items;
pub(crate) use advance_item::{set_failed, set_playable, set_progress, set_ready};
pub(crate) use append_to_upload::{AppendOutcome, AppendRequest, append_to_upload};
pub(crate) use begin_upload::begin_upload;
pub(crate) use block_media::{block_media, unblock_media};
pub(crate) use change_album::change_album;
pub(crate) use change_item::change_item;
pub(crate) use claim_items::claim_items;
pub(crate) use create_album::create_album;
pub(crate) use create_item::{CompletedUpload, NewItem, create_item};
pub(crate) use create_share_link::create_share_link;
pub(crate) use delete_item::delete_item;
pub(crate) use erase_account::erase_account;
pub(crate) use index_items::index_items;
pub(crate) use move_album_item::move_album_item;
pub(crate) use night_shift::night_shift;
pub(crate) use orphan_object::{orphan_unreferenced, remove_orphan};
pub(crate) use place_items::place_items;
pub(crate) use put_captions::put_captions;
pub(crate) use remove_album::remove_album;
pub(crate) use remove_album_item::remove_album_item;
pub(crate) use remove_captions::remove_captions;
pub(crate) use remove_expired_links::remove_expired_links;
pub(crate) use remove_item::{purge_item, remove_item, remove_unclaimed_item};
pub(crate) use remove_replaced::remove_replaced;
pub(crate) use remove_upload::{cancel_upload, remove_expired_upload};
pub(crate) use restore_item::restore_item;
pub(crate) use retry_conversion::retry_conversion;
pub(crate) use revoke_share_link::revoke_share_link;
pub(crate) use set_privacy::set_privacy;
pub(crate) use set_standing::set_standing;
pub(crate) use settle_upload::settle_upload;
pub(crate) use take_over_upload::take_over_upload;

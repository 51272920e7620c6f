//! The write operations, one file each: a command opens the transaction, applies the rule, writes, publishes.
//!
//! Invariant: every write names its lanes; the table in [`crate`] says what they protect.

mod answer_request;
mod append;
mod change_group;
mod create_conversation;
mod deliver;
mod edit_message;
mod erase_account;
mod invite;
mod leave;
mod manage_members;
mod mark;
mod react;
mod record_people;
mod record_seen;
mod release_message;
mod remove_expired;
mod remove_message;
mod report_message;
mod screen;
mod send_message;
mod set_block;
mod set_media;
mod set_settings;

pub(crate) use answer_request::{accept, decline};
pub(crate) use change_group::{GroupChange, PictureChange, change_group, join_by_invite, remove_invite, renew_invite};
pub(crate) use create_conversation::create_conversation;
pub(crate) use edit_message::edit_message;
pub(crate) use erase_account::erase_account;
pub(crate) use leave::leave;
pub(crate) use manage_members::{add_members, remove_member, set_admin};
pub(crate) use mark::{Mark, mark};
pub(crate) use react::react;
pub(crate) use record_people::{record_profile, record_standing};
pub(crate) use record_seen::record_seen;
pub(crate) use release_message::{follow_appeal, follow_release};
pub(crate) use remove_expired::remove_expired;
pub(crate) use remove_message::{For, follow_decision, remove_message};
pub(crate) use report_message::report_message;
pub(crate) use send_message::{NewMessage, send_message};
pub(crate) use set_block::set_block;
pub(crate) use set_media::{advance_media, remove_media, set_sensitivity};
pub(crate) use set_settings::{NewSettings, set_settings};

//! The write operations, one file each: a command applies the rule, writes, and tells who is connected.
//!
//! Invariant: every write names its lanes; the table in [`crate`] says what they protect.

mod check_counts;
mod erase_account;
mod fan_out;
mod mark;
mod mute;
mod record_person;
mod remove;
mod remove_old;
mod removed;
mod set_preferences;
mod set_relation;
mod tell;
mod tell_of_media;
mod withdraw;

pub(crate) use check_counts::check_counts;
pub(crate) use erase_account::erase_account;
pub(crate) use fan_out::fan_out;
pub(crate) use mark::mark;
pub(crate) use mute::{mute, unmute};
pub(crate) use record_person::{record_profile, record_standing};
pub(crate) use remove::remove;
pub(crate) use remove_old::remove_old;
pub(crate) use removed::{remove_entry, remove_subject};
pub(crate) use set_preferences::set_preferences;
pub(crate) use set_relation::set_relation;
pub(crate) use tell::tell;
pub(crate) use tell_of_media::{Conversion, record_file, remove_file, tell_of_conversion};

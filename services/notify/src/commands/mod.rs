//! The write operations, one file each: a command applies the rule, writes, and tells who is connected.
//!
//! Invariant: every write names its lanes, and the table says what they protect.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once. Those of pushes are in
//! [`crate::push`].
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | notices of members: added, marked, removed, withdrawn | each member's account | the notices and their counts |
//! | profile, standing | the account | none comes back after the erasure |
//! | relation: follow, block, mute, close friend | both accounts | none comes back after the erasure |
//! | preferences, muted posts and threads | the member's account | their number; none comes back |
//! | notices that are mailed, and their mails | the member's account | a notice is mailed once |
//! | reminder | the member's account; a new one also its date | their number; it fires once |
//! | date that reminders follow | its subject | the newest version wins |
//! | what a member has seen of announcements | the member's account | each counts a member once |
//! | new announcement | a lane of their own | their number |
//! | owner of a file | the owner's account | none comes back after the erasure |
//! | cursor of a fan-out | the author's account | it moves forward |
//! | who may read a post that was changed | the author's account | the newest version wins; none comes back |
//! | post or comment that was removed | none | the key is unique |
//! | erasure: its first step | all | no write that began before is still running |
//! | erasure: the other steps | the account | — |
//! | removal of old rows | all | rows of many members, in any order |

mod announce;
mod change_audience;
mod check_counts;
mod create_reminder;
mod end_sessions;
mod enqueue_mails;
mod enqueue_pushes;
mod erase_account;
mod expire_pushes;
mod fan_out;
mod fire_reminders;
mod lease_pushes;
mod mark;
mod mark_announcements;
mod mute;
mod record_person;
mod record_reader;
mod register_device;
mod remove;
mod remove_device;
mod remove_old;
mod remove_reminder;
mod removed;
mod send_mails;
mod set_date;
mod set_foreground;
mod set_preferences;
mod set_relation;
mod settle_pushes;
mod snooze_reminder;
mod tell;
mod tell_of_media;
mod unsubscribe;
mod withdraw;
mod withdraw_hidden;
mod withdraw_pushes;

pub(crate) use announce::{cancel_announcement, create_announcement};
pub(crate) use change_audience::{change_audience, change_thread_audience};
pub(crate) use check_counts::check_counts;
pub(crate) use create_reminder::create_reminder;
pub(crate) use end_sessions::end_sessions;
pub(crate) use enqueue_mails::enqueue_mails;
pub(crate) use enqueue_pushes::{CONSUMER as PUSH_CONSUMER, enqueue_pushes};
pub(crate) use erase_account::erase_account;
pub(crate) use expire_pushes::expire_pushes;
pub(crate) use fan_out::fan_out;
pub(crate) use fire_reminders::{ReminderFired, fire_reminders, tell_of_reminder};
pub(crate) use lease_pushes::lease_pushes;
pub(crate) use mark::mark;
pub(crate) use mute::{mute, unmute};
pub(crate) use record_person::{record_profile, record_standing};
pub(crate) use record_reader::record_reader;
pub(crate) use register_device::register_device;
pub(crate) use remove::remove;
pub(crate) use remove_device::remove_device;
pub(crate) use remove_old::remove_old;
pub(crate) use remove_reminder::remove_reminder;
pub(crate) use removed::{read_conversation, remove_entry, remove_subject};
pub(crate) use send_mails::send_mails;
pub(crate) use set_date::{cancel_date, set_date};
pub(crate) use set_foreground::set_foreground;
pub(crate) use set_preferences::set_preferences;
pub(crate) use set_relation::set_relation;
pub(crate) use settle_pushes::{Settled, settle_pushes};
pub(crate) use snooze_reminder::snooze_reminder;
pub(crate) use tell::tell;
pub(crate) use tell_of_media::{Conversion, record_file, remove_file, tell_of_conversion};
pub(crate) use unsubscribe::unsubscribe;
pub(crate) use withdraw_pushes::{withdraw_left, withdraw_over};

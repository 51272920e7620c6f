//! The write operations, one file each: a command opens the transaction, applies the rule, writes, publishes.
//!
//! Invariant: every write names its lanes; the table in [`crate`] says what they protect.

mod add_entry;
mod erase_account;
mod remove_entry;
mod remove_expired;

pub(crate) use add_entry::add_entry;
pub(crate) use erase_account::erase_account;
pub(crate) use remove_entry::remove_entry;
pub(crate) use remove_expired::remove_expired;

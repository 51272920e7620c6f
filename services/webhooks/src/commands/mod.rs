//! The write operations, one file each: a command opens the transaction, applies the rule, writes, publishes.
//!
//! Invariant: every write names its lanes; the table in [`crate`] says what they protect.

mod bound_waiting;
mod claim_webhook;
mod create_webhook;
mod disable_webhook;
mod erase_account;
mod record_attempt;
mod record_events;
mod redeliver;
mod remove_old;
mod remove_webhook;
mod rotate_secret;
mod send_test;
mod update_webhook;

pub(crate) use bound_waiting::bound_waiting;
pub(crate) use claim_webhook::{claim_webhook, end_leases, release_webhook};
pub(crate) use create_webhook::{NewWebhook, create_webhook};
pub(crate) use erase_account::erase_account;
pub(crate) use record_attempt::{Next, record_attempt};
pub(crate) use record_events::{EVENTS_CONSUMER, record_events};
pub(crate) use redeliver::redeliver;
pub(crate) use remove_old::remove_old;
pub(crate) use remove_webhook::remove_webhook;
pub(crate) use rotate_secret::rotate_secret;
pub(crate) use send_test::send_test;
pub(crate) use update_webhook::{WebhookChanges, update_webhook};

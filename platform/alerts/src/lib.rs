//! Alerts without a Prometheus: a table of rules over the process's own metrics, told by mail and to a webhook.
//!
//! For installations of one machine or a few. Owns the rules, how long a condition must hold, what has been told, and
//! the two channels. Does not own the metrics, which it reads as text, and knows no domain ([decision
//! 82](../../../docs/decisions/0082-start-log-and-alerter.md)). Invariant: it is off unless a channel is configured;
//! what fires is told once, again after the repeat interval, and once when it is over, also across restarts.

mod alerter;
mod certificate;
mod channel;
mod file;
mod mails;
mod message;
mod options;
mod requests;
mod rules;
mod samples;
mod state;
mod webhook;

pub use alerter::{Alerter, Setup};
pub use message::Origin;
pub use options::AlertOptions;

//! What the mail port promises, on both of its engines.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod forgetting;
mod harness;
mod older_outbox;
mod outbox;
mod smtp;

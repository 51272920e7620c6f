//! The write operations, one per file.
//!
//! Each opens the transaction in its lanes, applies the rules (`model`), writes (`store`), publishes and commits. Does
//! not own the order in which tasks run (`fair_queue`). Invariant: an operation and the events that it causes are one
//! transaction, and a second call for the same cause changes nothing.

mod accept;
mod add_failure;
mod announce;
mod charge;
mod claim;
mod complete;
mod delete;
mod discard;
mod drop_audio;
mod enqueue;
mod fail;
mod finish;
mod forget_deleted;
mod forget_member;
pub(crate) mod lanes;
mod outputs;
mod plan;
mod progress;
mod record_score;
mod resend;
mod retry;
mod send_missing_tickets;

pub(crate) use accept::accept;
pub(crate) use add_failure::add_failure;
pub(crate) use announce::announce;
pub(crate) use charge::charge;
pub(crate) use claim::claim;
pub(crate) use complete::complete;
pub(crate) use delete::delete;
pub(crate) use discard::discard;
pub(crate) use drop_audio::drop_audio;
pub(crate) use fail::fail;
pub(crate) use finish::{FinishOutputs, finish};
pub(crate) use forget_deleted::forget_deleted;
pub(crate) use forget_member::forget_member;
pub(crate) use outputs::Outputs;
pub(crate) use plan::plan;
pub(crate) use progress::progress;
pub(crate) use record_score::record_score;
pub(crate) use resend::resend;
pub(crate) use retry::retry;
pub(crate) use send_missing_tickets::send_missing_tickets;

#[cfg(test)]
pub(crate) use {accept::accept_in, delete::delete_in, fail::fail_in, retry::retry_in};

use contract::MediaId;
use db::Tx;

use crate::error::Error;
use crate::store::{self, Job};

/// The delivery that causes a write. The inbox records it, so that a repeated one has no effect.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// The durable name of the consumer.
    pub consumer: &'static str,
    pub event_id: String,
}

/// Returns the item if it is still open.
async fn find_open(tx: &Tx, media: &MediaId) -> Result<Job, Error> {
    store::find_job(tx, media).await?.filter(|job| job.state.is_open()).ok_or(Error::Gone)
}

//! The write operations, one file each: a command opens the transaction, applies the rule, writes, publishes.
//!
//! Invariant: every write names its lanes; the table in [`crate`] says what they protect.

mod answer_reporters;
mod appeal_decision;
mod claim_case;
mod close_elsewhere;
mod decide_case;
mod erase_account;
mod record_refusal;
mod record_report;
mod record_sanction;
mod record_verdict;
mod refuse_held;
mod release_case;
mod remove_old;

pub(crate) use answer_reporters::answer_reporters;
pub(crate) use appeal_decision::appeal_decision;
pub(crate) use claim_case::claim_case;
pub(crate) use close_elsewhere::close_elsewhere;
pub(crate) use decide_case::{decide_case, decide_like};
pub(crate) use erase_account::erase_account;
pub(crate) use record_refusal::record_refusal;
pub(crate) use record_report::record_report;
pub(crate) use record_sanction::record_sanction;
pub(crate) use record_verdict::record_verdict;
pub(crate) use release_case::release_case;
pub(crate) use remove_old::remove_old;

use contract::moderation::Thing;
use db::Lane;

/// Returns the lane of all cases of a thing.
fn lane_of(thing: &Thing) -> Lane {
    Lane::of(&lane_key(thing))
}

/// Returns the key of that lane.
fn lane_key(thing: &Thing) -> String {
    format!("{} {} {}", thing.role, thing.kind, thing.id)
}

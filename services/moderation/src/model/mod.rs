//! Types and rules, without I/O.
//!
//! Invariant: a value of these types has passed its rules.

mod appeal;
mod case;
mod decision;

pub(crate) use appeal::{AppealState, AppealText};
pub(crate) use case::{Case, CaseAppeal, CaseState, Claim, HELD_URGENCY, QueuePlace, urgency_of};
pub(crate) use decision::{DecisionRow, NewDecision, Request};

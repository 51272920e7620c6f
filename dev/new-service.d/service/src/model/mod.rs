//! Types and rules, without I/O.
//!
//! Invariant: a value of these types has passed its rules.

mod entry;

pub(crate) use entry::{Entry, InvalidText, Text};

//! The SQL of this role.
//!
//! Invariant: a statement about a member's entries has the owner in its `where`.

pub(crate) mod entries;
#[cfg(test)]
mod query_plans;

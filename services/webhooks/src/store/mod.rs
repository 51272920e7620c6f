//! The SQL of this role.
//!
//! Invariant: what a process records about an attempt, it records under the fencing token of its lease.

pub(crate) mod attempts;
pub(crate) mod deliveries;
pub(crate) mod erased_accounts;
pub(crate) mod leases;
#[cfg(test)]
mod query_plans;
pub(crate) mod webhooks;

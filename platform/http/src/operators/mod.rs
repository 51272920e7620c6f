//! Operators: the people who run the installation. Their roles, the check of a caller, and the record of an act.
//!
//! Does not own the audit trail (accounts) or the listener (gateway). Invariant: the listener and the role that handles
//! an operation check a caller with the same function, [`authorize`].

mod act;
mod actor;
mod role;

pub use act::{Act, Target, require_reason};
pub use actor::{Actor, Developer, Moderator, Operator, Requirement, Superuser, Viewer};
pub use role::{OperatorRole, authorize};

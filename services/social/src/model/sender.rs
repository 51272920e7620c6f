//! Who sends something to others.
//!
//! Invariant: whether the address is confirmed is what the access token says.

use super::person::Person;

/// A member who sends something to others.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// The member.
    pub person: Person,
    /// Whether the member has confirmed a mail address.
    pub is_confirmed: bool,
}

//! Who sends.
//!
//! Invariant: it is what the access token says.

use contract::AccountId;

/// A member who sends something, as their access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Author {
    /// The account.
    pub account: AccountId,
    /// Whether the member has confirmed a mail address.
    pub is_confirmed: bool,
}

//! How people stand to a member who wants to write to them: what a role needs to know before it delivers anything.
//!
//! Invariant: it is for decisions of other roles, not for display: it tells of blocks on both sides.

use base::Query;
use serde::{Deserialize, Serialize};

use super::views::PersonView;
use crate::AccountId;

/// The largest number of names in a [`FindContacts`].
pub const MAX_CONTACTS_PER_QUERY: usize = 60;

/// How a person stands to the member who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The person, who may be the member.
    pub person: PersonView,
    /// Whether the account is suspended or banned, so that nothing of it is shown.
    pub is_hidden: bool,
    /// Whether the person follows the member.
    pub follows_member: bool,
    /// Whether the member follows the person.
    pub is_followed: bool,
    /// Whether the person has blocked the member.
    pub blocks_member: bool,
    /// Whether the member has blocked the person.
    pub is_blocked: bool,
    /// How many friends they have in common, at most 100: who follows both, and is followed by both.
    pub friends_in_common: u64,
}

/// Asks social how people stand to a member, by handle or by id. Names that no account has are left out. The caller has
/// checked that a name has only letters, digits and `_`, `.`, `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindContacts {
    /// The member.
    pub member: AccountId,
    /// The people, at most [`MAX_CONTACTS_PER_QUERY`].
    pub names: Vec<String>,
}

impl Query for FindContacts {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/members/{member}/contacts/{names}";
    type Response = Vec<Contact>;

    fn path(&self) -> String {
        format!("/internal/members/{}/contacts/{}", self.member, self.names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_query_is_sent_to_the_path_that_is_routed() {
        let member = AccountId(Uuid::from_u128(7));
        let query = FindContacts { member, names: vec!["ada".into(), "bob".into()] };
        let filled = FindContacts::PATH.replace("{member}", &member.to_string()).replace("{names}", "ada,bob");
        assert_eq!(query.path(), filled);
    }
}

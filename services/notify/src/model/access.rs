//! Whether a member may see what a notice is about, as far as events tell.
//!
//! Invariant: what events don't tell is a no: a notice that is missing says less than one about what may not be seen; a
//! post is not seen across a block with its author, no matter who has acted.

use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::Audience;

use super::relation::{Relation, RelationKind};

/// What a member needs to see what a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: it is the member's own, or addressed to them.
    Own,
    /// The audience of a post.
    Post {
        /// Its author.
        author: AccountId,
        /// Who may read it; `None` if the event does not say it.
        audience: Option<Audience>,
        /// Whether the member has written about it, so that they had its link.
        had_link: bool,
    },
}

/// Who may read a post now, after its author has changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PostAudience {
    /// Its author.
    pub author: AccountId,
    /// Who may read it.
    pub audience: Audience,
}

impl PostAudience {
    /// Returns what a member needs now who had this access when the event was published. The link of a post stays for
    /// as long as the post has that audience.
    pub(crate) fn access_after(self, before: Access) -> Access {
        let had_link = matches!(before, Access::Post { audience: Some(Audience::Link), had_link: true, .. });
        Access::Post { author: self.author, audience: Some(self.audience), had_link }
    }

    /// Returns what a member needs after a change of the audience: a link is a new one then.
    pub(crate) fn access(self) -> Access {
        Access::Post { author: self.author, audience: Some(self.audience), had_link: false }
    }
}

/// Whether members are told of this kind because they are in the audience of a post, or take part in a conversation.
/// The other kinds are about what is their own, or addressed to them alone.
pub(crate) fn is_of_audience(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::Answered | NoticeKind::Mentioned | NoticeKind::Posted | NoticeKind::Messaged)
}

impl Access {
    /// Whether a member has it. `holds` says whether a relation holds; `is_private` whether an account is private.
    pub(crate) fn is_had_by(
        &self,
        member: AccountId,
        holds: impl Fn(Relation) -> bool,
        is_private: impl Fn(AccountId) -> bool,
    ) -> bool {
        let Self::Post { author, audience, had_link } = *self else { return true };
        if member == author {
            return true;
        }
        let is = |kind| holds(Relation { member, other: author, kind });
        if is(RelationKind::Block) || holds(Relation { member: author, other: member, kind: RelationKind::Block }) {
            return false;
        }
        let is_followed_back = || holds(Relation { member: author, other: member, kind: RelationKind::Follow });
        match audience {
            Some(Audience::Public) => !is_private(author) || is(RelationKind::Follow),
            Some(Audience::Followers) => is(RelationKind::Follow),
            Some(Audience::Friends) => is(RelationKind::Follow) && is_followed_back(),
            Some(Audience::Close) => is(RelationKind::Close),
            Some(Audience::Link) => had_link,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_audience_is_who_may_be_told() {
        let (author, member) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let follows = Relation { member, other: author, kind: RelationKind::Follow };
        let back = Relation { member: author, other: member, kind: RelationKind::Follow };
        let close = Relation { member, other: author, kind: RelationKind::Close };
        let block = Relation { member, other: author, kind: RelationKind::Block };
        let blocked = Relation { member: author, other: member, kind: RelationKind::Block };
        let may = |audience, relations: &[Relation], is_private| {
            let access = Access::Post { author, audience, had_link: false };
            access.is_had_by(member, |relation| relations.contains(&relation), |_| is_private)
        };
        assert!(may(Some(Audience::Public), &[], false) && !may(Some(Audience::Public), &[back, close], true));
        assert!(may(Some(Audience::Public), &[follows], true));
        assert!(may(Some(Audience::Followers), &[follows], true) && !may(Some(Audience::Followers), &[back], false));
        assert!(may(Some(Audience::Friends), &[follows, back], false));
        assert!(!may(Some(Audience::Friends), &[follows], false) && !may(Some(Audience::Friends), &[back], false));
        assert!(may(Some(Audience::Close), &[close], false) && !may(Some(Audience::Close), &[follows, back], false));
        assert!(!may(Some(Audience::Link), &[follows, back, close], false) && !may(None, &[follows], false));
        assert!(
            !may(Some(Audience::Public), &[block], false)
                && !may(Some(Audience::Followers), &[follows, blocked], false)
        );
    }
}

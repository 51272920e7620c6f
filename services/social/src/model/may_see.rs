//! Who may see what: the one rule, as a pure function of facts.
//!
//! | audience | author | close friend | friend | follower | stranger, visitor | with the link |
//! |---|---|---|---|---|---|---|
//! | public | yes | yes | yes | yes | yes; not of a private profile | as without it |
//! | followers | yes | as they follow | yes | yes | – | as without it |
//! | friends | yes | as they are friends | yes | – | – | as without it |
//! | close | yes | yes | – | – | – | as without it |
//! | link | yes | – | – | – | – | yes |
//!
//! A close friend of a private profile who does not follow it is a stranger to what is public there. Nobody sees what
//! has expired. Only the author sees what is not published, what has nothing to show (no text, and all media are in the
//! trash or could not be converted), what an account that is suspended has written, and what is on the other side of a
//! block. `store/visible.rs` says the same in SQL, and a test compares both over the whole
//! matrix.
//!
//! A part of a thread is shown to those who may see the opening of the thread and the part itself, as long as it
//! belongs to the thread and neither its author nor the opener has blocked the other. Its author sees it always; the
//! opener and the moderators also see what waits for approval. Invariant: every way to read asks this rule, in one of
//! its two forms; what it refuses does not exist for the reader.

use contract::social::threads::PartState;
use contract::social::{Audience, Policy, PostState};

use super::Relation;

/// What the rule needs to know of the reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReaderFacts {
    /// How the reader stands to the author. A visitor is a stranger.
    pub relation: Relation,
    /// Whether the request has the token of the object's link.
    pub has_link: bool,
}

/// What the rule needs to know of an object: a post, and whatever belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectFacts {
    /// Who may read it, as the author says.
    pub audience: Audience,
    /// Whether it has appeared.
    pub state: PostState,
    /// Whether there is something to show of it: a text, or a media item that can be shown.
    pub has_content: bool,
    /// Whether its time is over.
    pub is_expired: bool,
    /// Whether the author's profile is private.
    pub author_is_private: bool,
    /// Whether the author's account is suspended.
    pub author_is_hidden: bool,
}

/// Whether a reader may see an object.
pub(crate) fn may_see(reader: ReaderFacts, object: ObjectFacts) -> bool {
    let relation = &reader.relation;
    if object.is_expired {
        return false;
    }
    if relation.is_self {
        return true;
    }
    if object.state != PostState::Published || !object.has_content {
        return false;
    }
    if object.author_is_hidden || relation.is_blocked() {
        return false;
    }
    match object.audience {
        Audience::Public => !object.author_is_private || relation.follows,
        Audience::Followers => relation.follows,
        Audience::Friends => relation.is_friend(),
        Audience::Close => relation.is_close_friend_of,
        Audience::Link => reader.has_link,
    }
}

/// What the rule needs to know of a part of a thread besides what every object has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartFacts {
    /// How it stands to the thread.
    pub state: PartState,
    /// Whether the reader may see the opening of the thread.
    pub sees_opening: bool,
    /// Whether its author or the opener has blocked the other.
    pub is_blocked: bool,
}

/// Whether a reader may see a part of a thread.
pub(crate) fn may_see_part(reader: ReaderFacts, object: ObjectFacts, part: PartFacts) -> bool {
    let is_shown = part.state == PartState::Joined && part.sees_opening && !part.is_blocked;
    may_see(reader, object) && (reader.relation.is_self || is_shown)
}

/// Whether a reader who may see a thread may see a part that waits for approval: its author may, and the opener and the
/// moderators.
pub(crate) fn may_review(reader: ReaderFacts, object: ObjectFacts, part: PartFacts, moderates: bool) -> bool {
    let is_reviewed = moderates && part.state == PartState::Pending && part.sees_opening;
    let is_shown = is_reviewed && !object.author_is_hidden && !reader.relation.is_blocked();
    !object.is_expired && (reader.relation.is_self || is_shown)
}

/// Whether a reader who may see an object may do what a policy is about. `may_act` says that the reader has an account
/// that may send something to others.
pub(crate) fn may_do(policy: Policy, relation: &Relation, may_act: bool) -> bool {
    may_act
        && (relation.is_self
            || match policy {
                Policy::Everyone | Policy::Approval => true,
                Policy::Followers => relation.follows,
                Policy::Friends => relation.is_friend(),
                Policy::Nobody => false,
            })
}

#[cfg(test)]
mod tests {
    use Audience::{Close, Followers, Friends, Link, Public};

    use super::*;

    const STRANGER: Relation = Relation {
        is_self: false,
        follows: false,
        is_followed_by: false,
        has_requested: false,
        is_requested_by: false,
        is_close_friend_of: false,
        has_close_friend: false,
        blocks: false,
        is_blocked_by: false,
        mutes: false,
    };
    const FOLLOWER: Relation = Relation { follows: true, ..STRANGER };
    const FRIEND: Relation = Relation { is_followed_by: true, ..FOLLOWER };
    const CLOSE_FRIEND: Relation = Relation { is_close_friend_of: true, ..STRANGER };
    const AUTHOR: Relation = Relation { is_self: true, ..STRANGER };
    const NOTHING: [Audience; 0] = [];

    fn shown(audience: Audience) -> ObjectFacts {
        ObjectFacts {
            audience,
            state: PostState::Published,
            has_content: true,
            is_expired: false,
            author_is_private: false,
            author_is_hidden: false,
        }
    }

    fn sees(relation: Relation, object: ObjectFacts) -> bool {
        may_see(ReaderFacts { relation, has_link: false }, object)
    }

    /// Returns the audiences of which a reader sees a post.
    fn seen(relation: Relation, has_link: bool, change: impl Fn(&mut ObjectFacts)) -> Vec<Audience> {
        let reader = ReaderFacts { relation, has_link };
        let is_seen = |audience: &Audience| {
            let mut object = shown(*audience);
            change(&mut object);
            may_see(reader, object)
        };
        Audience::ALL.into_iter().filter(is_seen).collect()
    }

    #[test]
    fn each_relation_sees_its_audiences() {
        for (relation, audiences) in [
            (AUTHOR, vec![Public, Followers, Friends, Close, Link]),
            (CLOSE_FRIEND, vec![Public, Close]),
            (Relation { is_close_friend_of: true, ..FRIEND }, vec![Public, Followers, Friends, Close]),
            (FRIEND, vec![Public, Followers, Friends]),
            (FOLLOWER, vec![Public, Followers]),
            (STRANGER, vec![Public]),
            // What does not open anything: being followed, a request, and what the reader has decided.
            (Relation { is_followed_by: true, ..STRANGER }, vec![Public]),
            (Relation { has_requested: true, has_close_friend: true, mutes: true, ..STRANGER }, vec![Public]),
        ] {
            assert_eq!(seen(relation, false, |_| {}), audiences, "{relation:?}");
            let mut with_link = audiences.clone();
            if !with_link.contains(&Link) {
                with_link.push(Link);
            }
            assert_eq!(seen(relation, true, |_| {}), with_link, "with the link, {relation:?}");
        }
    }

    #[test]
    fn a_private_profile_shows_its_public_posts_to_followers() {
        let private = |object: &mut ObjectFacts| object.author_is_private = true;
        assert_eq!(seen(STRANGER, false, private), NOTHING);
        assert_eq!(seen(CLOSE_FRIEND, false, private), [Close]);
        assert_eq!(seen(FOLLOWER, false, private), [Public, Followers]);
        assert_eq!(seen(STRANGER, true, private), [Link], "its author gave the link away");
        assert_eq!(seen(AUTHOR, false, private), Audience::ALL);
    }

    #[test]
    fn only_the_author_sees_beyond_a_block_a_suspension_and_a_wait_and_what_is_empty() {
        for blocked in [Relation { blocks: true, ..FRIEND }, Relation { is_blocked_by: true, ..CLOSE_FRIEND }] {
            assert_eq!(seen(blocked, true, |_| {}), NOTHING, "{blocked:?}");
        }
        let hidden = |object: &mut ObjectFacts| object.author_is_hidden = true;
        let waiting = |object: &mut ObjectFacts| object.state = PostState::Waiting;
        let empty = |object: &mut ObjectFacts| object.has_content = false;
        for relation in [STRANGER, FOLLOWER, FRIEND, CLOSE_FRIEND] {
            assert_eq!(seen(relation, true, hidden), NOTHING, "{relation:?}");
            assert_eq!(seen(relation, true, waiting), NOTHING, "{relation:?}");
            assert_eq!(seen(relation, true, empty), NOTHING, "{relation:?}");
        }
        assert_eq!(seen(AUTHOR, false, hidden), Audience::ALL);
        assert_eq!(seen(AUTHOR, false, waiting), Audience::ALL);
        assert_eq!(seen(AUTHOR, false, empty), Audience::ALL);
    }

    #[test]
    fn nobody_sees_what_has_expired() {
        for audience in Audience::ALL {
            let expired = ObjectFacts { is_expired: true, ..shown(audience) };
            assert!(![AUTHOR, FRIEND, STRANGER].into_iter().any(|relation| sees(relation, expired)), "{audience:?}");
        }
    }

    #[test]
    fn a_part_is_shown_with_its_thread_and_to_its_author_always() {
        let joined = PartFacts { state: PartState::Joined, sees_opening: true, is_blocked: false };
        let sees = |relation: Relation, part: PartFacts| {
            may_see_part(ReaderFacts { relation, has_link: false }, shown(Public), part)
        };
        assert!(sees(STRANGER, joined) && sees(AUTHOR, joined));
        assert!(!sees(Relation { blocks: true, ..STRANGER }, joined));
        for hidden in [
            PartFacts { sees_opening: false, ..joined },
            PartFacts { is_blocked: true, ..joined },
            PartFacts { state: PartState::Pending, ..joined },
            PartFacts { state: PartState::Removed, ..joined },
        ] {
            assert!(!sees(STRANGER, hidden) && !sees(FRIEND, hidden) && sees(AUTHOR, hidden), "{hidden:?}");
        }
    }

    #[test]
    fn moderators_review_what_waits_and_nothing_else() {
        let pending = PartFacts { state: PartState::Pending, sees_opening: true, is_blocked: false };
        let waiting = ObjectFacts { state: PostState::Waiting, ..shown(Public) };
        let reviews = |relation: Relation, object: ObjectFacts, part: PartFacts, moderates: bool| {
            may_review(ReaderFacts { relation, has_link: false }, object, part, moderates)
        };
        assert!(reviews(STRANGER, waiting, pending, true) && reviews(AUTHOR, waiting, pending, false));
        assert!(!reviews(FRIEND, waiting, pending, false));
        assert!(!reviews(Relation { blocks: true, ..STRANGER }, waiting, pending, true));
        assert!(!reviews(STRANGER, ObjectFacts { author_is_hidden: true, ..waiting }, pending, true));
        assert!(!reviews(STRANGER, waiting, PartFacts { state: PartState::Removed, ..pending }, true));
        assert!(!reviews(STRANGER, waiting, PartFacts { sees_opening: false, ..pending }, true));
    }

    #[test]
    fn a_policy_allows_its_people_who_may_act() {
        use Policy::{Approval, Everyone, Nobody};
        for (relation, allowed) in [
            (STRANGER, vec![Everyone, Approval]),
            (FOLLOWER, vec![Everyone, Policy::Followers, Approval]),
            (FRIEND, vec![Everyone, Policy::Followers, Policy::Friends, Approval]),
            (AUTHOR, vec![Everyone, Policy::Followers, Policy::Friends, Approval, Nobody]),
        ] {
            let all = [Everyone, Policy::Followers, Policy::Friends, Approval, Nobody];
            let may: Vec<Policy> = all.into_iter().filter(|policy| may_do(*policy, &relation, true)).collect();
            assert_eq!(may, allowed, "{relation:?}");
            assert!(!all.into_iter().any(|policy| may_do(policy, &relation, false)), "a visitor, a limited account");
        }
    }
}

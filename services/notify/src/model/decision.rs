//! Whether a proposal is told, and in which list.
//!
//! Invariant: nobody is told of their own act, of an act across a block or a mute, of what they may not see, or of what
//! was removed or erased.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;

use super::access::{Access, PostAudience};
use super::facts::Proposal;
use super::kinds::FromWhom;
use super::preferences::Preferences;
use super::relation::{Relation, RelationKind};
use crate::history::NewEntry;

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownPerson {
    /// The account.
    pub account: AccountId,
    /// The unique name.
    pub handle: String,
    /// The name to show.
    pub display_name: String,
    /// The photo of the profile.
    pub avatar: Option<String>,
    /// Whether the profile is private.
    pub is_private: bool,
    /// What the account may do.
    pub state: AccountState,
    /// When that ends by itself.
    pub state_until: Option<DateTime<Utc>>,
}

impl KnownPerson {
    /// Returns the name to show: the handle of one who has not chosen another.
    pub(crate) fn name(&self) -> &str {
        if self.display_name.is_empty() { &self.handle } else { &self.display_name }
    }

    /// Whether what the account does is shown to nobody.
    pub(crate) fn is_hidden(&self, now: DateTime<Utc>) -> bool {
        let is_over = self.state_until.is_some_and(|until| until <= now);
        matches!(self.state, AccountState::Suspended | AccountState::Banned) && !is_over
    }
}

/// What is known about the members, actors and subjects of proposals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The relations that hold.
    pub relations: HashSet<Relation>,
    /// Members and authors of whom one follows the other no longer, or is a close friend no longer.
    pub parted: HashSet<(AccountId, AccountId)>,
    /// People; an account of which nothing is known is public and active.
    pub people: HashMap<AccountId, KnownPerson>,
    /// The preferences of those who have set some.
    pub preferences: HashMap<AccountId, Preferences>,
    /// Who has muted which post or thread.
    pub muted: HashSet<(AccountId, String)>,
    /// Who may read the posts and threads that their authors have changed, by their ids.
    pub audiences: HashMap<String, PostAudience>,
    /// Subjects and entries that were removed.
    pub removed: HashSet<String>,
    /// Accounts that were erased.
    pub erased: HashSet<AccountId>,
}

impl Known {
    fn holds(&self, member: AccountId, other: AccountId, kind: RelationKind) -> bool {
        self.relations.contains(&Relation { member, other, kind })
    }

    /// Whether a member hears nothing of an actor.
    pub(crate) fn is_silenced(&self, member: AccountId, actor: AccountId) -> bool {
        self.holds(member, actor, RelationKind::Block)
            || self.holds(actor, member, RelationKind::Block)
            || self.holds(member, actor, RelationKind::Mute)
    }

    /// Whether a member has what an access needs.
    pub(crate) fn may_see(&self, member: AccountId, access: &Access) -> bool {
        access.is_had_by(
            member,
            |relation| self.relations.contains(&relation),
            |account| self.people.get(&account).is_some_and(|person| person.is_private),
        )
    }

    /// Whether the post of a proposal, or its thread, was changed so that the member may not see it any more.
    pub(crate) fn is_narrowed(&self, proposal: &Proposal) -> bool {
        let changed = |subject: &String| self.audiences.get(subject);
        let mut audiences = proposal.subject.iter().chain(&proposal.thread).filter_map(changed);
        proposal.access != Access::Own
            && audiences.any(|audience| !self.may_see(proposal.member, &audience.access_after(proposal.access)))
    }

    /// Whether a member could see what a proposal is about until a relation to its author ended.
    pub(crate) fn has_parted(&self, proposal: &Proposal) -> bool {
        let Access::Post { author, .. } = proposal.access else { return false };
        self.parted.contains(&(proposal.member, author)) && !self.may_see(proposal.member, &proposal.access)
    }

    /// Whether a proposal must not be told, whatever the member prefers.
    fn is_refused(&self, proposal: &Proposal, now: DateTime<Utc>) -> bool {
        let member = proposal.member;
        let of_actor = proposal.actor.is_some_and(|actor| {
            actor == member
                || self.is_silenced(member, actor)
                || self.erased.contains(&actor)
                || self.people.get(&actor).is_some_and(|person| person.is_hidden(now))
        });
        let is_muted = |subject: &String| self.muted.contains(&(member, subject.clone()));
        of_actor
            || self.erased.contains(&member)
            || self.removed.contains(&proposal.entry)
            || proposal.subject.as_ref().is_some_and(|subject| self.removed.contains(subject) || is_muted(subject))
            || proposal.thread.as_ref().is_some_and(is_muted)
            || !self.may_see(member, &proposal.access)
            || self.is_narrowed(proposal)
    }

    /// Whether a notice goes to the filtered list.
    pub(crate) fn is_filtered(&self, proposal: &Proposal) -> bool {
        let preferences = self.preferences.get(&proposal.member);
        match preferences.map_or(FromWhom::Everyone, |preferences| preferences.of(proposal.kind).from) {
            FromWhom::Everyone => false,
            FromWhom::Following => {
                let follows = |actor| self.holds(proposal.member, actor, RelationKind::Follow);
                proposal.actor.is_some_and(|actor| !follows(actor))
            }
            FromWhom::Nobody => true,
        }
    }
}

/// Returns what is told of a proposal; `None` if it is not.
pub(crate) fn decide(proposal: Proposal, known: &Known, now: DateTime<Utc>) -> Option<NewEntry> {
    if known.is_refused(&proposal, now) {
        return None;
    }
    let is_filtered = known.is_filtered(&proposal);
    let Proposal { member, kind, actor, group_key, entry, subject, .. } = proposal;
    Some(NewEntry { member, kind, group_key, entry, actor, subject, is_filtered })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contract::notify::NoticeKind;
    use uuid::Uuid;

    use super::*;

    const MEMBER: AccountId = AccountId(Uuid::from_u128(1));
    const ACTOR: AccountId = AccountId(Uuid::from_u128(2));

    fn proposal() -> Proposal {
        Proposal::by_entry(NoticeKind::Commented, MEMBER, Some(ACTOR), Some("post"), "comment")
    }

    fn told(known: &Known) -> Option<bool> {
        decide(proposal(), known, DateTime::UNIX_EPOCH).map(|entry| entry.is_filtered)
    }

    #[test]
    fn no_one_is_told_of_their_own_act_across_a_block_or_a_mute_or_of_what_is_gone() {
        assert_eq!(told(&Known::default()), Some(false));
        let own = Proposal { actor: Some(MEMBER), ..proposal() };
        assert_eq!(decide(own, &Known::default(), DateTime::UNIX_EPOCH), None);
        let with = |member, other, kind| {
            let relations = HashSet::from([Relation { member, other, kind }]);
            told(&Known { relations, ..Known::default() })
        };
        assert_eq!(with(MEMBER, ACTOR, RelationKind::Block), None);
        assert_eq!(with(ACTOR, MEMBER, RelationKind::Block), None);
        assert_eq!(with(MEMBER, ACTOR, RelationKind::Mute), None);
        assert_eq!(with(ACTOR, MEMBER, RelationKind::Mute), Some(false));
        for gone in ["post", "comment"] {
            assert_eq!(told(&Known { removed: HashSet::from([gone.to_owned()]), ..Known::default() }), None);
        }
        for erased in [MEMBER, ACTOR] {
            assert_eq!(told(&Known { erased: HashSet::from([erased]), ..Known::default() }), None);
        }
        let muted = Known { muted: HashSet::from([(MEMBER, "post".to_owned())]), ..Known::default() };
        assert_eq!(told(&muted), None);
        let part = Proposal { subject: Some("part".to_owned()), thread: Some("post".to_owned()), ..proposal() };
        assert_eq!(decide(part, &muted, DateTime::UNIX_EPOCH), None);
        let suspended = |until| {
            let person = KnownPerson {
                account: ACTOR,
                handle: "bob".into(),
                display_name: "Bob".into(),
                avatar: None,
                is_private: false,
                state: AccountState::Suspended,
                state_until: until,
            };
            told(&Known { people: HashMap::from([(ACTOR, person)]), ..Known::default() })
        };
        assert_eq!(suspended(None), None);
        assert_eq!(suspended(Some(DateTime::UNIX_EPOCH - TimeDelta::days(1))), Some(false));
    }

    #[test]
    fn what_a_member_does_not_want_is_filtered() {
        let with = |from: &str, follows: bool| {
            let text = format!(r#"{{"kinds": {{"commented": {{"from": "{from}"}}}}}}"#);
            let follow = Relation { member: MEMBER, other: ACTOR, kind: RelationKind::Follow };
            told(&Known {
                relations: follows.then_some(follow).into_iter().collect(),
                preferences: HashMap::from([(MEMBER, serde_json::from_str(&text).unwrap())]),
                ..Known::default()
            })
        };
        assert_eq!((with("everyone", false), with("nobody", true)), (Some(false), Some(true)));
        assert_eq!((with("following", false), with("following", true)), (Some(true), Some(false)));
    }
}

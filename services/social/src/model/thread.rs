//! A thread: who may join it, and how.
//!
//! Every post is the opening of a thread. It has a row of its own from the moment on in which a member opens it with a
//! rule, or the first one joins. Invariant: the rule of a thread and the `join` policy of its opening say the same.

use chrono::{DateTime, Utc};
use contract::social::threads::{PartState, ThreadRule};
use contract::social::{Policies, Policy};
use uuid::Uuid;

use super::InvalidPost;
use super::post::{NewPost, Post};
use super::relation::Relation;

/// The most parts of a thread: a programme of all of them is one query to delivery.
pub(crate) const MAX_CAP: u32 = 200;
/// The cap of a thread whose opener has set none.
pub(crate) const DEFAULT_CAP: u32 = 100;
/// The most moderators of a thread.
pub(crate) const MAX_MODERATORS: usize = 20;
/// The longest title, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    /// The id, which is that of the opening post.
    pub id: Uuid,
    /// Who may join.
    pub rule: ThreadRule,
    /// The largest number of parts.
    pub cap: u32,
    /// The parts that have a place.
    pub part_count: u32,
    /// The last number that was given to a part.
    pub last_number: i64,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// A thread that a member opens.
#[derive(Debug, Clone)]
pub(crate) struct NewThread {
    /// The opening.
    pub post: NewPost,
    /// Who may join.
    pub rule: ThreadRule,
    /// The largest number of parts.
    pub cap: u32,
}

/// Why a member can't join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinRefusal {
    /// Nobody joins any more.
    Closed,
    /// It has as many parts as it may.
    Full,
    /// The rule is for others.
    NotAllowed,
}

/// What the rule of a thread needs to know of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joiner {
    /// How they stand to the opener.
    pub relation: Relation,
    /// Whether they are a moderator.
    pub is_moderator: bool,
    /// Whether the opener or a moderator has invited them.
    pub is_invited: bool,
}

impl Thread {
    /// Returns the thread that a post opens which nobody has joined yet.
    pub(crate) fn of_post(post: &Post) -> Self {
        let rule = if post.is_story { ThreadRule::Closed } else { rule_of(post.policies.join) };
        Self { id: post.id, rule, cap: DEFAULT_CAP, part_count: 0, last_number: 0, created_at: post.created_at }
    }

    /// Returns how a member who may see the thread joins it: at once, or after approval.
    pub(crate) fn admit(&self, joiner: &Joiner) -> Result<PartState, JoinRefusal> {
        if self.rule == ThreadRule::Closed {
            return Err(JoinRefusal::Closed);
        }
        let is_own = joiner.relation.is_self || joiner.is_moderator;
        let is_welcome = is_own || joiner.is_invited;
        let state = match self.rule {
            ThreadRule::Approval if !is_welcome => PartState::Pending,
            ThreadRule::Followers if !is_welcome && !joiner.relation.follows => return Err(JoinRefusal::NotAllowed),
            ThreadRule::Friends if !is_welcome && !joiner.relation.is_friend() => return Err(JoinRefusal::NotAllowed),
            ThreadRule::Invited if !is_welcome => return Err(JoinRefusal::NotAllowed),
            _ => PartState::Joined,
        };
        if self.is_full() { Err(JoinRefusal::Full) } else { Ok(state) }
    }

    /// Whether it has as many parts as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.part_count >= self.cap
    }

    /// Whether parts may still be added.
    pub(crate) fn is_growing(&self) -> bool {
        self.rule != ThreadRule::Closed && !self.is_full()
    }
}

/// Returns the rule of a thread whose opening has this policy.
fn rule_of(policy: Policy) -> ThreadRule {
    match policy {
        Policy::Everyone => ThreadRule::Open,
        Policy::Followers => ThreadRule::Followers,
        Policy::Friends => ThreadRule::Friends,
        Policy::Approval => ThreadRule::Approval,
        Policy::Nobody => ThreadRule::Closed,
    }
}

/// Returns the policy that the opening of a thread with this rule has.
pub(crate) fn policy_of(rule: ThreadRule) -> Policy {
    match rule {
        ThreadRule::Open => Policy::Everyone,
        ThreadRule::Followers => Policy::Followers,
        ThreadRule::Friends => Policy::Friends,
        ThreadRule::Approval => Policy::Approval,
        ThreadRule::Invited | ThreadRule::Closed => Policy::Nobody,
    }
}

/// Returns the rule of a thread after its opening got a policy: the same one where they agree.
pub(crate) fn rule_after(rule: ThreadRule, policy: Policy) -> ThreadRule {
    if policy_of(rule) == policy { rule } else { rule_of(policy) }
}

/// Returns the policies of a part: whoever sees it may comment; it is no thread, and is shown in its thread only.
pub(crate) fn policies_of_part() -> Policies {
    Policies { comment: Policy::Everyone, repost: Policy::Nobody, join: Policy::Nobody }
}

/// Checks a cap.
pub(crate) fn check_cap(cap: u32) -> Result<u32, InvalidPost> {
    if (1..=MAX_CAP).contains(&cap) { Ok(cap) } else { Err(InvalidPost("The cap of a thread is 1 to 200 parts.")) }
}

/// Checks and normalizes a title: one line.
pub(crate) fn parse_title(text: &str) -> Result<String, InvalidPost> {
    let title = codec::filename::lines(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.chars().count() > MAX_TITLE_CHARS {
        return Err(InvalidPost("A thread has a title of at most 200 characters."));
    }
    Ok(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(rule: ThreadRule, part_count: u32) -> Thread {
        Thread { id: Uuid::nil(), rule, cap: 2, part_count, last_number: 0, created_at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_rule_admits_its_people() {
        use JoinRefusal::{Closed, Full, NotAllowed};
        use PartState::{Joined, Pending};
        let stranger = Joiner { relation: Relation::default(), is_moderator: false, is_invited: false };
        let follower = Joiner { relation: Relation { follows: true, ..Relation::default() }, ..stranger };
        let friend = Joiner { relation: Relation { is_followed_by: true, ..follower.relation }, ..stranger };
        let invited = Joiner { is_invited: true, ..stranger };
        let moderator = Joiner { is_moderator: true, ..stranger };
        let opener = Joiner { relation: Relation { is_self: true, ..Relation::default() }, ..stranger };
        let no = Err(NotAllowed);
        for (rule, expected) in [
            (ThreadRule::Open, [Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined)]),
            (ThreadRule::Followers, [no, Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined)]),
            (ThreadRule::Friends, [no, no, Ok(Joined), Ok(Joined), Ok(Joined), Ok(Joined)]),
            (ThreadRule::Invited, [no, no, no, Ok(Joined), Ok(Joined), Ok(Joined)]),
            (ThreadRule::Approval, [Ok(Pending), Ok(Pending), Ok(Pending), Ok(Joined), Ok(Joined), Ok(Joined)]),
            (ThreadRule::Closed, [Err(Closed); 6]),
        ] {
            let admitted = [&stranger, &follower, &friend, &invited, &moderator, &opener]
                .map(|joiner| thread(rule, 1).admit(joiner));
            assert_eq!(admitted, expected, "{rule:?}");
        }
        assert_eq!(thread(ThreadRule::Open, 2).admit(&opener), Err(Full));
        assert_eq!(thread(ThreadRule::Invited, 2).admit(&stranger), no, "a stranger does not learn that it is full");
        assert!(thread(ThreadRule::Open, 1).is_growing() && !thread(ThreadRule::Open, 2).is_growing());
    }

    #[test]
    fn the_rule_and_the_policy_say_the_same() {
        for rule in ThreadRule::ALL {
            assert_eq!(rule_after(rule, policy_of(rule)), rule);
            for policy in [Policy::Everyone, Policy::Followers, Policy::Friends, Policy::Approval, Policy::Nobody] {
                assert_eq!(policy_of(rule_after(rule, policy)), policy, "{rule:?}");
            }
        }
    }

    #[test]
    fn a_title_is_one_line_and_a_cap_has_bounds() {
        assert_eq!(parse_title(" Sing\n the\tnext ").unwrap(), "Sing the next");
        assert!(parse_title(" \u{200b}").is_err() && parse_title(&"a".repeat(201)).is_err());
        assert!(check_cap(1).is_ok() && check_cap(200).is_ok());
        assert!(check_cap(0).is_err() && check_cap(201).is_err());
    }
}

//! From events to notices: the one table of who hears of what.
//!
//! An event proposes notices; `decision.rs` says which of them are told. Posts for followers are not here: there may be
//! a hundred thousand of them (`commands/fan_out.rs`); nor are converted files, whose events have no owner
//! (`commands/tell_of_media.rs`). Invariant: what has the same group key collapses into one notice, and what has
//! the same entry within it is told once.

use std::fmt::Display;

use contract::chat::MessageSent;
use contract::moderation::{AppealAnswered, Decided, ReportAnswered};
use contract::notify::NoticeKind;
use contract::social::talk::{CommentPending, Commented, GreetingOpened, Reacted, Reposted};
use contract::social::threads::{PartAdded, PartApproved, PartRemoved, PartState};
use contract::social::{FollowRequested, Followed, Posted};
use contract::{AccountId, Event};
use uuid::Uuid;

use super::access::Access;

/// A notice that a member may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// Whom.
    pub member: AccountId,
    /// What it is about.
    pub kind: NoticeKind,
    /// Who has acted; `None` for the installation.
    pub actor: Option<AccountId>,
    /// What collapses into one notice.
    pub group_key: String,
    /// What is told once within the group: the actor, or the id of what they have written.
    pub entry: String,
    /// The post, thread, file or greeting that it is about. When that is removed, so is the notice.
    pub subject: Option<String>,
    /// The thread that the subject is a part of. A member who has muted it hears nothing of its parts.
    pub thread: Option<String>,
    /// What the member must be able to see.
    pub access: Access,
}

impl Proposal {
    /// Returns a proposal that counts each actor once.
    fn by_actor(kind: NoticeKind, member: AccountId, actor: AccountId, subject: Option<Uuid>) -> Self {
        Self::by_entry(kind, member, Some(actor), subject, actor)
    }

    /// Returns a proposal that counts each `entry` once.
    pub(crate) fn by_entry(
        kind: NoticeKind,
        member: AccountId,
        actor: Option<AccountId>,
        subject: Option<impl Display>,
        entry: impl Display,
    ) -> Self {
        let subject = subject.map(|subject| subject.to_string());
        let group_key = format!("{}:{}", kind.as_str(), subject.as_deref().unwrap_or_default());
        let (entry, thread, access) = (entry.to_string(), None, Access::Own);
        Self { member, kind, actor, group_key, entry, subject, thread, access }
    }

    fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }
}

/// Reads an event and returns what it proposes.
type Read = fn(&str) -> Result<Vec<Proposal>, serde_json::Error>;

/// The subjects of the events: the first column of [`TABLE`].
pub(crate) const SUBJECTS: &[&str] = &[
    Followed::SUBJECT,
    FollowRequested::SUBJECT,
    Reacted::SUBJECT,
    Commented::SUBJECT,
    CommentPending::SUBJECT,
    Reposted::SUBJECT,
    Posted::SUBJECT,
    PartAdded::SUBJECT,
    PartApproved::SUBJECT,
    PartRemoved::SUBJECT,
    GreetingOpened::SUBJECT,
    Decided::SUBJECT,
    ReportAnswered::SUBJECT,
    AppealAnswered::SUBJECT,
    MessageSent::SUBJECT,
];

/// Each event, and what it proposes.
const TABLE: [(&str, Read); 15] = [
    (Followed::SUBJECT, |payload| read(payload, followed)),
    (FollowRequested::SUBJECT, |payload| read(payload, follow_requested)),
    (Reacted::SUBJECT, |payload| read(payload, reacted)),
    (Commented::SUBJECT, |payload| read(payload, commented)),
    (CommentPending::SUBJECT, |payload| read(payload, comment_pending)),
    (Reposted::SUBJECT, |payload| read(payload, reposted)),
    (Posted::SUBJECT, |payload| read(payload, posted)),
    (PartAdded::SUBJECT, |payload| read(payload, part_added)),
    (PartApproved::SUBJECT, |payload| read(payload, part_approved)),
    (PartRemoved::SUBJECT, |payload| read(payload, part_removed)),
    (GreetingOpened::SUBJECT, |payload| read(payload, greeting_opened)),
    (Decided::SUBJECT, |payload| read(payload, decided)),
    (ReportAnswered::SUBJECT, |payload| read(payload, report_answered)),
    (AppealAnswered::SUBJECT, |payload| read(payload, appeal_answered)),
    (MessageSent::SUBJECT, |payload| read(payload, message_sent)),
];

/// Returns what an event proposes, each member once.
pub(crate) fn proposals_of(subject: &str, payload: &str) -> Result<Vec<Proposal>, serde_json::Error> {
    let Some((_, read)) = TABLE.iter().find(|(known, _)| *known == subject) else { return Ok(Vec::new()) };
    let mut proposals: Vec<Proposal> = Vec::new();
    for proposal in read(payload)? {
        if proposals.iter().all(|earlier| earlier.member != proposal.member) {
            proposals.push(proposal);
        }
    }
    Ok(proposals)
}

fn read<E: Event>(payload: &str, propose: fn(&E) -> Vec<Proposal>) -> Result<Vec<Proposal>, serde_json::Error> {
    serde_json::from_str(payload).map(|event| propose(&event))
}

fn followed(event: &Followed) -> Vec<Proposal> {
    let (follower, followee) = (event.follower, event.followee);
    vec![if event.by_request {
        Proposal::by_actor(NoticeKind::FollowAccepted, follower, followee, None)
    } else {
        Proposal::by_actor(NoticeKind::Followed, followee, follower, None)
    }]
}

fn follow_requested(event: &FollowRequested) -> Vec<Proposal> {
    vec![Proposal::by_actor(NoticeKind::FollowRequested, event.followee, event.follower, None)]
}

fn reacted(event: &Reacted) -> Vec<Proposal> {
    vec![Proposal::by_actor(NoticeKind::Reacted, event.post_author, event.member, Some(event.post))]
}

fn reposted(event: &Reposted) -> Vec<Proposal> {
    vec![Proposal::by_actor(NoticeKind::Reposted, event.post_author, event.member, Some(event.post))]
}

/// An answer is told to whom it answers, a comment to the author of the post, a mention to whom it names: the first of
/// these that a member is.
fn commented(event: &Commented) -> Vec<Proposal> {
    let (author, audience) = (event.post_author, event.audience);
    let propose = |kind, member| {
        let thread = event.thread.map(|thread| thread.to_string());
        Proposal { thread, ..Proposal::by_entry(kind, member, Some(event.author), Some(event.post), event.id) }
    };
    let mut proposals = Vec::new();
    if let Some(answered) = event.answered {
        let access = Access::Post { author, audience, had_link: true };
        proposals.push(propose(NoticeKind::Answered, answered).with_access(access));
    }
    proposals.push(propose(NoticeKind::Commented, author));
    // Who sees a thread is not in the event.
    let audience = audience.filter(|_| event.thread.is_none());
    let access = Access::Post { author, audience, had_link: false };
    let mentions = event.mentions.iter();
    proposals.extend(mentions.map(|member| propose(NoticeKind::Mentioned, *member).with_access(access)));
    proposals
}

fn comment_pending(event: &CommentPending) -> Vec<Proposal> {
    let (member, actor) = (event.post_author, Some(event.author));
    vec![Proposal::by_entry(NoticeKind::CommentPending, member, actor, Some(event.post), event.id)]
}

fn posted(event: &Posted) -> Vec<Proposal> {
    let audience = Some(event.audience).filter(|_| event.thread.is_none());
    let access = Access::Post { author: event.author, audience, had_link: false };
    let propose = |member: &AccountId| {
        Proposal::by_entry(NoticeKind::Mentioned, *member, Some(event.author), Some(event.id), event.id)
            .with_access(access)
    };
    event.mentions.iter().map(propose).collect()
}

fn part_added(event: &PartAdded) -> Vec<Proposal> {
    let kind = match event.state {
        PartState::Joined => NoticeKind::PartAdded,
        PartState::Pending => NoticeKind::PartPending,
        PartState::Removed => return Vec::new(),
    };
    let propose = |opener| Proposal::by_entry(kind, opener, Some(event.author), Some(event.thread), event.part);
    event.opener.into_iter().map(propose).collect()
}

fn part_approved(event: &PartApproved) -> Vec<Proposal> {
    let (member, actor) = (event.author, Some(event.by));
    vec![Proposal::by_entry(NoticeKind::PartApproved, member, actor, Some(event.thread), event.part)]
}

/// Who has removed a part is not told.
fn part_removed(event: &PartRemoved) -> Vec<Proposal> {
    if event.by == event.author {
        return Vec::new();
    }
    let (kind, member) = (NoticeKind::PartRemoved, event.author);
    vec![Proposal::by_entry(kind, member, None, Some(event.thread), event.part)]
}

fn greeting_opened(event: &GreetingOpened) -> Vec<Proposal> {
    let (kind, member) = (NoticeKind::GreetingOpened, event.sender);
    vec![Proposal::by_entry(kind, member, None, Some(event.id), event.id)]
}

/// Without a subject: what it is about may be removed by the decision, and the notice must stay. Who has decided is not
/// told.
fn decided(event: &Decided) -> Vec<Proposal> {
    if !event.action.is_adverse() {
        return Vec::new();
    }
    vec![Proposal::by_entry(NoticeKind::Moderated, event.owner, None, None::<Uuid>, event.id)]
}

fn report_answered(event: &ReportAnswered) -> Vec<Proposal> {
    vec![Proposal::by_entry(NoticeKind::ReportAnswered, event.reporter, None, None::<Uuid>, event.report)]
}

fn appeal_answered(event: &AppealAnswered) -> Vec<Proposal> {
    vec![Proposal::by_entry(NoticeKind::AppealAnswered, event.member, None, None::<Uuid>, event.decision)]
}

/// One notice for each conversation, which counts its messages. Reading the conversation withdraws it.
fn message_sent(event: &MessageSent) -> Vec<Proposal> {
    let (kind, actor, conversation) = (NoticeKind::Messaged, Some(event.author), Some(event.conversation));
    let propose = |member: &AccountId| Proposal::by_entry(kind, *member, actor, conversation, event.id);
    event.recipients.iter().map(propose).collect()
}

#[cfg(test)]
mod tests;

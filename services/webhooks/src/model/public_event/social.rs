//! The public events of the social network: posts, threads, comments, reports.
//!
//! A receiver is a server of the team's, so there is an event for posts of every audience; but it gets ids and settings
//! only, and asks the API for the rest (decision 48). Who follows, blocks, mutes or reacts to whom, who has reported,
//! who has removed a part, whom a post mentions, and greetings are in no event. Invariant: an event about something
//! that is gone names no account, so the removals that follow an erasure leave nothing of the member here.

use contract::social::talk::{CommentRemoved, Commented, ReportClosed, Reported};
use contract::social::threads::{PartAdded, PartApproved, PartRemoved, ThreadOpened};
use contract::social::{PostChanged, PostRemoved, Posted};
use serde_json::json;

use super::PublicEvent;

pub(super) fn post_published(event: &Posted) -> PublicEvent {
    let data = json!({
        "id": event.id,
        "author": event.author,
        "audience": event.audience,
        "media": event.media,
        "thread": event.thread,
        "expires_at": event.expires_at,
    });
    PublicEvent::about("post.published", Some(event.author), data).at(event.at)
}

pub(super) fn post_changed(event: &PostChanged) -> PublicEvent {
    let PostChanged { id, author, audience, version, .. } = event;
    let data = json!({ "id": id, "author": author, "audience": audience, "version": version });
    PublicEvent::about("post.changed", Some(*author), data)
}

pub(super) fn post_removed(event: &PostRemoved) -> PublicEvent {
    PublicEvent::about("post.removed", None, json!({ "id": event.id }))
}

pub(super) fn thread_opened(event: &ThreadOpened) -> PublicEvent {
    let ThreadOpened { thread, opener, rule, audience, at } = event;
    let data = json!({ "id": thread, "opener": opener, "rule": rule, "audience": audience });
    PublicEvent::about("thread.opened", Some(*opener), data).at(*at)
}

pub(super) fn part_added(event: &PartAdded) -> PublicEvent {
    let PartAdded { thread, part, author, answers, state, opener: _, at } = event;
    let data = json!({ "thread": thread, "id": part, "author": author, "answers": answers, "state": state });
    PublicEvent::about("thread.part_added", Some(*author), data).at(*at)
}

pub(super) fn part_approved(event: &PartApproved) -> PublicEvent {
    let PartApproved { thread, part, author, at, .. } = event;
    let data = json!({ "thread": thread, "id": part, "author": author });
    PublicEvent::about("thread.part_approved", Some(*author), data).at(*at)
}

pub(super) fn part_removed(event: &PartRemoved) -> PublicEvent {
    let data = json!({ "thread": event.thread, "id": event.part });
    PublicEvent::about("thread.part_removed", None, data).at(event.at)
}

pub(super) fn comment_published(event: &Commented) -> PublicEvent {
    let Commented { id, post, author, answers, at, .. } = event;
    let data = json!({ "id": id, "post": post, "author": author, "answers": answers });
    PublicEvent::about("comment.published", Some(*author), data).at(*at)
}

pub(super) fn comment_removed(event: &CommentRemoved) -> PublicEvent {
    PublicEvent::about("comment.removed", None, json!({ "id": event.id, "post": event.post }))
}

pub(super) fn report_created(event: &Reported) -> PublicEvent {
    let Reported { id, kind, object, owner, reason, at, .. } = event;
    let data = json!({ "id": id, "kind": kind, "object": object, "owner": owner, "reason": reason });
    PublicEvent::about("report.created", Some(*owner), data).at(*at)
}

pub(super) fn report_closed(event: &ReportClosed) -> PublicEvent {
    let data = json!({ "id": event.id, "decision": event.decision });
    PublicEvent::about("report.closed", None, data).at(event.at)
}

/// An event of each type, with `private` where a member is named who must be in none, and a text of theirs.
#[cfg(test)]
pub(super) fn examples(private: contract::AccountId) -> Vec<(&'static str, String)> {
    use base::Event;
    use chrono::DateTime;
    use contract::AccountId;
    use contract::social::Audience;
    use contract::social::talk::{ReportDecision, ReportKind, ReportReason};
    use contract::social::threads::{PartState, ThreadRule};
    use uuid::Uuid;

    fn row<E: Event>(event: &E) -> (&'static str, String) {
        (E::SUBJECT, serde_json::to_string(event).unwrap())
    }
    let (id, thread, at) = (Uuid::from_u128(1), Uuid::from_u128(2), DateTime::UNIX_EPOCH);
    let (author, audience, position) = (AccountId(Uuid::from_u128(3)), Audience::Close, 5);
    let (tags, mentions) = (vec!["secret".to_owned()], vec![private]);
    let (kind, reason) = (ReportKind::Post, ReportReason::Other);
    vec![
        row(&Posted {
            id,
            author,
            position,
            audience,
            tags: tags.clone(),
            mentions: mentions.clone(),
            media: Vec::new(),
            thread: Some(thread),
            expires_at: None,
            at,
        }),
        row(&PostChanged { id, author, position, audience, is_audience_changed: false, tags, version: 2 }),
        row(&PostRemoved { id, author: private, position }),
        row(&ThreadOpened { thread, opener: author, rule: ThreadRule::Open, audience, at }),
        row(&PartAdded { thread, part: id, author, opener: None, answers: None, state: PartState::Joined, at }),
        row(&PartApproved { thread, part: id, author, by: private, at }),
        row(&PartRemoved { thread, part: id, author: private, by: private, at }),
        row(&Commented {
            id,
            post: id,
            post_author: private,
            author,
            answers: None,
            answered: None,
            mentions,
            audience: None,
            thread: None,
            at,
        }),
        row(&CommentRemoved { id, post: id }),
        row(&Reported { id, kind, object: id, owner: author, reporter: private, reason, at }),
        row(&ReportClosed { id, kind, object: id, reporter: private, decision: ReportDecision::Keep, at }),
    ]
}

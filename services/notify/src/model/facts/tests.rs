//! Which notices events propose.
//!
//! Invariant: one event proposes each member one notice at most.

use chrono::DateTime;
use contract::moderation::{Action, Thing};
use contract::social::Audience;
use contract::social::talk::{ReactionKind, ReportReason};

use super::*;

fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

fn told<E: Event>(event: &E) -> Vec<(AccountId, NoticeKind)> {
    let payload = serde_json::to_string(event).unwrap();
    let proposals = proposals_of(E::SUBJECT, &payload).unwrap();
    proposals.iter().map(|proposal| (proposal.member, proposal.kind)).collect()
}

#[test]
fn the_table_has_the_subjects_that_are_subscribed_to() {
    assert_eq!(TABLE.map(|(subject, _)| subject), SUBJECTS);
    assert_eq!(proposals_of("transcode.progress", "{}").unwrap(), []);
    assert!(proposals_of(Reacted::SUBJECT, "{}").is_err());
}

#[test]
fn a_member_hears_of_a_comment_once_and_for_the_nearest_reason() {
    let [author, writer, answered, other] = [1, 2, 3, 4].map(account);
    let mut comment = Commented {
        id: Uuid::from_u128(10),
        post: Uuid::from_u128(11),
        post_author: author,
        author: writer,
        answers: Some(Uuid::from_u128(12)),
        answered: Some(answered),
        mentions: vec![author, answered, other],
        audience: Some(Audience::Public),
        thread: None,
        at: DateTime::UNIX_EPOCH,
    };
    let expected = [(answered, NoticeKind::Answered), (author, NoticeKind::Commented), (other, NoticeKind::Mentioned)];
    assert_eq!(told(&comment), expected);
    comment.answered = Some(author);
    assert_eq!(told(&comment)[0], (author, NoticeKind::Answered));
    assert_eq!(told(&comment).len(), 3);
}

#[test]
fn reactions_collapse_by_post_and_count_members_once() {
    let [author, one, two] = [1, 2, 3].map(account);
    let reaction = |member, post| {
        let (kind, at) = (ReactionKind::Like, DateTime::UNIX_EPOCH);
        reacted(&Reacted { post: Uuid::from_u128(post), post_author: author, member, kind, at }).remove(0)
    };
    assert_eq!(reaction(one, 7).group_key, reaction(two, 7).group_key);
    assert_ne!(reaction(one, 7).group_key, reaction(one, 8).group_key);
    assert_eq!(reaction(one, 7).entry, one.to_string());
}

#[test]
fn a_part_is_told_to_the_opener_and_its_removal_to_its_author() {
    let [opener, author] = [1, 2].map(account);
    let (thread, part, at) = (Uuid::from_u128(5), Uuid::from_u128(6), DateTime::UNIX_EPOCH);
    let mut added =
        PartAdded { thread, part, author, opener: Some(opener), answers: None, state: PartState::Joined, at };
    assert_eq!(told(&added), [(opener, NoticeKind::PartAdded)]);
    added.state = PartState::Pending;
    assert_eq!(told(&added), [(opener, NoticeKind::PartPending)]);
    assert_eq!(told(&PartRemoved { thread, part, author, by: opener, at }), [(author, NoticeKind::PartRemoved)]);
    assert_eq!(told(&PartRemoved { thread, part, author, by: author, at }), []);
    let followed = |by_request| Followed { follower: author, followee: opener, by_request, at };
    assert_eq!(told(&followed(false)), [(opener, NoticeKind::Followed)]);
    assert_eq!(told(&followed(true)), [(author, NoticeKind::FollowAccepted)]);
}

#[test]
fn a_decision_is_told_to_whom_it_is_against_and_its_outcome_to_who_reported() {
    let [owner, reporter, moderator] = [1, 2, 3].map(account);
    let (id, at) = (Uuid::from_u128(10), DateTime::UNIX_EPOCH);
    let mut decided = Decided {
        id,
        case: Uuid::from_u128(11),
        thing: Thing { role: "social".into(), kind: "post".into(), id: "12".into() },
        owner,
        action: Action::Remove,
        reason: ReportReason::Spam,
        statement: "No.".into(),
        until: None,
        removes: true,
        blocked_media: Vec::new(),
        by: moderator,
        at,
    };
    assert_eq!(told(&decided), [(owner, NoticeKind::Moderated)]);
    decided.action = Action::Keep;
    assert_eq!(told(&decided), []);
    let answered = ReportAnswered { report: id, reporter, is_upheld: false, at };
    assert_eq!(told(&answered), [(reporter, NoticeKind::ReportAnswered)]);
    let appeal = AppealAnswered { decision: id, member: owner, is_overturned: true, at };
    assert_eq!(told(&appeal), [(owner, NoticeKind::AppealAnswered)]);
}

#[test]
fn messages_of_a_conversation_are_one_notice_of_each_recipient() {
    let [author, one, two] = [1, 2, 3].map(account);
    let (id, at) = (Uuid::from_u128(8), DateTime::UNIX_EPOCH);
    let sent = |conversation| MessageSent {
        id,
        conversation: Uuid::from_u128(conversation),
        author,
        recipients: vec![one, two],
        at,
    };
    assert_eq!(told(&sent(5)), [(one, NoticeKind::Messaged), (two, NoticeKind::Messaged)]);
    let keys = [5, 5, 6].map(|conversation| message_sent(&sent(conversation)).remove(0).group_key);
    assert!(keys[0] == keys[1] && keys[0] != keys[2]);
}

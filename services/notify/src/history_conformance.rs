//! What an engine of the history must do. Each engine's tests call all of these functions on a history of their own.
//!
//! Invariant: after each step, the counts are the numbers of unseen and unread notices of the main list.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use crate::history::{Counts, Filter, HistoryStore, Mark, Marked, NewEntry, Notice, SharedNotice, Withdrawn};

const ADA: AccountId = account(1);
const BOB: AccountId = account(2);
const EVE: AccountId = account(3);
const DAN: AccountId = account(4);
const FAY: AccountId = account(5);
/// More than a step of any engine withdraws.
const MANY: u128 = 110;

const fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

/// Returns the time of the suite: a midnight, far ahead, because the service runs in the test, and removes what is old
/// by its own clock.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(40_000)
}

/// Returns an entry for Ada: an actor has reacted to a post.
fn reaction(actor: AccountId, post: &str) -> NewEntry {
    NewEntry {
        member: ADA,
        kind: NoticeKind::Reacted,
        group_key: format!("reacted:{post}"),
        entry: actor.to_string(),
        actor: Some(actor),
        subject: Some(post.to_owned()),
        is_filtered: false,
    }
}

/// Returns an entry for Ada: an actor has written a comment.
fn comment(actor: AccountId, post: &str, comment: &str) -> NewEntry {
    let (kind, group_key) = (NoticeKind::Commented, format!("commented:{post}"));
    NewEntry { kind, group_key, entry: comment.to_owned(), ..reaction(actor, post) }
}

fn posted(actor: AccountId, post: &str) -> SharedNotice {
    SharedNotice { kind: NoticeKind::Posted, group_key: format!("posted:{post}"), actor, subject: post.to_owned() }
}

/// Adds entries, and returns how many notices have changed.
async fn add(history: &dyn HistoryStore, entries: &[NewEntry]) -> usize {
    history.add(entries.to_vec(), now()).await.unwrap().len()
}

/// Returns all notices of a list, the newest first.
async fn list_of(history: &dyn HistoryStore, member: AccountId, filter: Filter) -> Vec<Notice> {
    history.list(member, filter, Uuid::max(), 1000).await.unwrap()
}

/// Returns the main list of a member, after it was compared with the counts, and with what is asked for by ids.
async fn list(history: &dyn HistoryStore, member: AccountId) -> Vec<Notice> {
    let notices = list_of(history, member, Filter::default()).await;
    let count = |flag: fn(&Notice) -> bool| notices.iter().filter(|notice| !flag(notice)).count() as u64;
    let listed = Counts { unseen: count(|notice| notice.is_seen), unread: count(|notice| notice.is_read) };
    assert_eq!(history.counts(member).await.unwrap(), listed, "{notices:#?}");
    let of_each = history.counts_of_each(&[member]).await.unwrap();
    assert_eq!(of_each.first().map_or(Counts::default(), |(_, counts)| *counts), listed);
    let own = notices.iter().map(|notice| (member, notice.id));
    let foreign = notices.first().map(|notice| (account(77), notice.id));
    let ids: Vec<(AccountId, Uuid)> = own.chain(foreign).chain([(member, Uuid::nil())]).collect();
    let found = history.find_each(&ids).await.unwrap();
    assert_eq!(found.len(), notices.len());
    assert!(notices.iter().all(|notice| found.contains(&(member, notice.clone()))), "{found:#?}");
    notices
}

fn only(mut notices: Vec<Notice>) -> Notice {
    assert_eq!(notices.len(), 1, "{notices:#?}");
    notices.remove(0)
}

pub(crate) async fn withdraw(history: &dyn HistoryStore, withdrawn: Withdrawn) {
    while history.withdraw(&withdrawn).await.unwrap().has_more {}
}

pub(crate) async fn a_notice_grows_until_it_is_read_and_an_entry_counts_once(history: &dyn HistoryStore) {
    assert_eq!(add(history, &[reaction(BOB, "post"), reaction(BOB, "post")]).await, 1);
    let first = only(list(history, ADA).await);
    assert_eq!((&first.actors[..], first.actor_count, first.group), (&[BOB][..], 1, first.id));
    let seen = history.mark(ADA, Mark::Seen, Marked::Until(first.id)).await.unwrap();
    assert_eq!(seen, Counts { unseen: 0, unread: 1 });

    assert_eq!(add(history, &[reaction(EVE, "post"), reaction(DAN, "post"), reaction(FAY, "post")]).await, 3);
    assert_eq!(add(history, &[reaction(BOB, "post")]).await, 0, "undone and done again");
    let grown = only(list(history, ADA).await);
    assert_eq!((&grown.actors[..], grown.actor_count, grown.group), (&[FAY, DAN, EVE][..], 4, first.group));
    assert!(grown.id > first.id && !grown.is_seen && !grown.is_read);

    assert_eq!(history.mark(ADA, Mark::Read, Marked::Ids(vec![grown.id])).await.unwrap(), Counts::default());
    assert_eq!(add(history, &[reaction(BOB, "post")]).await, 0, "also after it was read");
    assert_eq!(add(history, &[reaction(account(6), "post"), reaction(BOB, "other")]).await, 2);
    let notices = list(history, ADA).await;
    assert_eq!(notices.iter().map(|notice| notice.actor_count).collect::<Vec<_>>(), [1, 1, 4]);
    assert_ne!(notices[1].group, first.group);
    let comments = [comment(BOB, "post", "c1"), comment(BOB, "post", "c2"), comment(EVE, "post", "c3")];
    assert_eq!(add(history, &comments).await, 3);
    assert_eq!(list(history, ADA).await[0].actor_count, 2, "two people have written three comments");

    // Of several members at once, of whom one is told twice.
    let [gus, hal] = [30, 31].map(account);
    let told = |member, text: &str| NewEntry { member, ..comment(BOB, "both", text) };
    let entries = [told(gus, "c4"), told(ADA, "c4"), told(gus, "c5"), told(hal, "c4")];
    assert_eq!(add(history, &entries).await, 4);
    let (before, of_hal) = (only(list(history, gus).await), only(list(history, hal).await));
    let eve = NewEntry { actor: Some(EVE), ..told(gus, "c6") };
    assert_eq!(add(history, &[told(hal, "c4"), eve, told(ADA, "c6")]).await, 2, "one of them is there");
    let grown = only(list(history, gus).await);
    assert_eq!((before.actor_count, grown.actor_count, grown.group), (1, 2, before.group));
    assert_eq!((grown.actors, only(list(history, hal).await)), (vec![EVE, BOB], of_hal));
    assert_eq!(list(history, ADA).await[0].actor_count, 1);
}

pub(crate) async fn what_arrives_later_is_not_marked(history: &dyn HistoryStore) {
    add(history, &[reaction(BOB, "one"), reaction(BOB, "two")]).await;
    let before = list(history, ADA).await;
    // A clock that is behind.
    history.add(vec![reaction(EVE, "two")], now() - TimeDelta::hours(1)).await.unwrap();
    let counts = history.mark(ADA, Mark::Read, Marked::Until(before[0].id)).await.unwrap();
    assert_eq!(counts, Counts { unseen: 1, unread: 1 }, "the second has grown");
    assert_eq!(history.last_id(ADA).await.unwrap(), list(history, ADA).await[0].id);
    let counts = history.mark(ADA, Mark::Read, Marked::Until(Uuid::max())).await.unwrap();
    assert_eq!(counts, Counts::default());
    history.add(vec![reaction(BOB, "three")], now() - TimeDelta::hours(2)).await.unwrap();
    let notices = list(history, ADA).await;
    assert_eq!(notices.iter().map(|notice| notice.is_read).collect::<Vec<_>>(), [false, true, true]);
    let back = history.mark(ADA, Mark::Read, Marked::Until(before[1].id)).await.unwrap();
    assert_eq!(back, Counts { unseen: 1, unread: 1 }, "a cursor does not go back");
    assert_eq!(list(history, ADA).await, notices);
}

pub(crate) async fn marks_of_single_notices_count_once(history: &dyn HistoryStore) {
    add(history, &["one", "two", "three"].map(|post| reaction(BOB, post))).await;
    let ids: Vec<Uuid> = list(history, ADA).await.iter().map(|notice| notice.id).collect();
    let some = Marked::Ids(vec![ids[1], ids[1], Uuid::from_u128(7)]);
    for _ in 0..2 {
        let counts = history.mark(ADA, Mark::Seen, some.clone()).await.unwrap();
        assert_eq!(counts, Counts { unseen: 2, unread: 3 });
    }
    for _ in 0..2 {
        let counts = history.mark(ADA, Mark::Read, some.clone()).await.unwrap();
        assert_eq!(counts, Counts { unseen: 2, unread: 2 });
    }
    assert_eq!(history.mark(BOB, Mark::Read, Marked::Ids(ids.clone())).await.unwrap(), Counts::default());
    assert_eq!(list(history, ADA).await.iter().map(|notice| notice.is_read).collect::<Vec<_>>(), [false, true, false]);
    let counts = history.mark(ADA, Mark::Read, Marked::Until(ids[2])).await.unwrap();
    assert_eq!(counts, Counts { unseen: 1, unread: 1 });
    assert_eq!(list(history, ADA).await.iter().map(|notice| notice.is_read).collect::<Vec<_>>(), [false, true, true]);

    assert!(history.remove(ADA, ids[0]).await.unwrap() && !history.remove(ADA, ids[0]).await.unwrap());
    assert!(!history.remove(BOB, ids[1]).await.unwrap(), "it is not Bob's");
    assert_eq!(list(history, ADA).await.len(), 2);
    assert_eq!(add(history, &[reaction(BOB, "three")]).await, 0, "what was removed is not told again");
}

pub(crate) async fn what_is_filtered_is_in_a_list_of_its_own_and_not_counted(history: &dyn HistoryStore) {
    let filtered = NewEntry { is_filtered: true, ..reaction(BOB, "post") };
    assert_eq!(add(history, &[filtered.clone(), filtered, reaction(EVE, "post")]).await, 2);
    assert_eq!(list(history, ADA).await[0].actors, [EVE]);
    let filter = Filter { is_filtered: true, ..Filter::default() };
    let notice = only(list_of(history, ADA, filter).await);
    assert_eq!((&notice.actors[..], notice.is_filtered, notice.is_read), (&[BOB][..], true, false));
    let counts = history.mark(ADA, Mark::Read, Marked::Ids(vec![notice.id])).await.unwrap();
    assert_eq!(counts, Counts { unseen: 1, unread: 1 });
    assert!(list_of(history, ADA, filter).await[0].is_read);
}

pub(crate) async fn a_list_is_walked_by_its_ids(history: &dyn HistoryStore) {
    let posts = ["one", "two", "three", "four"];
    add(history, &posts.map(|post| reaction(BOB, post))).await;
    add(history, &posts.map(|post| comment(BOB, post, post))).await;
    let all = list(history, ADA).await;
    let (mut walked, mut before) = (Vec::new(), Uuid::max());
    loop {
        let page = history.list(ADA, Filter::default(), before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = last.id;
        walked.extend(page);
    }
    assert_eq!(walked, all);
    history.mark(ADA, Mark::Read, Marked::Ids(vec![all[0].id])).await.unwrap();
    history.mark(ADA, Mark::Read, Marked::Until(all[6].id)).await.unwrap();
    let ids = |notices: &[Notice]| notices.iter().map(|notice| notice.id).collect::<Vec<_>>();
    let of_kind = Filter { kind: Some(NoticeKind::Reacted), ..Filter::default() };
    assert_eq!(ids(&list_of(history, ADA, of_kind).await), ids(&all[4..]));
    let unread = Filter { is_unread: true, ..Filter::default() };
    assert_eq!(ids(&list_of(history, ADA, unread).await), ids(&all[1..6]));
    assert_eq!(ids(&list_of(history, ADA, Filter { is_unread: true, ..of_kind }).await), ids(&all[4..6]));
    let since = history.list_since(ADA, all[3].id, 2).await.unwrap();
    assert_eq!(ids(&since), [all[2].id, all[1].id]);
    assert_eq!(history.list_since(ADA, all[0].id, 2).await.unwrap(), []);
    let mut each = history.list_since_each(&[(ADA, all[3].id), (EVE, Uuid::nil())], 2).await.unwrap();
    assert_eq!((each.remove(&ADA).unwrap_or_default(), each.remove(&EVE).unwrap_or_default()), (since, Vec::new()));
    assert_eq!(history.last_id(EVE).await.unwrap(), Uuid::nil());
}

pub(crate) async fn a_shared_notice_is_there_once_for_each_member(history: &dyn HistoryStore) {
    add(history, &[reaction(BOB, "one")]).await;
    for expected in [2, 0] {
        let members = vec![(ADA, false), (EVE, true)];
        // A clock that is behind.
        let earlier = now() - TimeDelta::hours(1);
        assert_eq!(history.add_shared(posted(BOB, "post"), members, earlier).await.unwrap().len(), expected);
    }
    let told = history.add_shared(posted(BOB, "post"), vec![(ADA, false), (DAN, false)], now()).await.unwrap();
    assert_eq!(told.iter().map(|told| told.member).collect::<Vec<_>>(), [DAN]);
    let notices = list(history, ADA).await;
    assert_eq!((notices.len(), &notices[0].actors[..]), (2, &[BOB][..]));
    assert_eq!(notices[0].kind, NoticeKind::Posted);
    assert_eq!((list(history, EVE).await.len(), list(history, DAN).await[0].id), (0, told[0].id));
    assert_eq!(history.add_shared(posted(BOB, "post"), Vec::new(), now()).await.unwrap(), []);
}

pub(crate) async fn what_is_withdrawn_is_neither_listed_nor_counted(history: &dyn HistoryStore) {
    let entries = [
        reaction(BOB, "post"),
        reaction(EVE, "post"),
        comment(BOB, "post", "c1"),
        comment(BOB, "post", "c2"),
        comment(EVE, "other", "c3"),
        reaction(BOB, "third"),
    ];
    assert_eq!(add(history, &entries).await, 6);
    history.add_shared(posted(BOB, "own"), vec![(ADA, false), (DAN, false)], now()).await.unwrap();

    withdraw(history, Withdrawn::OfEntry("c2".to_owned())).await;
    let of_kind = |kind| Filter { kind: Some(kind), ..Filter::default() };
    assert_eq!(list_of(history, ADA, of_kind(NoticeKind::Commented)).await.len(), 2, "c1 is left");
    withdraw(history, Withdrawn::OfEntry("c1".to_owned())).await;
    assert_eq!(list_of(history, ADA, of_kind(NoticeKind::Commented)).await.len(), 1);

    withdraw(history, Withdrawn::Between { member: ADA, actor: BOB }).await;
    let notices = list(history, ADA).await;
    assert!(notices.iter().all(|notice| notice.actors == [EVE] && notice.actor_count == 1), "{notices:#?}");
    assert_eq!((notices.len(), list(history, DAN).await.len()), (2, 1));

    // Ada's comments and reactions are about her own posts; Dan was told because he could read the post.
    let about = async |after| history.list_about("own", after, 1).await.unwrap();
    let first = about(None).await;
    assert_eq!((&first[..], about(Some(DAN)).await), (&[DAN][..], Vec::new()));
    for (subject, left) in [("other", 1), ("own", 0)] {
        withdraw(history, Withdrawn::About { subject: subject.to_owned(), members: vec![ADA, DAN] }).await;
        assert_eq!((list(history, ADA).await.len(), list(history, DAN).await.len()), (2, left));
    }
    history.add_shared(posted(BOB, "later"), vec![(DAN, false)], now()).await.unwrap();

    withdraw(history, Withdrawn::OfSubject("other".to_owned())).await;
    assert_eq!(list(history, ADA).await.len(), 1);
    withdraw(history, Withdrawn::OfActor(EVE)).await;
    assert_eq!(list(history, ADA).await, []);
    assert_eq!(list(history, DAN).await.len(), 1);
    withdraw(history, Withdrawn::OfMember(DAN)).await;
    assert_eq!((list(history, DAN).await.len(), history.last_id(DAN).await.unwrap()), (0, Uuid::nil()));
}

pub(crate) async fn many_notices_are_withdrawn_in_steps(history: &dyn HistoryStore) {
    let members: Vec<_> = (100..100 + MANY).map(|number| (account(number), false)).collect();
    history.add_shared(posted(BOB, "post"), members.clone(), now()).await.unwrap();
    let step = history.withdraw(&Withdrawn::OfActor(BOB)).await.unwrap();
    assert!(step.has_more && !step.members.is_empty() && step.members.len() < members.len());
    withdraw(history, Withdrawn::OfActor(BOB)).await;
    for (member, _) in &members {
        assert_eq!(list(history, *member).await, []);
    }
}

/// `expire` lets everything before a time expire, as the engine does it.
pub(crate) async fn what_is_old_is_removed_and_what_grew_stays(
    history: &dyn HistoryStore,
    expire: impl AsyncFnOnce(DateTime<Utc>),
) {
    add(history, &[reaction(BOB, "old"), reaction(BOB, "grown")]).await;
    history.add_shared(posted(BOB, "post"), vec![(ADA, false)], now()).await.unwrap();
    let later = now() + TimeDelta::days(2);
    history.add(vec![reaction(EVE, "grown"), reaction(BOB, "new")], later).await.unwrap();
    expire(now() + TimeDelta::days(1)).await;
    let notices = list(history, ADA).await;
    assert_eq!(
        notices.iter().map(|notice| notice.subject.as_deref()).collect::<Vec<_>>(),
        [Some("new"), Some("grown")]
    );
    assert_eq!(notices[1].actor_count, 2);
    // What the notice counts is still known.
    withdraw(history, Withdrawn::Between { member: ADA, actor: BOB }).await;
    let notices = list(history, ADA).await;
    assert_eq!((notices.len(), &notices[0].actors[..]), (1, &[EVE][..]));
}

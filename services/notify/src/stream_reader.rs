//! What streams read when they are woken: those that are woken together are read together.
//!
//! A post wakes the streams of all followers of its author in the same moment. One task takes the streams that wait,
//! and reads for all of them with the statements that one of them needs. Invariant: a stream is answered by a read that
//! began after it asked, so it gets what it was woken for; the streams of a batch, and what is read for each, are
//! bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use contract::AccountId;
use uuid::Uuid;

use crate::error::Error;
use crate::history::{Counts, Notice};
use crate::queries;
use crate::sentences::{actors_of, list_shown};
use crate::state::Notify;
use crate::stream_queue::{MAX_BACKFILL, News, Request};

/// Streams that are read together: a power of two, so that a full batch is one statement ([`db::chunk_size`]).
const MAX_BATCH: usize = 256;

/// Starts the task that reads, until the process stops.
pub(crate) fn start(notify: &Notify) {
    let Some(mut queue) = notify.stream_queue.take_receiver() else { return };
    let (state, owner) = (notify.clone(), notify.context.tasks.clone());
    notify.context.tasks.spawn(async move {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                taken = queue.recv_many(&mut batch, MAX_BATCH) => if taken == 0 { return },
                () = owner.stopping() => return,
            }
            answer(&state, batch).await;
        }
    });
}

async fn answer(notify: &Notify, mut batch: Vec<Request>) {
    batch.retain(|request| !request.answer.is_closed());
    match read(notify, &batch).await {
        Ok(news) => {
            for (request, news) in batch.into_iter().zip(news) {
                // Its client may be gone.
                let _ = request.answer.send(news);
            }
        }
        Err(error) => tracing::warn!(%error, streams = batch.len(), "notices could not be read for streams"),
    }
}

/// Returns what is new for each of these streams, in their order.
async fn read(notify: &Notify, batch: &[Request]) -> Result<Vec<News>, Error> {
    // A member with several streams is read once, above the least of their places.
    let mut least: BTreeMap<AccountId, Uuid> = BTreeMap::new();
    for request in batch {
        let after = least.entry(request.member).or_insert(request.after);
        *after = request.after.min(*after);
    }
    let wanted: Vec<(AccountId, Uuid)> = least.iter().map(|(member, after)| (*member, *after)).collect();
    let members: Vec<AccountId> = least.keys().copied().collect();
    let found = notify.history.list_since_each(&wanted, MAX_BACKFILL + 1).await?;
    let mut notices_of_each = Vec::with_capacity(batch.len());
    for Request { member, after, .. } in batch {
        let all = found.get(member).map(Vec::as_slice).unwrap_or_default();
        // What was cut off at the end may be all that is above a place further on.
        let is_cut = all.len() > MAX_BACKFILL && least.get(member).is_some_and(|least| least < after);
        notices_of_each.push(if is_cut {
            notify.history.list_since(*member, *after, MAX_BACKFILL + 1).await?
        } else {
            all.iter().filter(|notice| notice.id > *after).cloned().collect()
        });
    }
    let announced = queries::announced_of_each(notify, &members).await?;
    let counts: HashMap<AccountId, Counts> = notify.history.counts_of_each(&members).await?.into_iter().collect();
    let sent = notices_of_each.iter().filter(|notices| notices.len() <= MAX_BACKFILL).flatten();
    let actors = actors_of(sent);
    let people = Arc::new(list_shown(notify, &actors).await?);
    let news = |(request, notices): (&Request, Vec<Notice>)| {
        let announced = announced.get(&request.member).cloned().unwrap_or_default();
        let counts = counts.get(&request.member).copied().unwrap_or_default();
        News { notices, counts: queries::with_announced(counts, &announced), announced, people: people.clone() }
    };
    Ok(batch.iter().zip(notices_of_each).map(news).collect())
}

#[cfg(test)]
mod tests {
    use contract::notify::NoticeKind;
    use testkit::World;
    use tokio::sync::oneshot;

    use super::*;
    use crate::history::SharedNotice;
    use crate::tests::state;

    const ADA: AccountId = AccountId(Uuid::from_u128(1));
    const BOB: AccountId = AccountId(Uuid::from_u128(2));
    const EVE: AccountId = AccountId(Uuid::from_u128(3));

    /// Tells members of a post. Returns the id that the first of them has it under.
    async fn tell(notify: &Notify, members: &[AccountId], post: usize) -> Uuid {
        let subject = Uuid::from_u128(post as u128).to_string();
        let group_key = format!("posted:{post}");
        let notice = SharedNotice { kind: NoticeKind::Posted, group_key, actor: EVE, subject };
        let filtered = members.iter().map(|member| (*member, false)).collect();
        let told = notify.history.add_shared(notice, filtered, notify.context.clock.now()).await.unwrap();
        told.iter().find(|told| told.member == members[0]).unwrap().id
    }

    async fn ids(notify: &Notify, batch: &[(AccountId, Uuid)]) -> Vec<Vec<Uuid>> {
        let request = |(member, after): &(AccountId, Uuid)| Request {
            member: *member,
            after: *after,
            answer: oneshot::channel().0,
        };
        let batch: Vec<Request> = batch.iter().map(request).collect();
        let news = read(notify, &batch).await.unwrap();
        news.iter().map(|news| news.notices.iter().map(|notice| notice.id).collect()).collect()
    }

    #[tokio::test]
    async fn streams_that_are_read_together_get_what_each_gets_alone() {
        let world = World::of(&[crate::service()]).await;
        let notify = state(&world);
        start(&notify);
        let first = tell(&notify, &[ADA, BOB], 1).await;
        let second = tell(&notify, &[ADA], 2).await;
        let nil = Uuid::nil();
        // Ada has two streams, of which one is behind.
        let batch = [(ADA, nil), (ADA, first), (BOB, nil), (EVE, nil)];
        let together = ids(&notify, &batch).await;
        assert_eq!(together[..2], [vec![first, second], vec![second]]);
        assert_eq!((together[2].len(), together[3].len()), (1, 0));
        let news = notify.stream_queue.read(ADA, first).await.unwrap();
        assert_eq!((news.notices.len(), news.counts), (1, Counts { unseen: 2, unread: 2 }));

        // More than a statement for several reads, and more than are sent.
        for post in 3..=MAX_BACKFILL + 10 {
            tell(&notify, &[ADA], post).await;
        }
        let newest = notify.history.last_id(ADA).await.unwrap();
        let last = tell(&notify, &[ADA], 1_000).await;
        let together = ids(&notify, &[(ADA, nil), (ADA, newest), (BOB, nil)]).await;
        assert_eq!((together[0].len(), &together[1][..], together[2].len()), (MAX_BACKFILL + 1, &[last][..], 1));
        world.end().await;
    }
}

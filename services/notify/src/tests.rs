//! Tests of what happens at the same time and of scheduled work, which tests over HTTP can't arrange.
//!
//! Invariant: nothing here sends a request.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use contract::notify::NoticeKind;
use db::schedule::{Job, claim};
use db::{FromQueryResult, Sql as _};
use testkit::World;
use uuid::Uuid;

use crate::check::compare;
use crate::commands;
use crate::history::{Counts, Filter, Notice};
use crate::model::{Proposal, Relation, RelationKind};
use crate::state::Notify;

const ADA: AccountId = AccountId(Uuid::from_u128(1));
const BOB: AccountId = AccountId(Uuid::from_u128(2));
/// Races of a notice with what forbids it.
const ROUNDS: u128 = 40;
/// How often the other task may run first.
const MAX_YIELDS: u64 = 60;

/// Returns the state of the role in a world.
pub(crate) fn state(world: &World) -> Notify {
    let context = world.context("notify").clone();
    let config = context.config.section("notify").unwrap();
    Notify::new(context, config).unwrap()
}

/// Returns a reaction of an actor to a post of a member.
fn reaction(member: AccountId, actor: AccountId, post: u128) -> Proposal {
    let subject = Some(Uuid::from_u128(post));
    Proposal::by_entry(NoticeKind::Reacted, member, Some(actor), subject, actor)
}

async fn list(notify: &Notify, member: AccountId) -> Vec<Notice> {
    notify.history.list(member, Filter::default(), Uuid::max(), 100).await.unwrap()
}

async fn count_relations(notify: &Notify) -> i64 {
    #[derive(FromQueryResult)]
    struct Row {
        relations: i64,
    }
    let text = "select count(*) as relations from relation";
    let row: Option<Row> = notify.context.db.read().row(text, vec![]).await.unwrap();
    row.unwrap().relations
}

async fn assert_no_drift(notify: &Notify) {
    assert_eq!(compare(&*notify.history).await.unwrap().1, []);
}

/// Lets the other task run for a while.
async fn wait(notify: &Notify) {
    for _ in 0..notify.context.random.below(MAX_YIELDS) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_forbids_a_notice_while_it_is_added_takes_it_away() {
    let world = World::of(&[crate::service()]).await;
    let notify = state(&world);
    let now = world.clock().now();
    for round in 0..ROUNDS {
        let [member, actor] = [100, 500].map(|first| AccountId(Uuid::from_u128(first + round)));
        let post = 1_000 + round;
        let forbid = async {
            wait(&notify).await;
            match round % 4 {
                0 => {
                    let block = Relation { member: actor, other: member, kind: RelationKind::Block };
                    commands::set_relation(&notify, block, true, None, now).await.unwrap();
                }
                1 => commands::remove_subject(&notify, Uuid::from_u128(post).to_string()).await.unwrap(),
                2 => commands::erase_account(&notify, member).await.unwrap(),
                _ => {
                    let state = AccountState::Suspended;
                    let standing = StandingChanged { account: actor, state, until: None, version: 1 };
                    commands::record_standing(&notify, standing).await.unwrap();
                }
            }
        };
        let tell = async {
            wait(&notify).await;
            commands::tell(&notify, vec![reaction(member, actor, post)]).await.unwrap();
        };
        tokio::join!(forbid, tell);
        assert_eq!(list(&notify, member).await, [], "round {round}");
        assert_eq!(notify.history.counts(member).await.unwrap(), Counts::default(), "round {round}");
    }
    assert_no_drift(&notify).await;
    world.end().await;
}

#[tokio::test]
async fn notices_expire_and_the_counts_stay_exact() {
    let world = World::of(&[crate::service()]).await;
    let notify = state(&world);
    commands::tell(&notify, vec![reaction(ADA, BOB, 1), reaction(ADA, BOB, 2)]).await.unwrap();
    let (now, other) = (world.clock().now(), AccountId(Uuid::from_u128(9)));
    let mute = Relation { member: ADA, other, kind: RelationKind::Mute };
    commands::set_relation(&notify, mute, true, Some(now + TimeDelta::hours(1)), now).await.unwrap();
    world.clock().advance(TimeDelta::days(50));
    let again = AccountId(Uuid::from_u128(3));
    commands::tell(&notify, vec![reaction(ADA, again, 2), reaction(BOB, ADA, 3)]).await.unwrap();
    world.clock().advance(TimeDelta::days(50));
    let job = Job::every("test", TimeDelta::hours(1), async |_| Ok(()));
    let run = claim(&notify.context.db, &job, "test", world.clock().now()).await.unwrap().unwrap();
    commands::remove_old(&notify, &run).await.unwrap();
    let kept = list(&notify, ADA).await;
    assert_eq!(kept.iter().map(|notice| notice.actor_count).collect::<Vec<_>>(), [2], "one has grown since");
    assert_eq!(notify.history.counts(ADA).await.unwrap(), Counts { unseen: 1, unread: 1 });
    assert_eq!(list(&notify, BOB).await.len(), 1);
    assert_eq!(count_relations(&notify).await, 0, "a mute that is over is forgotten");
    assert_no_drift(&notify).await;
    world.end().await;
}

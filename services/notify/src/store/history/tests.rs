//! The conformance suite on the role's own database: SQLite, or PostgreSQL with `TUTTI_TEST_DB=postgres`.
//!
//! Invariant: each test has a database of its own.

use testkit::World;

use super::SqlHistory;
use crate::check::compare;
use crate::history::Withdrawn;
use crate::history_conformance;

macro_rules! conformance {
    ($($promise:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $promise() {
            let world = World::of(&[crate::service()]).await;
            let context = world.context("notify");
            let history = SqlHistory::new(context.db.clone(), context.random.clone());
            history_conformance::$promise(&history).await;
            assert_eq!(compare(&history).await.unwrap().1, []);
            world.end().await;
        }
    )+};
}

conformance!(
    a_notice_grows_until_it_is_read_and_an_entry_counts_once,
    what_arrives_later_is_not_marked,
    marks_of_single_notices_count_once,
    what_is_filtered_is_in_a_list_of_its_own_and_not_counted,
    a_list_is_walked_by_its_ids,
    a_shared_notice_is_there_once_for_each_member,
    what_is_withdrawn_is_neither_listed_nor_counted,
    many_notices_are_withdrawn_in_steps,
);

#[tokio::test]
async fn what_is_old_is_removed_and_what_grew_stays() {
    let world = World::of(&[crate::service()]).await;
    let context = world.context("notify");
    let history = SqlHistory::new(context.db.clone(), context.random.clone());
    let expire = async |time| history_conformance::withdraw(&history, Withdrawn::Before(time)).await;
    history_conformance::what_is_old_is_removed_and_what_grew_stays(&history, expire).await;
    assert_eq!(compare(&history).await.unwrap().1, []);
    world.end().await;
}

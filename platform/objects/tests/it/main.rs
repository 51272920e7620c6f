//! What an object store must do: one suite, run on the folder and on S3, and what only S3 can get wrong.
//!
//! Each promise is a function of [`Store`], so it can't know the engine. Invariant: every promise is tested on every
//! engine.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod checkpoints;
mod conformance;
mod orphans;
mod outage;
mod reconcile;
mod remote;

use base::ObjectKey;
use objects::{Listed, Objects};
use objects_s3::S3Options;
use testkit::engines::{SharedS3, shared_s3};
use testkit::objects::MIB;

/// A store and what it is stored in.
pub(crate) enum Store {
    Folder(tempfile::TempDir),
    S3(Box<SharedS3>),
}

impl Store {
    fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    fn s3() -> Self {
        Self::S3(Box::new(shared_s3()))
    }

    /// Opens the store, as a starting process does.
    pub(crate) async fn open(&self) -> Objects {
        match self {
            Self::Folder(dir) => Objects::folder(&dir.path().join("objects")).await.unwrap(),
            Self::S3(shared) => objects_s3::open(&shared.account.options(&shared.prefix)).unwrap(),
        }
    }

    /// Opens it with little memory, if the engine has a limit.
    pub(crate) async fn open_small(&self) -> Objects {
        match self {
            Self::Folder(_) => self.open().await,
            Self::S3(shared) => objects_s3::open(&S3Options {
                part_bytes: 5 * MIB,
                memory_bytes: 15 * MIB,
                ..shared.account.options(&shared.prefix)
            })
            .unwrap(),
        }
    }
}

/// Returns what a store has under a key, finished or not.
pub(crate) async fn listed(objects: &Objects, key: &ObjectKey) -> Option<Listed> {
    objects.list(&key.as_str()[..2]).await.unwrap().into_iter().find(|listed| listed.key == *key)
}

/// Waits until nothing is left under a key.
pub(crate) async fn empties(objects: &Objects, key: &ObjectKey) {
    for _ in 0..500 {
        if listed(objects, key).await.is_none() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("something is left: {:?}", listed(objects, key).await);
}

macro_rules! every_engine {
    ($($promise:path => $name:ident),+ $(,)?) => {
        mod folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $promise(super::Store::folder()).await;
            })+
        }
        mod s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $promise(super::Store::s3()).await;
            })+
        }
    };
}

every_engine! {
    super::conformance::ranges => bytes_come_back_as_they_went_in_and_in_ranges,
    super::conformance::sizes => objects_of_every_size_are_whole,
    super::conformance::order => small_and_large_chunks_keep_their_order,
    super::conformance::gone => removing_twice_is_fine_and_reading_what_is_gone_says_so,
    super::conformance::many_writers => many_writers_at_once_each_store_a_whole_object,
    super::conformance::many_slow_writers => two_hundred_slow_writers_share_little_memory_and_all_finish,
    super::conformance::batches => objects_of_a_batch_are_whole_also_those_that_are_stored_while_it_is_synced,
    super::conformance::limit => more_than_was_allowed_is_not_read_into_memory,
    super::conformance::listing => a_shard_lists_its_objects_with_size_and_time,
    super::conformance::readable_elsewhere => another_program_can_read_an_object,
    super::conformance::answers => a_store_that_is_there_answers,
    super::reconcile::both_directions => the_store_and_the_rows_are_compared_in_both_directions,
    super::checkpoints::goes_on => an_unfinished_object_goes_on_from_its_checkpoint_and_loses_what_came_after,
    super::checkpoints::odd_offsets => an_object_goes_on_from_any_byte,
    super::checkpoints::twice => the_same_checkpoint_can_be_resumed_twice_and_the_first_writer_spoils_nothing,
    super::checkpoints::hung_at_its_end => a_writer_that_hung_and_ends_after_all_spoils_nothing,
    super::checkpoints::saved => a_writer_that_saves_goes_on_and_leaves_nothing_but_its_object,
    super::checkpoints::dropped => an_object_that_was_dropped_halfway_leaves_nothing_behind,
    super::checkpoints::dropped_later => a_writer_that_resumed_and_was_dropped_leaves_the_checkpoint_it_resumed_from,
    super::checkpoints::crashed => what_a_crash_left_is_removed_by_its_key_alone,
    super::checkpoints::many_small => hundreds_of_short_visits_make_one_object,
    super::checkpoints::read_back => the_bytes_of_a_checkpoint_can_be_read,
}

//! The only SQL of this role, by feature.
//!
//! Owns the tables `job`, `task`, `member_queue`, `queue_clock`, `rendition`, `segment`, `asset` and `tiles`. Does not
//! own the transitions between states (`commands`). Invariant: an object's key is in the platform's `orphan_object`
//! from before its first byte until a row references it, and again from the moment no row does.

mod jobs;
mod member_queue;
mod outputs;
#[cfg(test)]
mod query_plans;
mod ready_tasks;
mod tasks;
mod values;

pub(crate) use jobs::{
    Job, KnownProperties, find_job, insert_job, list_jobs_by_owner, mark_deleted, raise_percent, remove_deleted,
    replace_plan, set_plan, set_retries, set_state,
};
pub(crate) use member_queue::{
    MemberQueue, add_cost, advance_virtual_time, list_positions, refresh_has_ready, remove_idle_members, remove_member,
    set_has_ready,
};
pub(crate) use outputs::{
    StoredRendition, TileSet, find_rendition, insert_segments, insert_tiles, list_assets, list_numbers,
    list_renditions, list_segments, list_started, list_tiles, remove_outputs, remove_segment, remove_tiles, snapshot,
    upsert_asset, upsert_rendition,
};
pub(crate) use ready_tasks::{
    bind_legacy, claim_ready, find_backlog, find_bound, list_ready, release_tasks, requeue, set_ready,
};
pub(crate) use tasks::{
    add_failure, insert_tasks, list_tasks, list_unresponsive, mark_done, reset_failures, set_permille,
};

#[cfg(test)]
pub(crate) use member_queue::{IDLE_MEMBERS, NEXT_MEMBERS};
#[cfg(test)]
pub(crate) use ready_tasks::{ANY_READY, BY_TICKET, COUNT_READY, FIRST_READY, NEXT_TASK};

use objects::ObjectColumn;

/// The columns that reference objects. A rendition's header is referenced within its description.
pub(crate) const NAMES: &[ObjectColumn] = &[
    ObjectColumn::whole("segment", "object"),
    ObjectColumn::whole("asset", "object"),
    ObjectColumn::whole("tiles", "object"),
    ObjectColumn::within("rendition", "body"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_open_state_is_in_the_index() {
        use crate::model::State;
        let open: Vec<&str> = [State::Processing, State::Playable, State::Ready, State::Failed, State::Deleted]
            .into_iter()
            .filter(|state| state.is_open())
            .map(State::as_str)
            .collect();
        assert_eq!(open, ["processing", "playable"]);
    }
}

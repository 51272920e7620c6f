//! The only SQL of this role, by feature.
//!
//! Owns the tables `job`, `piece`, `member_turn`, `queue_turn`, `rendition`, `segment`, `asset` and `tiles`. Does not own what follows from what (`flow`).
//! Invariant: an object's key stands in the kit's `orphan_object` from before its first byte until a row names it, and again from the
//! moment no row does.

mod items;
mod made;
mod pieces;
#[cfg(test)]
mod plans;
mod turns;
mod values;

pub(crate) use items::{Job, Known, find_job, forget_deleted, insert_job, mark_deleted, raise_percent, replace_plan, set_plan, set_state};
pub(crate) use made::{
    Kept, TileSet, find_rendition, insert_segments, insert_tiles, list_assets, list_numbers, list_renditions, list_segments, list_started, list_tiles, remove_made, remove_segment,
    remove_tiles, snapshot, upsert_asset, upsert_rendition,
};
pub(crate) use pieces::{DONE, QUEUED, READY, WAITING, add_failure, insert_pieces, list_pieces, list_silent, mark_done, set_permille};
pub(crate) use turns::{
    Line, add_cost, bind_sent, find_bound, find_waiting, list_ready, list_turns, refresh_waiting, remove_past_turns, set_ready, set_ready_again, set_turn, set_waiting, take_ready,
    withdraw,
};

#[cfg(test)]
pub(crate) use turns::{ANY_READY, BY_TICKET, COUNT_READY, FIRST_READY, NEXT_MEMBERS, NEXT_TASK, PAST_TURNS};

use kit::objects::Names;

/// The columns that name objects. A rendition's header is named within its description.
pub(crate) const NAMES: &[Names] = &[Names::whole("segment", "object"), Names::whole("asset", "object"), Names::whole("tiles", "object"), Names::within("rendition", "body")];

#[cfg(test)]
mod tests {
    #[test]
    fn every_open_state_is_in_the_index() {
        use crate::model::State;
        let open: Vec<&str> =
            [State::Processing, State::Playable, State::Ready, State::Failed, State::Deleted].into_iter().filter(|state| state.is_open()).map(State::as_str).collect();
        assert_eq!(open, ["processing", "playable"]);
    }
}

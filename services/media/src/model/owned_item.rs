//! An item as a service sees it that shows it beside other things of its owner.
//!
//! Invariant: it has no URL; who may see the item there is that service's to say.

use contract::media::{Conversion, OwnedItem};
use screening::classifier::Score;

use super::{Item, State};

impl Item {
    /// Returns the item's facts for the services that show it.
    pub(crate) fn owned(&self) -> OwnedItem {
        OwnedItem {
            id: self.id.clone(),
            kind: self.kind,
            state: match self.state {
                State::Received => Conversion::Received,
                State::Processing => Conversion::Processing,
                State::Playable => Conversion::Playable,
                State::Ready => Conversion::Ready,
                State::Failed => Conversion::Failed,
            },
            name: self.name.clone(),
            alt: self.alt.clone(),
            width: self.width,
            height: self.height,
            duration_ms: self.duration_ms,
            thumbhash: self.thumbhash.clone(),
            assets: self.assets.clone(),
            staged: !self.claimed,
            version: self.version,
            sensitivity: self.marks.sensitivity(),
            sensitivity_version: self.marks.version,
            nudity: self.marks.score_for_verdicts().map(Score::thousandths),
        }
    }
}

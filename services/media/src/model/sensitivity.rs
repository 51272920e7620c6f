//! How sensitive the picture of an item is: a classifier's score, and what people have marked.
//!
//! Owns the order in which they count. Invariant: a score alone refuses nothing and hides nothing, it only blurs; and
//! what a moderator has marked counts whatever a classifier or the owner says, also later.

use contract::media::{Sensitivity, SensitivityChanged};
use screening::classifier::{Band, Score};

use super::Item;

/// What is known about the picture of an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// What a classifier has scored it for nudity.
    pub nudity: Option<Score>,
    /// Whether its owner says that it is sensitive; `None` if they say nothing.
    pub owner: Option<bool>,
    /// Whether a moderator says so.
    pub moderator: Option<bool>,
    /// Increases with every change of the above.
    pub version: u64,
}

impl Marks {
    /// Returns how sensitive the picture is.
    ///
    /// A moderator's mark decides. An owner's word that the picture is harmless ends a doubt of the classifier; against
    /// a sure one it makes a doubt, so that nothing that a classifier is sure of reaches strangers unasked.
    pub(crate) fn sensitivity(self) -> Sensitivity {
        if let Some(is_sensitive) = self.moderator {
            return if is_sensitive { Sensitivity::Sensitive } else { Sensitivity::Clear };
        }
        match (self.owner, self.nudity.map_or(Band::Clear, Score::band)) {
            (Some(true), _) | (None, Band::Sensitive) => Sensitivity::Sensitive,
            (None, Band::Unsure) | (Some(false), Band::Sensitive) => Sensitivity::Unsure,
            (None, Band::Clear) | (Some(false), Band::Clear | Band::Unsure) => Sensitivity::Clear,
        }
    }

    /// Returns the score that verdicts are made of; none that a moderator has overturned.
    pub(crate) fn score_for_verdicts(self) -> Option<Score> {
        self.nudity.filter(|_| self.moderator != Some(false))
    }
}

impl Item {
    /// Whether it stays blurred for a reader until they open it. Media does not know who follows whom, so all readers
    /// but the owner count as strangers.
    pub(crate) fn is_sensitive(&self, is_owner: bool) -> bool {
        match self.marks.sensitivity() {
            Sensitivity::Sensitive => true,
            Sensitivity::Unsure => !is_owner,
            Sensitivity::Clear => false,
        }
    }

    /// Returns the event that is published after a change of its marks.
    pub(crate) fn sensitivity_changed(&self) -> SensitivityChanged {
        SensitivityChanged {
            id: self.id.clone(),
            owner: self.owner,
            sensitivity: self.marks.sensitivity(),
            version: self.marks.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::media::Sensitivity::{Clear, Sensitive, Unsure};

    use super::*;

    #[test]
    fn a_moderator_decides_and_an_owner_softens_but_does_not_overrule() {
        let marks = |nudity: Option<u16>, owner, moderator| Marks {
            nudity: nudity.map(Score::of_thousandths),
            owner,
            moderator,
            version: 1,
        };
        for (nudity, owner, moderator, expected) in [
            (None, None, None, Clear),
            (Some(199), None, None, Clear),
            (Some(200), None, None, Unsure),
            (Some(800), None, None, Unsure),
            (Some(801), None, None, Sensitive),
            (None, Some(true), None, Sensitive),
            (Some(500), Some(false), None, Clear),
            (Some(950), Some(false), None, Unsure),
            (Some(950), None, Some(false), Clear),
            (Some(950), Some(true), Some(false), Clear),
            (Some(0), Some(false), Some(true), Sensitive),
        ] {
            let seen = marks(nudity, owner, moderator).sensitivity();
            assert_eq!(seen, expected, "{nudity:?} {owner:?} {moderator:?}");
        }
        assert_eq!(marks(Some(950), None, Some(false)).score_for_verdicts(), None);
        assert_eq!(marks(Some(950), Some(false), None).score_for_verdicts(), Some(Score::of_thousandths(950)));
    }
}

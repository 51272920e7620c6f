//! How sensitive the picture of an item is, and the event that tells it.
//!
//! Owns no rule: media makes it of a classifier's score and of what the owner and moderators have marked. Invariant: a
//! copy of it has the version that it came with, and is replaced by a newer one only.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Event, MediaId};

/// How sensitive a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// It is shown. Also where no classifier has seen it.
    #[default]
    Clear,
    /// It stays blurred for strangers until they open it.
    Unsure,
    /// It stays blurred for all but its owner until they open it.
    Sensitive,
}

crate::string_enum!(Sensitivity: Clear => "clear", Unsure => "unsure", Sensitive => "sensitive");

/// `media.sensitivity_changed`: a classifier has scored the item, or its owner or a moderator has marked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensitivityChanged {
    /// The item's id.
    pub id: MediaId,
    /// The account that owns the item.
    pub owner: AccountId,
    /// How sensitive it is now.
    pub sensitivity: Sensitivity,
    /// Increases with every change of it, so that a subscriber can discard an older event that arrives late.
    pub version: u64,
}

impl Event for SensitivityChanged {
    const SUBJECT: &'static str = "media.sensitivity_changed";
}

//! The engine's state in a checkpoint on S3.
//!
//! Invariant: nothing that it names is ever written again: staged parts have random names, and parts of an upload keep
//! the numbers that one writer gave them.

use serde::{Deserialize, Serialize};

use objects::Error;

/// A part that is stored in an object of its own: where, and its first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedPart(pub PartLocation, pub u64);

/// Where a staged part is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PartLocation {
    /// Under the object's own key: what its first writer stored there.
    #[serde(rename = "k")]
    Key,
    /// Under `unfinished/KEY/`, with this name.
    #[serde(rename = "n")]
    Named(String),
}

/// A multipart upload at the object's own key. The caller that ends it (by completing or aborting) owns what comes
/// after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    pub id: String,
    /// The tags of its parts, in order.
    pub tags: Vec<String>,
    pub bytes: u64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The upload of the first writer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parts: Option<Parts>,
    /// Otherwise the beginning, each staged part large enough to become a part.
    #[serde(rename = "pieces", skip_serializing_if = "Vec::is_empty", default)]
    pub staged: Vec<StagedPart>,
    /// The rest, which is too short for a part.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rest: Vec<StagedPart>,
}

impl State {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map_err(|error| Error::Engine(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))
    }

    pub(super) fn write(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Engine(error.into()))
    }
}

/// Returns the size of staged parts together, in bytes.
pub(super) fn bytes(staged: &[StagedPart]) -> u64 {
    staged.iter().map(|part| part.1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let parts = Parts { id: "u".into(), tags: vec!["\"e\"".into()], bytes: 5 };
        let state = State {
            parts: Some(parts),
            staged: vec![StagedPart(PartLocation::Key, 7)],
            rest: vec![StagedPart(PartLocation::Named("x".into()), 1)],
        };
        assert_eq!(State::read(&state.write().unwrap()).unwrap(), state);
        assert_eq!(State::read("{}").unwrap(), State::default());
        assert!(matches!(State::read(""), Err(Error::Engine(_))));
    }
}

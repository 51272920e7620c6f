//! `Upload-Metadata`, the header in which tus clients say what they send (<https://tus.io/protocols/resumable-upload>, creation).
//!
//! Owns its form, not what its values may be. Invariant: a header that is longer than [`MOST`] is not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters that are read.
const MOST: usize = 8 * 1024;

/// What the header says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UploadMetadata {
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub claim: Option<String>,
}

impl UploadMetadata {
    /// Reads pairs of a key and a base64 value, separated by commas. Unknown keys are passed over; `None` where it can't be read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST {
            return None;
        }
        let mut said = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
            match key {
                "filename" => said.name = Some(value),
                // What some clients call it.
                "name" if said.name.is_none() => said.name = Some(value),
                "tags" => said.tags.push(value),
                "visibility" => said.visibility = Some(value),
                "claim" => said.claim = Some(value),
                _ => {}
            }
        }
        Some(said)
    }
}

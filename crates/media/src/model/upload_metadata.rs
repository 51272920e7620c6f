//! `Upload-Metadata`, the header in which tus clients say what they send (<https://tus.io/protocols/resumable-upload>, creation).
//!
//! Owns its form, not what its values may be. Invariant: a header that is longer than [`MAX_BYTES`] is not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters that are read.
const MAX_BYTES: usize = 8 * 1024;

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
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut metadata = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
            match key {
                "filename" => metadata.name = Some(value),
                // What some clients call it.
                "name" if metadata.name.is_none() => metadata.name = Some(value),
                "tags" => metadata.tags.push(value),
                "visibility" => metadata.visibility = Some(value),
                "claim" => metadata.claim = Some(value),
                _ => {}
            }
        }
        Some(metadata)
    }
}

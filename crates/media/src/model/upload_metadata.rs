//! `Upload-Metadata`, the header in which tus clients describe a file (<https://tus.io/protocols/resumable-upload>,
//! creation).
//!
//! Owns its syntax, not the values. Invariant: a header longer than [`MAX_BYTES`] is not parsed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest header that is parsed.
const MAX_BYTES: usize = 8 * 1024;

/// The values of the header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UploadMetadata {
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub claim: Option<String>,
}

impl UploadMetadata {
    /// Parses pairs of a key and a base64 value, separated by commas. Ignores unknown keys. Returns `None` where the
    /// header is malformed.
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
                // The key that some clients use.
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

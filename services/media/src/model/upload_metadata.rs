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
    pub description: Option<String>,
    pub alt: Option<String>,
}

impl UploadMetadata {
    /// Parses pairs of a key and a base64 value, separated by commas. Ignores unknown keys. Returns `None` where the
    /// header is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (mut metadata, mut file_name) = (Self::default(), None);
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
            let bytes = STANDARD.decode(encoded.trim()).ok()?;
            let text = || String::from_utf8(bytes).ok();
            match key {
                "filename" => file_name = Some(codec::filename::title_of_file(&text()?)),
                "name" => metadata.name = Some(text()?).filter(|name| !name.trim().is_empty()),
                "tags" => metadata.tags.push(text()?),
                "visibility" => metadata.visibility = Some(text()?),
                "claim" => metadata.claim = Some(text()?),
                "description" => metadata.description = Some(text()?),
                "alt" => metadata.alt = Some(text()?),
                _ => {}
            }
        }
        metadata.name = metadata.name.or(file_name);
        Some(metadata)
    }
}

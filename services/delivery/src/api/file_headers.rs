//! The headers by which a browser learns what an original is and what to call it.
//!
//! Invariant: a file whose bytes are of no supported type is downloaded, never displayed.

use codec::filename::content_disposition;

use crate::model::Item;

/// The headers that name and type a file that a member uploaded.
pub(super) struct FileHeaders<'a> {
    pub content_type: &'a str,
    pub disposition: String,
}

impl<'a> FileHeaders<'a> {
    /// Returns the headers of an item's file. A type that is not a supported media type is downloaded, not displayed.
    pub fn of(item: &'a Item, attachment: bool) -> Self {
        let is_supported = item.supported_format().is_some();
        Self {
            content_type: if is_supported { &item.content_type } else { "application/octet-stream" },
            disposition: content_disposition(attachment || !is_supported, &item.file_name()),
        }
    }
}

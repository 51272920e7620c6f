//! The headers by which a browser learns what an original is and what to call it.
//!
//! Invariant: a file whose bytes are of no supported type is downloaded, never displayed.

use codec::filename::{content_disposition, with_extension};
use codec::sniff::{Format, Kind};

use crate::model::Item;

/// The headers that name and type a file that a member uploaded.
pub(super) struct FileHeaders<'a> {
    pub content_type: &'a str,
    pub disposition: String,
}

impl<'a> FileHeaders<'a> {
    /// The extension follows from the bytes, never from what the uploader stated. A type that is not a supported media
    /// type is downloaded, not displayed.
    pub fn of(item: &'a Item, attachment: bool) -> Self {
        let kinds = [Kind::Photo, Kind::Audio, Kind::Video];
        let format = item.format.parse::<Format>().ok();
        match format.filter(|format| kinds.iter().any(|kind| format.content_type_as(*kind) == item.content_type)) {
            Some(format) => Self {
                content_type: &item.content_type,
                disposition: content_disposition(attachment, &with_extension(&item.name, format)),
            },
            None => Self {
                content_type: "application/octet-stream",
                disposition: content_disposition(true, &format!("{}.bin", item.name)),
            },
        }
    }
}

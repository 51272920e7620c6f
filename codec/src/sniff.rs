//! Detects a file's format from its first bytes and from nothing else.
//!
//! Owns the list of supported formats and the refusal of all others; a file name or a header field is never an input.
//! Invariant: with [`HEAD_BYTES`] bytes, or at the end of the file, the result is final.

mod audio;
mod format;
mod image;
#[cfg(test)]
mod tests;
mod unsupported;
mod video;

pub(crate) use audio::{first_frame_behind_junk, mpeg_frame_bytes};
pub use format::{Format, Kind, UnknownFormat};
pub use unsupported::describe_unsupported;

/// The most bytes of a file's start that are read. With this many the result is final.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Fewer bytes than this are never enough: the longest signature with its first field.
const MIN_HEAD_BYTES: usize = 16;

/// The result of detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniff {
    /// The file has this format, as far as the first bytes show.
    Known(Format),
    /// More bytes are needed.
    NeedMore,
    /// Not a supported format.
    Unknown,
}

/// Detects the format from `head`, all bytes received so far (more than [`HEAD_BYTES`] is ignored). `end` says that no
/// more bytes will follow.
pub fn sniff(head: &[u8], end: bool) -> Sniff {
    let last = end || head.len() >= HEAD_BYTES;
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if head.len() < MIN_HEAD_BYTES {
        return if last { Sniff::Unknown } else { Sniff::NeedMore };
    }
    let found = image::sniff(head)
        .or_else(|| video::sniff(head))
        .or_else(|| audio::sniff(head, last))
        .unwrap_or(Sniff::Unknown);
    match found {
        Sniff::NeedMore if last => image::at_end_of_head(head),
        Sniff::Known(format) if unsupported::is_polyglot(format, head) => Sniff::Unknown,
        // Polyglot signatures are searched where other programs look for them, so detection waits until that many bytes
        // are there.
        Sniff::Known(_) if head.len() < unsupported::SUSPECT_BYTES && !last => Sniff::NeedMore,
        found => found,
    }
}

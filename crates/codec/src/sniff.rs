//! What a file is, decided from its first bytes and from nothing else.
//!
//! Owns the list of formats the house takes and the refusal of everything else; a name or a header never
//! reaches it. Invariant: with [`HEAD_BYTES`] bytes, or at the end of the file, the answer is final.

mod format;
mod video;
mod unsupported;
mod audio;
mod image;
#[cfg(test)]
mod tests;

pub use format::{Format, Kind, UnknownFormat};
pub use unsupported::describe_unsupported;
pub(crate) use audio::mpeg_frame_bytes;

/// How much of a file's start is looked at, in bytes. Nothing is undecided from here on.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Fewer bytes than this decide nothing: the longest signature with its first field.
const MIN_HEAD_BYTES: usize = 16;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniff {
    /// It is this, as far as the head goes.
    Known(Format),
    /// Too little has arrived; ask again with more.
    NeedMore,
    /// None of the formats the house takes.
    Unknown,
}

/// Decides from `head`, all bytes that have arrived so far (more than [`HEAD_BYTES`] is ignored).
/// `end` says that no more will come.
pub fn sniff(head: &[u8], end: bool) -> Sniff {
    let last = end || head.len() >= HEAD_BYTES;
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if head.len() < MIN_HEAD_BYTES {
        return if last { Sniff::Unknown } else { Sniff::NeedMore };
    }
    let found = image::sniff(head).or_else(|| video::sniff(head)).or_else(|| audio::sniff(head, last)).unwrap_or(Sniff::Unknown);
    match found {
        Sniff::NeedMore if last => image::at_end_of_head(head),
        Sniff::Known(format) if unsupported::is_polyglot(format, head) => Sniff::Unknown,
        // The marks of a polyglot are looked for where other programs look: wait until that much is here.
        Sniff::Known(_) if head.len() < unsupported::SUSPECT_BYTES && !last => Sniff::NeedMore,
        found => found,
    }
}

//! Media formats as pure code: what a file is, what it says of itself, what must not leave the house, and
//! how a conversion is cut into pieces and described to a player.
//!
//! Owns no file, no process and no network: everything works on byte slices and on `Read + Seek`.
//! Invariant: whatever a stranger sends, nothing here panics, loops without end or allocates by a number
//! that stands in the input.

mod bytes;
mod checksum;
pub mod digest;
mod ebml;
pub mod exif;
pub mod header;
pub mod ladder;
pub mod filename;
pub mod chunks;
#[cfg(feature = "pixels")]
pub mod pixels;
pub mod playlist;
pub mod scrub;
pub mod sniff;
pub mod storyboard;
mod tiff;
pub mod waveform;
mod isobmff;

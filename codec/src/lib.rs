//! Media formats as pure code: format detection, header parsing, metadata removal, and the division of a conversion
//! into chunks, renditions and playlists.
//!
//! Owns no file, no process and no network: everything works on byte slices and on `Read + Seek`. Invariant: on any
//! input, nothing here panics, loops forever or allocates by a number that the input contains.

mod bytes;
mod checksum;
pub mod chunks;
pub mod digest;
mod ebml;
pub mod exif;
pub mod filename;
pub mod header;
mod isobmff;
pub mod ladder;
#[cfg(feature = "pixels")]
pub mod pixels;
pub mod playlist;
pub mod scrub;
pub mod sniff;
pub mod storyboard;
mod tiff;
pub mod waveform;
pub mod webvtt;
pub mod zip;

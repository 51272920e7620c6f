//! Blanks boxes of ISO base media files in place.
//!
//! Invariant: the length of a box never changes, so every offset in the file stays right.

use super::Error;
use super::overlay::Overlay;
use crate::isobmff::BoxHeader;

/// Makes a box `free` and blanks it.
pub(super) fn blank_box(overlay: &mut Overlay, found: &BoxHeader) -> Result<(), Error> {
    overlay.write(found.start + 4, 4, b"free".to_vec())?;
    overlay.zero(found.body, found.body_len())
}

/// A handler's name is set by the writing program: "Core Media Video". It follows 24 bytes of types.
pub(super) fn blank_handler_name(overlay: &mut Overlay, handler: &BoxHeader) -> Result<(), Error> {
    let bytes = handler.body_len().saturating_sub(24);
    overlay.zero(handler.end - bytes, bytes)
}

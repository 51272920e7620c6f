//! The primary image of a HEIF file: its size, its orientation, and what its pixels cost. ISO/IEC 23008-12 §6.5.
//!
//! Does not own the `meta` box (`heif`). Invariant: an image without an area is an error.

use std::io::{Read, Seek};

use super::heif::Items;
use super::{ImageHeader, derived_images};
use crate::bytes::{Source, be32};
use crate::isobmff::{FormatError, MemoryBox};

/// Combines quarter turns and flips into one EXIF orientation: the image is flipped left to right first, then turned.
#[derive(Clone, Copy, Default)]
struct Transform {
    flipped: bool,
    quarters_clockwise: u8,
}

impl Transform {
    fn orientation(self) -> u8 {
        let table = if self.flipped { [2, 7, 4, 5] } else { [1, 6, 3, 8] };
        table[usize::from(self.quarters_clockwise & 3)]
    }

    fn clockwise(self, quarters: u8) -> Self {
        Self { quarters_clockwise: (self.quarters_clockwise + quarters) & 3, ..self }
    }

    fn flip_left_right(self) -> Self {
        Self { flipped: !self.flipped, quarters_clockwise: (4 - self.quarters_clockwise) & 3 }
    }
}

/// Returns the header of the primary image. The cost of all images is known only if `whole` is set.
pub(crate) fn picture<R: Read + Seek>(source: &mut Source<'_, R>, whole: bool) -> Result<ImageHeader, FormatError> {
    let items = Items::read(source)?;
    let primary = items.primary().ok_or(FormatError::Invalid("it has no primary image"))?;
    let properties = items.properties(primary).ok_or(FormatError::Invalid("its primary image has no properties"))?;
    let (mut size, mut transform) = (None, Transform::default());
    for MemoryBox { kind, body, .. } in properties {
        match &kind {
            b"ispe" => size = be32(body, 4).zip(be32(body, 8)),
            b"clap" => size = size.map(|size| clean_aperture(body, size)),
            // Quarter turns anticlockwise.
            b"irot" => transform = transform.clockwise(4 - (body.first().unwrap_or(&0) & 3)),
            // Axis 1 exchanges left and right, axis 0 top and bottom, as libheif and libavif both read it.
            b"imir" => {
                transform = transform.flip_left_right();
                if body.first().unwrap_or(&0) & 1 == 0 {
                    transform = transform.clockwise(2);
                }
            }
            _ => {}
        }
    }
    let (width, height) = size.ok_or(FormatError::Invalid("its primary image has no size"))?;
    let picture =
        ImageHeader::new(width, height, transform.orientation(), None).ok_or(FormatError::Invalid("it has no area"))?;
    let costs = whole && items.find(*b"iinf").is_some();
    let decoded_pixels = if costs { derived_images::decoded_pixels(source, &items)? } else { picture.decoded_pixels };
    Ok(ImageHeader { decoded_pixels, ..picture })
}

/// The cropped size, where the crop is in whole pixels and inside the image.
fn clean_aperture(body: &[u8], (width, height): (u32, u32)) -> (u32, u32) {
    let side = |at: usize, most: u32| {
        let (n, d) = be32(body, at).zip(be32(body, at + 4))?;
        let side = n.checked_div(d)?;
        (side > 0 && side <= most).then_some(side)
    };
    side(0, width).zip(side(8, height)).unwrap_or((width, height))
}

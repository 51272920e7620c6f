//! The items of HEIC and AVIF.
//!
//! Owns the list of item types that are images; every other item's bytes are blanked (EXIF and XMP are items).
//! Invariant: an item that must be blanked but cannot be found is an error.

use std::io::{Read, Seek};

use super::Error;
use super::blanking::{blank_box, blank_handler_name};
use super::overlay::Overlay;
use crate::bytes::Source;
use crate::header::Items;
use crate::isobmff;

/// Coded and derived images. ISO/IEC 23008-12 and the AV1 image file format.
const PICTURES: [&[u8; 4]; 13] = [
    b"hvc1", b"hev1", b"lhv1", b"av01", b"avc1", b"vvc1", b"jpeg", b"unci", b"grid", b"iovl", b"iden", b"tmap", b"mski",
];
/// Properties that contain a description, a time or an owner.
const DESCRIPTIVE: [&[u8; 4]; 6] = [b"uuid", b"udes", b"altt", b"crtt", b"mdft", b"cmnt"];

/// Blanks the descriptive boxes of the first `meta` box; adds what must stay to `kept`, and `idat` to the ranges of
/// `data` in which everything else is blanked.
pub(super) fn scrub<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    kept: &mut Vec<(u64, u64)>,
    data: &mut Vec<(u64, u64)>,
) -> Result<(), Error> {
    let items = Items::read(source)?;
    for child in items.children()? {
        match &child.kind {
            b"pitm" | b"iloc" | b"iinf" | b"iref" | b"grpl" | b"dinf" => {}
            b"idat" => data.push((child.body, child.end)),
            b"hdlr" => blank_handler_name(overlay, &child)?,
            b"iprp" => {
                let mut at = child.body;
                for _ in 0..100 {
                    let Some(inside) = isobmff::next_box(source, at, child.end)? else { break };
                    at = inside.end;
                    match &inside.kind {
                        b"ipco" => properties(source, overlay, inside.body, inside.end)?,
                        b"ipma" => {}
                        _ => blank_box(overlay, &inside)?,
                    }
                }
            }
            _ => blank_box(overlay, &child)?,
        }
    }
    for item in items.list()? {
        let is_picture = PICTURES.contains(&&item.kind);
        if item.location_unknown && !(is_picture && item.built_from_items) {
            return Err(Error::NotUnderstood("an item cannot be found"));
        }
        for (start, bytes) in item.extents {
            if is_picture {
                kept.push((start, start.saturating_add(bytes)));
            } else {
                overlay.zero(start, bytes)?;
            }
        }
    }
    Ok(())
}

/// A descriptive property becomes `free`: its number in the list must stay in use.
fn properties<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    mut at: u64,
    end: u64,
) -> Result<(), Error> {
    for _ in 0..10_000 {
        let Some(property) = isobmff::next_box(source, at, end)? else { return Ok(()) };
        at = property.end;
        if DESCRIPTIVE.contains(&&property.kind) {
            blank_box(overlay, &property)?;
        }
    }
    Err(Error::TooComplex)
}

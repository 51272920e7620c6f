//! Computes the cost of decoding a HEIF file: derived images (grids, overlays) cost the sum of their inputs.
//!
//! Owns the references between items (ISO/IEC 14496-12 §8.11.12, 23008-12 §6.6.2). Invariant: each item is computed
//! once, so the work is linear in the `meta` box however often items use each other, and items that use themselves are
//! an error.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use super::heif::{INVALID_META, Item, Items};
use crate::bytes::{Source, be16, be32};
use crate::isobmff::{self, FormatError};

/// The deepest nesting of derived images: cameras use at most two levels.
const MAX_DEPTH: usize = 8;
/// The cost of starting a decoder, in pixels: a file of ten thousand tiles of one pixel is not free.
const MIN_COST_PIXELS: u64 = 16 * 1024;
/// The item types of coded images, and those of derived images.
const CODED: [&[u8; 4]; 8] = [b"hvc1", b"hev1", b"lhv1", b"av01", b"avc1", b"vvc1", b"jpeg", b"unci"];
const DERIVED: [&[u8; 4]; 4] = [b"grid", b"iovl", b"iden", b"tmap"];

/// Returns the number of pixels that a converter processes for all images of the file.
pub(super) fn decoded_pixels<R: Read + Seek>(source: &mut Source<'_, R>, items: &Items) -> Result<u64, FormatError> {
    let listed = items.list()?;
    let by_id = listed.iter().map(|item| (item.id, item)).collect();
    let (inputs, used_as_input) = input_references(items)?;
    let mut costs = Costs { listed: by_id, sizes: items.sizes().ok_or(INVALID_META)?, inputs, known: HashMap::new() };
    let mut total = 0_u64;
    for item in listed.iter().filter(|item| is_picture(item)) {
        let cost = costs.of(source, item.id, 0)?;
        // Tiles are counted with the images that use them.
        if !used_as_input.contains(&item.id) {
            total = total.saturating_add(cost);
        }
    }
    Ok(total)
}

pub(super) fn is_picture(item: &Item) -> bool {
    CODED.contains(&&item.kind) || DERIVED.contains(&&item.kind)
}

/// The inputs of each derived image; and all items that are an input.
type Inputs = (HashMap<u32, Vec<u32>>, HashSet<u32>);

fn input_references(items: &Items) -> Result<Inputs, FormatError> {
    let inputs = references(items, *b"dimg")?;
    let used_as_input = inputs.values().flatten().copied().collect();
    Ok((inputs, used_as_input))
}

/// Returns the items that each item refers to with references of this type.
pub(super) fn references(items: &Items, kind: [u8; 4]) -> Result<HashMap<u32, Vec<u32>>, FormatError> {
    const BAD: FormatError = FormatError::Invalid("its item references cannot be read");
    let mut references = HashMap::<u32, Vec<u32>>::new();
    let Some(iref) = items.find(*b"iref") else { return Ok(references) };
    let wide = iref.first() == Some(&1);
    for reference in isobmff::boxes(iref.get(4..).unwrap_or_default()) {
        let reference = reference?;
        if reference.kind != kind {
            continue;
        }
        let (bytes, data) = (if wide { 4 } else { 2 }, reference.body);
        let id = |at: usize| if wide { be32(data, at) } else { be16(data, at).map(u32::from) };
        let (from, count) = id(0).zip(be16(data, bytes)).ok_or(BAD)?;
        for number in 0..usize::from(count) {
            let to = id(bytes + 2 + number * bytes).ok_or(BAD)?;
            references.entry(from).or_default().push(to);
        }
    }
    Ok(references)
}

struct Costs<'a> {
    listed: HashMap<u32, &'a Item>,
    /// The pixels of each item according to its properties.
    sizes: HashMap<u32, u64>,
    inputs: HashMap<u32, Vec<u32>>,
    /// The results; `None` while an item is being computed.
    known: HashMap<u32, Option<u64>>,
}

impl Costs<'_> {
    /// Returns the pixels to decode for an item, including its inputs, as often as it uses them.
    fn of<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, id: u32, depth: usize) -> Result<u64, FormatError> {
        match self.known.get(&id) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(FormatError::Invalid("an image in it is derived from itself")),
            None if depth > MAX_DEPTH => {
                return Err(FormatError::Invalid("its images are derived from each other at too many levels"));
            }
            None => {}
        }
        self.known.insert(id, None);
        let own = self.sizes.get(&id).copied().unwrap_or(0).max(MIN_COST_PIXELS);
        let canvas = match self.listed.get(&id) {
            Some(item) if DERIVED.contains(&&item.kind) => canvas(source, item)?,
            _ => 0,
        };
        let mut cost = own.max(canvas);
        for input in self.inputs.get(&id).cloned().unwrap_or_default() {
            cost = cost.saturating_add(self.of(source, input, depth + 1)?);
        }
        self.known.insert(id, Some(cost));
        Ok(cost)
    }
}

/// Returns the pixels of the canvas that a grid or an overlay describes in its own data: decoders believe it, not the
/// property beside it.
fn canvas<R: Read + Seek>(source: &mut Source<'_, R>, item: &Item) -> Result<u64, FormatError> {
    let size_at = match &item.kind {
        b"grid" => 4,
        // The size follows the background's four colour values.
        b"iovl" => 10,
        _ => return Ok(0),
    };
    let Some(&(start, bytes)) = item.extents.first() else {
        return Err(FormatError::Invalid("an image's inputs cannot be found"));
    };
    let data = source.some(start, bytes.min(32) as usize)?;
    let wide = data.get(1).is_some_and(|flags| flags & 1 == 1);
    let side = |at: usize| if wide { be32(data, at) } else { be16(data, at).map(u32::from) };
    let (width, height) = side(size_at)
        .zip(side(size_at + if wide { 4 } else { 2 }))
        .ok_or(FormatError::Invalid("an image's inputs cannot be read"))?;
    Ok(u64::from(width) * u64::from(height))
}

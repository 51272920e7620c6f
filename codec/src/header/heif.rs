//! The items of a HEIF file (HEIC, AVIF): the primary image, its size and orientation, and the location of each item's
//! bytes. ISO/IEC 14496-12 §8.11 and 23008-12 §6.5.
//!
//! Owns the `meta` box. Invariant: an extent is a range of file offsets or it is not listed at all.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::parameter_sets::{av1_configuration, hevc_configuration};
use crate::bytes::{Source, be16, be32, be64, take};
use crate::isobmff::{self, BoxHeader, FormatError, MemoryBox};

/// The largest `meta` box that is read, in bytes. A grid of a 100-megapixel photo needs about 20 KB.
const MAX_META_BYTES: u64 = 1024 * 1024;
/// The most items or extents; no photo has more.
const MAX_ITEMS: usize = 10_000;

pub(super) const INVALID_META: FormatError = FormatError::Invalid("its meta box cannot be read");

/// One item of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    pub(crate) id: u32,
    /// `hvc1`, `av01`, `grid`, `Exif`, `mime` …
    pub(crate) kind: [u8; 4],
    /// `(offset, bytes)` in the file.
    pub(crate) extents: Vec<(u64, u64)>,
    /// Whether some of it is outside `extents`: in another file, or up to an unknown end.
    pub(crate) location_unknown: bool,
    /// Whether it is derived from other items.
    pub(crate) built_from_items: bool,
    /// Whether it is not to be shown by itself (23008-12 §6.4.2).
    pub(crate) hidden: bool,
}

/// The `meta` box in memory.
pub(crate) struct Items {
    data: Vec<u8>,
    /// Offset of `data` in the file.
    at: u64,
}

impl Items {
    /// Finds and reads the file's `meta` box.
    pub(crate) fn read<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Self, FormatError> {
        let (mut at, end) = (0, source.len());
        for _ in 0..100 {
            let Some(found) = isobmff::next_box(source, at, end)? else { break };
            at = found.end;
            if &found.kind != b"meta" {
                continue;
            }
            if found.body_len() > MAX_META_BYTES || found.body_len() < 4 {
                return Err(INVALID_META);
            }
            // Full box: version and flags first.
            let data = source.vector(found.body + 4, found.body_len() - 4)?;
            return Ok(Self { data, at: found.body + 4 });
        }
        Err(FormatError::Invalid("it has no meta box"))
    }

    pub(super) fn find(&self, kind: [u8; 4]) -> Option<&[u8]> {
        isobmff::find(&self.data, kind)
    }

    /// Returns the location of a child box's content in the file: offset and bytes.
    pub(crate) fn content_range(&self, kind: [u8; 4]) -> Option<(u64, u64)> {
        let found = isobmff::boxes(&self.data).map_while(Result::ok).find(|child| child.kind == kind)?;
        Some((self.at + found.body_at as u64, found.body.len() as u64))
    }

    /// Iterates over the children of the `meta` box with their location in the file; a box that does not fit is an
    /// error.
    pub(crate) fn children(&self) -> Result<Vec<BoxHeader>, FormatError> {
        let to_header = |child: MemoryBox<'_>| {
            let body = self.at + child.body_at as u64;
            BoxHeader {
                kind: child.kind,
                start: self.at + child.start as u64,
                body,
                end: body + child.body.len() as u64,
            }
        };
        isobmff::boxes(&self.data).take(MAX_ITEMS).map(|child| child.map(to_header)).collect()
    }

    /// Returns the primary image's item id.
    pub(crate) fn primary(&self) -> Option<u32> {
        let pitm = self.find(*b"pitm")?;
        if pitm.first()? == &0 { be16(pitm, 4).map(u32::from) } else { be32(pitm, 4) }
    }

    /// Returns every item with its extents.
    pub(crate) fn list(&self) -> Result<Vec<Item>, FormatError> {
        let mut items = self.item_infos().ok_or(INVALID_META)?;
        if let Some(iloc) = self.find(*b"iloc") {
            self.locate(iloc, &mut items).ok_or(FormatError::Invalid("its item locations cannot be read"))?;
        }
        Ok(items)
    }

    /// `iinf`: ids and types.
    fn item_infos(&self) -> Option<Vec<Item>> {
        let iinf = self.find(*b"iinf")?;
        let (count, start) = if iinf.first()? == &0 { (be16(iinf, 4)?.into(), 6) } else { (be32(iinf, 4)?, 8) };
        let mut items = Vec::new();
        for child in isobmff::boxes(iinf.get(start..)?).take((count as usize).min(MAX_ITEMS)) {
            let infe = child.ok().filter(|child| &child.kind == b"infe")?.body;
            let version = *infe.first()?;
            let (id, rest) = match version {
                2 => (be16(infe, 4)?.into(), 8),
                3 => (be32(infe, 4)?, 10),
                // Versions 0 and 1 have no item type and are not used for images.
                _ => return None,
            };
            let kind = take(infe, rest)?;
            let hidden = infe.get(3).is_some_and(|flags| flags & 1 == 1);
            items.push(Item { id, kind, hidden, ..Item::default() });
        }
        // Fewer boxes than declared is damage; additional boxes are ignored.
        (items.len() == count as usize).then_some(items)
    }

    /// `iloc`: the location of each item's bytes, in the file (method 0) or in `idat` (method 1).
    fn locate(&self, iloc: &[u8], items: &mut [Item]) -> Option<()> {
        let version = *iloc.first()?;
        let sizes = be16(iloc, 4)?;
        let width = |shift: u32| usize::from(sizes >> shift & 15);
        let (offset_size, length_size, base_size) = (width(12), width(8), width(4));
        let index_size = if version > 0 { width(0) } else { 0 };
        let mut at = 6;
        let mut number = |bytes: usize| -> Option<u64> {
            let value = match bytes {
                0 => 0,
                2 => be16(iloc, at)?.into(),
                4 => be32(iloc, at)?.into(),
                8 => be64(iloc, at)?,
                _ => return None,
            };
            at += bytes;
            Some(value)
        };
        let id_size = if version < 2 { 2 } else { 4 };
        let count = number(id_size)?;
        if count > MAX_ITEMS as u64 {
            return None;
        }
        let mut extents_left = MAX_ITEMS;
        let idat = self.content_range(*b"idat");
        let by_id: HashMap<u32, usize> = items.iter().enumerate().rev().map(|(at, item)| (item.id, at)).collect();
        for _ in 0..count {
            let id = number(id_size)? as u32;
            let method = if version > 0 { number(2)? & 15 } else { 0 };
            let elsewhere = number(2)? != 0;
            let base = number(base_size)?;
            let extents = number(2)? as usize;
            extents_left = extents_left.checked_sub(extents)?;
            let mut stray = Item::default();
            let item = by_id.get(&id).and_then(|at| items.get_mut(*at)).unwrap_or(&mut stray);
            for _ in 0..extents {
                number(index_size)?;
                let (offset, mut length) = (base.checked_add(number(offset_size)?)?, number(length_size)?);
                let start = match (method, idat) {
                    (0, _) => (length > 0).then_some(offset),
                    (1, Some((idat, room))) => {
                        if length == 0 {
                            length = room.checked_sub(offset)?;
                        }
                        (offset.checked_add(length)? <= room).then_some(idat + offset)
                    }
                    _ => None,
                };
                if let Some(start) = start.filter(|_| !elsewhere) {
                    start.checked_add(length)?;
                    item.extents.push((start, length));
                } else {
                    (item.location_unknown, item.built_from_items) = (true, method == 2);
                }
            }
        }
        Some(())
    }

    /// Returns the pixels of each item: from `ispe` or from its codec's own header, whichever is larger.
    pub(super) fn sizes(&self) -> Option<HashMap<u32, u64>> {
        let iprp = self.find(*b"iprp")?;
        let pixels = |size: Option<(u32, u32)>| size.map_or(0, |(width, height)| u64::from(width) * u64::from(height));
        let of = |child: MemoryBox<'_>| match &child.kind {
            b"ispe" => pixels(be32(child.body, 4).zip(be32(child.body, 8))),
            b"hvcC" => pixels(hevc_configuration(child.body)),
            b"av1C" => pixels(av1_configuration(child.body)),
            _ => 0,
        };
        let declared: Vec<u64> =
            isobmff::boxes(isobmff::find(iprp, *b"ipco")?).map_while(Result::ok).take(MAX_ITEMS).map(of).collect();
        let mut sizes = HashMap::new();
        let ipma = isobmff::find(iprp, *b"ipma")?;
        associations(ipma, |item, index| {
            if let Some(pixels) = index.checked_sub(1).and_then(|index| declared.get(index)) {
                let known: &mut u64 = sizes.entry(item).or_default();
                *known = (*known).max(*pixels);
            }
        });
        Some(sizes)
    }

    /// Returns the properties of an item, in the order in which they apply. `ipma` numbers them from 1.
    pub(super) fn properties(&self, id: u32) -> Option<Vec<MemoryBox<'_>>> {
        let iprp = self.find(*b"iprp")?;
        let all: Vec<_> =
            isobmff::boxes(isobmff::find(iprp, *b"ipco")?).map_while(Result::ok).take(MAX_ITEMS).collect();
        let ipma = isobmff::find(iprp, *b"ipma")?;
        let (mut own, mut named) = (Vec::new(), false);
        associations(ipma, |item, index| {
            if item == id {
                named = true;
                own.extend(index.checked_sub(1).and_then(|index| all.get(index)).copied());
            }
        });
        named.then_some(own)
    }
}

/// Calls `each` with an item and the number of one of its properties, counted from 1, for all of `ipma`. ISO/IEC
/// 23008-12 §9.3.1.
fn associations(ipma: &[u8], mut each: impl FnMut(u32, usize)) -> Option<()> {
    let (version, wide) = (*ipma.first()?, ipma.get(3)? & 1 == 1);
    let mut at = 8;
    for _ in 0..be32(ipma, 4)?.min(MAX_ITEMS as u32) {
        let item = if version == 0 { be16(ipma, at)?.into() } else { be32(ipma, at)? };
        at += if version == 0 { 2 } else { 4 };
        let count = usize::from(*ipma.get(at)?);
        at += 1;
        let step = if wide { 2 } else { 1 };
        for n in 0..count {
            let at = at + n * step;
            // The highest bit means "essential".
            let index = if wide {
                be16(ipma, at).map(|index| usize::from(index & 0x7fff))
            } else {
                ipma.get(at).map(|index| usize::from(index & 0x7f))
            };
            each(item, index?);
        }
        at += count * step;
    }
    Some(())
}

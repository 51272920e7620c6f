//! HEIF: items, the images derived from them, and files of them.
//!
//! Owns the boxes of `meta`. Invariant: each item's bytes are where `iloc` says.

use super::movie::{boxed, full, words};

/// One item of a HEIF file.
#[derive(Clone)]
pub struct Item {
    pub id: u16,
    pub kind: [u8; 4],
    /// Its size by its property.
    pub size: (u32, u32),
    /// Its own bytes, in `idat`.
    pub data: Vec<u8>,
    /// The items from which it is derived.
    pub parts: Vec<u16>,
}

/// A tile.
pub fn tile(id: u16, side: u32) -> Item {
    Item { id, kind: *b"hvc1", size: (side, side), data: vec![1, 2, 3], parts: Vec::new() }
}

/// A grid of these tiles with this canvas.
pub fn grid(id: u16, canvas: (u16, u16), parts: &[u16]) -> Item {
    let data = [&[0, 0, 0, 0][..], &canvas.0.to_be_bytes(), &canvas.1.to_be_bytes()].concat();
    Item { id, kind: *b"grid", size: (100, 100), data, parts: parts.to_vec() }
}

/// An overlay of these images.
pub fn overlay(id: u16, canvas: (u16, u16), parts: &[u16]) -> Item {
    let data = [&[0; 10][..], &canvas.0.to_be_bytes(), &canvas.1.to_be_bytes(), &vec![0; parts.len() * 4]].concat();
    Item { id, kind: *b"iovl", size: (100, 100), data, parts: parts.to_vec() }
}

/// A HEIC of these items, the first of which is the primary image.
pub fn heic(items: &[Item]) -> Vec<u8> {
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_be_bytes()).collect::<Vec<u8>>();
    let (mut infos, mut places, mut data, mut properties, mut associations, mut references) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        infos.extend(boxed(b"infe", &[&[2, 0, 0, 0][..], &halves(&[item.id, 0]), &item.kind, b"\0"].concat()));
        places.extend(halves(&[item.id, 1, 0, 1]));
        places.extend(words(&[data.len() as u32, item.data.len() as u32]));
        data.extend(&item.data);
        properties.extend(full(b"ispe", &[item.size.0, item.size.1]));
        associations.extend([&item.id.to_be_bytes()[..], &[1], &(number as u16 + 1).to_be_bytes()].concat());
        if !item.parts.is_empty() {
            references
                .extend(boxed(b"dimg", &[halves(&[item.id, item.parts.len() as u16]), halves(&item.parts)].concat()));
        }
    }
    let count = items.len() as u16;
    let meta = [
        vec![0; 4],
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        boxed(b"pitm", &[&[0; 4][..], &items[0].id.to_be_bytes()].concat()),
        boxed(b"iinf", &[&[0; 4][..], &count.to_be_bytes(), &infos].concat()),
        boxed(b"iloc", &[&[1, 0, 0, 0, 0x44, 0][..], &count.to_be_bytes(), &places].concat()),
        boxed(b"iref", &[vec![0; 4], references].concat()),
        boxed(
            b"iprp",
            &[
                boxed(b"ipco", &properties),
                boxed(b"ipma", &[&[0, 0, 0, 1][..], &u32::from(count).to_be_bytes(), &associations].concat()),
            ]
            .concat(),
        ),
        boxed(b"idat", &data),
    ];
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta.concat())].concat()
}

//! Hashes that the reference implementation makes of the same planes.

use proptest::prelude::*;

use super::*;

fn blobs(x: u32, y: u32) -> u8 {
    (((x * x + 3 * y * y + x * y) / 64 + 40 * ((x / 37 + y / 53) % 3)) & 255) as u8
}

fn tiles(x: u32, y: u32) -> u8 {
    (((x / 24) * 73 + (y / 24) * 151 + (x / 24) * (y / 24) * 29) & 255) as u8
}

fn slope(x: u32, y: u32) -> u8 {
    ((x / 8 + y / 16) & 255) as u8
}

fn plane(width: u32, height: u32, pixel: impl Fn(u32, u32) -> u8) -> Option<Plane> {
    let luma: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
    Plane::of_luma(width as usize, height as usize, &luma)
}

type Picture = fn(u32, u32) -> u8;

#[test]
fn hashes_are_those_of_the_reference() {
    let expected: [(Picture, u32, u32, &str, u8); 10] = [
        (blobs, 512, 512, "ffe11ff7ffc1ff00ffc67e44fc00fe0ffe80fc00fc00fc00fc00fc00f800f800", 100),
        (blobs, 300, 200, "6680cc1f907e97fe37c037816e194e3f4c7f4c79c870e8f0e8e0c9e0d9c0dfc0", 100),
        (blobs, 64, 64, "54eb9b146eabd55c2ae7458893766c8993766cd9932265d4aaab93446cd99326", 100),
        (blobs, 97, 61, "c926b6636d985a675498ad27aa482ab652ac55dbad664a589ab7a7ac186b5356", 100),
        (blobs, 640, 480, "ffe7ffefff87ff9bff2ff70ffc04fa00f40afc00f814f000e000f000e000e000", 100),
        (tiles, 512, 384, "ffff19c2da16ad085bb95d862333df4059b0aa25ec371a1a48db30e49b255836", 100),
        (tiles, 256, 192, "d31e439f5adfdc5cfc1732a692cd58dfa5a0a5206d12cd5903e823a3ad20bc65", 100),
        (tiles, 1000, 700, "b180f49386f24f329d3b0cf507746f98e98de355d42a7f6018230cf15f3cec89", 100),
        (slope, 512, 512, "f7c6aaa5d95ae472a25aa5755aa31695d4b56d283555896976484b064d9ab355", 0),
        (blobs, 5, 5, "64d99b269b2664d99b2664d99b269b2664d99b2664d99b269b2664d99b2664d9", 0),
    ];
    for (picture, width, height, hash, quality) in expected {
        let hashed = plane(width, height, picture).unwrap().hash();
        // A slope has the noise of additions for detail, so that its bits are chance, and its quality says so.
        let is_same = hashed.hash.to_string() == hash || quality < MIN_QUALITY;
        assert!(is_same && hashed.quality == quality, "{width}×{height}: {hashed:?} {}", hashed.hash);
    }
}

#[test]
fn a_changed_picture_is_near_and_another_one_is_far() {
    let hash = |picture: &dyn Fn(u32, u32) -> u8| plane(512, 384, picture).unwrap().hash();
    let original = hash(&tiles);
    let darker = hash(&|x, y| (u32::from(tiles(x, y)) * 3 / 4) as u8);
    let noisy = hash(&|x, y| tiles(x, y).saturating_add(((x * 7 + y * 13) % 11) as u8));
    let smaller = plane(256, 192, |x, y| tiles(2 * x, 2 * y)).unwrap().hash();
    for changed in [darker, noisy, smaller] {
        assert!(changed.quality >= MIN_QUALITY && original.hash.distance(changed.hash) <= MAX_DISTANCE, "{changed:?}");
    }
    assert!(original.hash.distance(hash(&blobs).hash) > 80);
}

#[test]
fn colours_have_the_hash_of_their_brightness() {
    let grey: Vec<u8> = (0..200).flat_map(|y| (0..300).flat_map(move |x| [blobs(x, y); 3])).collect();
    let of_rgb = Plane::of_rgb(300, 200, &grey).unwrap().hash();
    assert!(of_rgb.hash.distance(plane(300, 200, blobs).unwrap().hash().hash) <= 4);
}

#[test]
fn a_transparent_picture_is_on_white() {
    let grey: Vec<u8> = (0..200).flat_map(|y| (0..300).flat_map(move |x| [blobs(x, y); 3])).collect();
    let clear: Vec<u8> = grey.chunks(3).flat_map(|pixel| [0, 0, 0, 255 - pixel[0]]).collect();
    let hash = |plane: Option<Plane>| plane.unwrap().hash().hash;
    assert!(hash(Plane::of_rgba(300, 200, &clear)).distance(hash(Plane::of_rgb(300, 200, &grey))) <= 4);
}

/// Ways to turn and mirror a picture: which pixel of it is at a place.
type Way = fn(u32, u32) -> (u32, u32);

#[test]
fn a_turned_or_mirrored_picture_has_a_hash_of_the_original() {
    let (width, height) = (512, 384);
    let variants = plane(width, height, tiles).unwrap().hash_variants();
    assert_eq!(variants.hashes[0], plane(width, height, tiles).unwrap().hash().hash);
    let upright: [Way; 4] = [|x, y| (x, y), |x, y| (511 - x, y), |x, y| (x, 383 - y), |x, y| (511 - x, 383 - y)];
    let turned: [Way; 4] = [|x, y| (y, x), |x, y| (511 - y, x), |x, y| (y, 383 - x), |x, y| (511 - y, 383 - x)];
    for (way, size) in
        upright.into_iter().map(|way| (way, (512, 384))).chain(turned.into_iter().map(|way| (way, (384, 512))))
    {
        let changed = plane(size.0, size.1, |x, y| {
            let (x, y) = way(x, y);
            tiles(x, y)
        });
        let changed = changed.unwrap().hash().hash;
        let near = variants.hashes.iter().filter(|hash| hash.distance(changed) <= MAX_DISTANCE);
        assert_eq!(near.count(), 1, "{size:?}");
    }
    let distances = variants.hashes.iter().skip(1).map(|hash| hash.distance(variants.hashes[0]));
    assert!(distances.min() > Some(MAX_DISTANCE), "one hash alone finds none of them");
}

#[test]
fn a_plane_has_as_many_pixels_as_it_says() {
    assert!(plane(4, 400, tiles).is_none(), "too narrow");
    assert!(Plane::of_luma(10, 10, &[0; 99]).is_none() && Plane::of_rgb(10, 10, &[0; 299]).is_none());
    assert!(Plane::of_luma(usize::MAX, 2, &[0; 99]).is_none() && Plane::of_rgb(usize::MAX, 2, &[0; 99]).is_none());
}

proptest! {
    #[test]
    fn a_hash_reads_back(words: [u64; 4]) {
        let hash = Pdq::from_words(words);
        prop_assert_eq!(hash.to_string().parse::<Pdq>(), Ok(hash));
        prop_assert_eq!(serde_json::from_value::<Pdq>(serde_json::json!(hash)).unwrap(), hash);
    }

    #[test]
    fn any_text_is_a_hash_or_not(text in "\\PC*|[0-9a-fA-F+]{63,65}") {
        if let Ok(hash) = text.parse::<Pdq>() {
            prop_assert_eq!(hash.to_string(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn any_plane_has_a_hash(width in 5_usize..90, height in 5_usize..90, seed: u8) {
        let luma: Vec<u8> = (0..width * height).map(|at| (at % 251) as u8 ^ seed).collect();
        let hashed = Plane::of_luma(width, height, &luma).unwrap().hash();
        prop_assert!(hashed.quality <= 100);
        prop_assert!(hashed.hash.to_words().iter().map(|word| word.count_ones()).sum::<u32>() <= 128);
    }
}

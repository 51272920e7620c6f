//! Crops that are resized, and those that are refused.
//!
//! Not in the crate itself, which would be compiled once more for it.

#![allow(clippy::unwrap_used, reason = "tests may unwrap")]

use resample::{Crop, Source, resize};

#[test]
fn a_crop_is_resized_and_one_outside_is_refused() {
    // Two rows of red and blue; the right half is blue.
    let pixels: Vec<u8> = [[255, 0, 0], [255, 0, 0], [0, 0, 255], [0, 0, 255]].concat().repeat(2);
    let source = Source { width: 4, height: 2, channels: 3, pixels: &pixels };
    let right = Crop { left: 2.0, top: 0.0, width: 2.0, height: 2.0 };
    assert_eq!(resize(source, right, 2, 2), Some([0, 0, 255].repeat(4)), "as it is");
    let small = resize(source, Crop { left: 0.0, width: 4.0, ..right }, 2, 1).unwrap();
    assert!(small[0] > 200 && small[2] < 50 && small[3] < 50 && small[5] > 200, "{small:?}");
    assert_eq!(resize(source, Crop { left: 3.0, ..right }, 1, 1), None);
    assert_eq!(resize(Source { width: 5, ..source }, right, 1, 1), None);
    assert_eq!(resize(Source { channels: 2, ..source }, right, 1, 1), None);
}

//! The bytes of an HTTP/2 connection in parts of any size cost as much as in one part.
#![no_main]

#[allow(dead_code)]
#[path = "../../platform/http/src/http2/frames.rs"]
mod frames;

use frames::Frames;

fn cost(data: &[u8], piece: usize) -> (u64, u64) {
    let mut reader = Frames::new();
    data.chunks(piece)
        .map(|part| reader.read(part))
        .fold((0, 0), |(cost, credit), part| (cost + part.cost, credit + part.credit))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, stream)) = data.split_first() else { return };
    let (cost_in_parts, whole) = (cost(stream, usize::from(*first) + 1), cost(stream, stream.len().max(1)));
    assert_eq!(cost_in_parts, whole);
    // No frame costs more than its header could.
    assert!(whole.0 <= stream.len() as u64 * 10 / 9);
});

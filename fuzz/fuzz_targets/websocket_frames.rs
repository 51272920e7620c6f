//! The bytes of a WebSocket in parts of any size: it is at a boundary after the same ones as in one part.
#![no_main]

#[allow(dead_code)]
#[path = "../../services/gateway/src/websocket/frames.rs"]
mod frames;

use frames::FrameParser;

fn ends_at_boundary(data: &[u8], piece: usize) -> bool {
    let mut parser = FrameParser::default();
    data.chunks(piece).for_each(|part| parser.advance(part));
    parser.is_at_boundary()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, stream)) = data.split_first() else { return };
    assert_eq!(ends_at_boundary(stream, usize::from(*first) + 1), ends_at_boundary(stream, stream.len().max(1)));
});

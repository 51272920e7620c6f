//! A connection's bytes in parts of any size: the same heads are found, and the same bytes are refused, as in one part.
#![no_main]

#[allow(dead_code)]
#[path = "../../platform/http/src/framing.rs"]
mod framing;

use framing::{Framing, Step};

/// Returns where heads end, and whether an error was found.
fn heads(data: &[u8], piece: usize) -> (Vec<usize>, bool) {
    let (mut reader, mut heads, mut at, mut there) = (Framing::new(4096), Vec::new(), 0, 0);
    while there < data.len() {
        there = (there + piece).min(data.len());
        while let Some(bytes) = data.get(at..there).filter(|bytes| !bytes.is_empty()) {
            match reader.step(bytes) {
                Step::Pass(taken) => {
                    assert!(taken > 0 && taken <= bytes.len());
                    at += taken;
                }
                Step::Head { bytes: taken, upgrade } => {
                    assert!(taken > 0 && taken <= bytes.len());
                    at += taken;
                    heads.push(at);
                    if upgrade {
                        return (heads, false);
                    }
                }
                Step::NeedMore => break,
                Step::Invalid(_) => return (heads, true),
            }
        }
    }
    (heads, false)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, stream)) = data.split_first() else { return };
    assert_eq!(heads(stream, usize::from(*first) + 1), heads(stream, stream.len().max(1)));
});

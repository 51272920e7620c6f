//! The Range header: a part lies inside its file and is never empty.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/delivery/src/model/range.rs"]
mod range;

use range::Wanted;

libfuzzer_sys::fuzz_target!(|input: (u64, &str)| {
    let (bytes, header) = input;
    if let Wanted::Part(part) = range::wanted(Some(header), bytes) {
        assert!(part.start < part.end && part.end <= bytes);
    }
});

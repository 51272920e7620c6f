//! The Range header: a range lies inside its file and is never empty.
#![no_main]

#[allow(dead_code)]
#[path = "../../platform/http/src/range.rs"]
mod range;

use range::RangeRequest;

libfuzzer_sys::fuzz_target!(|input: (u64, &str)| {
    let (bytes, header) = input;
    if let RangeRequest::Partial(part) = range::parse_range(Some(header), bytes) {
        assert!(part.start < part.end && part.end <= bytes);
    }
});

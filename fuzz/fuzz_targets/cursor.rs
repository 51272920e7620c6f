//! A page's cursor: parsing and formatting are inverse.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/media/src/model/cursor.rs"]
mod cursor;

use cursor::Cursor;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(read) = Cursor::parse(text) {
        assert_eq!(Cursor::parse(&read.text()), Some(read));
    }
});

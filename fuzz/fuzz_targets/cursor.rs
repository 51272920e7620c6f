//! A page's cursor: parsing and formatting are inverse.
#![no_main]

#[allow(dead_code)]
#[path = "../../services/media/src/model/cursor.rs"]
mod cursor;

use cursor::Cursor;

/// What the file above needs of an item.
#[allow(dead_code)]
struct Item {
    created_at: chrono::DateTime<chrono::Utc>,
    id: String,
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(read) = Cursor::parse(text) {
        assert_eq!(Cursor::parse(&read.text()), Some(read));
    }
});

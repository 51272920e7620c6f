//! `parsers::sniffing` on any bytes.
#![no_main]

#[path = "../../codec/tests/it/parsers.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::sniffing(data));

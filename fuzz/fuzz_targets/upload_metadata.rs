//! tus's `Upload-Metadata`: no value is longer than the header.
#![no_main]

#[allow(dead_code)]
#[path = "../../services/media/src/model/upload_metadata.rs"]
mod upload_metadata;

use upload_metadata::UploadMetadata;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(said) = UploadMetadata::parse(text) {
        let texts = said.name.iter().chain(&said.tags).chain(&said.visibility).chain(&said.claim);
        assert!(texts.map(String::len).sum::<usize>() <= text.len());
    }
});

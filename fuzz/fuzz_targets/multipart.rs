//! A form in parts of any size: at most one file, and its bytes were in the form.
#![no_main]

#[allow(dead_code)]
#[path = "../../services/media/src/api/form.rs"]
mod form;

/// The errors that `form` needs from `media`.
mod error {
    #[derive(Debug)]
    #[allow(dead_code)]
    pub(crate) enum Error {
        Incomplete,
        Invalid(String),
    }
}

use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use error::Error;
use form::{FileSink, FormFields};

#[derive(Default)]
struct Counted {
    files: usize,
    bytes: usize,
}

impl FileSink for Counted {
    async fn begin(&mut self, _: &FormFields, _: &http::HeaderMap) -> Result<(), Error> {
        self.files += 1;
        Ok(())
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.bytes += bytes.len();
        Ok(())
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let content_type = if first & 1 == 0 {
        "multipart/form-data; boundary=b".to_owned()
    } else {
        String::from_utf8_lossy(data).into_owned()
    };
    let Some(Ok(boundary)) = form::boundary(&content_type) else { return };
    let pieces: Vec<std::io::Result<Bytes>> =
        body.chunks(usize::from(first >> 1) + 1).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut parts = multer::Multipart::with_constraints(futures::stream::iter(pieces), boundary, form::constraints());
    let (mut fields, mut file) = (FormFields::default(), Counted::default());
    let _ = futures::executor::block_on(form::read(&mut parts, &AtomicUsize::new(0), &mut fields, &mut file));
    assert!(file.files <= 1 && file.bytes <= body.len());
});

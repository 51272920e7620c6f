//! The fields of a form, one after the other: which is the file, what the others say, and how much may be held back.
//!
//! Owns reading, not what becomes of the file. Invariant: what the parser holds back is bounded: a part that brings nothing usable within
//! [`MAX_BUFFERED_BYTES`] bytes is refused, and so is a text longer than [`MAX_TEXT_BYTES`].

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::error::Error;

/// Bytes that may arrive without any of them being handed on: boundaries and the fields' own headers are much shorter.
pub(super) const MAX_BUFFERED_BYTES: usize = 64 * 1024;
/// Bytes of a text field.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// Fields of a form.
const MAX_FIELDS: usize = 64;
/// What of a form can be anything but its file, in bytes: a larger form has a file of at least the difference.
pub(super) const MAX_NON_FILE_BYTES: u64 = (MAX_FIELDS * (MAX_TEXT_BYTES + 1024)) as u64;

/// What a form says besides the file.
#[derive(Debug, Default)]
pub(super) struct FormFields {
    pub name: Option<String>,
    pub file_name: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub claim: Option<String>,
}

/// Takes the file of a form.
pub(super) trait FileSink {
    /// The file begins, with these headers of its own; `fields` is what the form said before.
    fn begin(&mut self, fields: &FormFields, headers: &HeaderMap) -> impl Future<Output = Result<(), Error>> + Send;
    /// Its next bytes.
    fn push(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The boundary of a form; nothing where the content type is another.
pub(super) fn boundary(content_type: &str) -> Option<Result<String, Error>> {
    let is_form = content_type.trim_start().get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    is_form.then(|| {
        multer::parse_boundary(content_type).map_err(|_| Error::Invalid("The form has no boundary in its Content-Type. Let your HTTP library set that header.".to_owned()))
    })
}

/// How large fields may be: the file as large as it is, and judged while it comes.
pub(super) fn constraints() -> Constraints {
    Constraints::new().size_limit(SizeLimit::new().for_field("file", u64::MAX))
}

/// Reads the whole form; `buffered` counts what has arrived since the parser last gave something.
pub(super) async fn read(form: &mut Multipart<'_>, buffered: &AtomicUsize, fields: &mut FormFields, file: &mut impl FileSink) -> Result<(), Error> {
    let mut has_file = false;
    for _ in 0..MAX_FIELDS {
        let Some(field) = form.next_field().await.map_err(form_error)? else { return Ok(()) };
        buffered.store(0, Ordering::Relaxed);
        if field.name() != Some("file") {
            read_text(field, buffered, fields).await?;
            continue;
        }
        if has_file {
            return Err(Error::Invalid("Send one file per request.".to_owned()));
        }
        has_file = true;
        read_file(field, buffered, fields, file).await?;
    }
    Err(Error::Invalid(format!("A form has at most {MAX_FIELDS} fields.")))
}

async fn read_file(mut field: Field<'_>, buffered: &AtomicUsize, fields: &mut FormFields, file: &mut impl FileSink) -> Result<(), Error> {
    fields.file_name = field.file_name().map(str::to_owned);
    file.begin(fields, field.headers()).await?;
    while let Some(chunk) = field.chunk().await.map_err(form_error)? {
        buffered.store(0, Ordering::Relaxed);
        file.push(chunk).await?;
    }
    Ok(())
}

async fn read_text(mut field: Field<'_>, buffered: &AtomicUsize, fields: &mut FormFields) -> Result<(), Error> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(form_error)? {
        buffered.store(0, Ordering::Relaxed);
        if bytes.len() + chunk.len() > MAX_TEXT_BYTES {
            return Err(Error::Invalid(format!("The field `{}` is too long.", codec::filename::clean(&name))));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::Invalid("Fields of the form are UTF-8.".to_owned()))?;
    match name.as_str() {
        "name" => fields.name = Some(text),
        "tags" => fields.tags.push(text),
        "visibility" => fields.visibility = Some(text),
        "claim" => fields.claim = Some(text),
        // Browsers and libraries add fields of their own.
        _ => {}
    }
    Ok(())
}

fn form_error(error: multer::Error) -> Error {
    match error {
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteHeaders | multer::Error::IncompleteStream => Error::Incomplete,
        other => Error::Invalid(format!("The form can't be read: {other}.")),
    }
}

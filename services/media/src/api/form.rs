//! Reads the fields of a form one after the other: the file, and the text fields beside it.
//!
//! Owns parsing, not what becomes of the file. Invariant: the bytes that the parser buffers are bounded. A part that
//! yields nothing usable within [`MAX_BUFFERED_BYTES`] is refused, and so is a text field longer than
//! [`MAX_TEXT_BYTES`]. Fields of unknown names are passed over, up to [`MAX_SKIPPED_BYTES`].

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_DISPOSITION;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::error::Error;

/// The largest number of bytes that may arrive without a part of them being passed on. Boundaries and the headers of
/// fields are much shorter.
pub(super) const MAX_BUFFERED_BYTES: usize = 64 * 1024;
/// The longest text field, in bytes.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// The largest number of fields of a form.
const MAX_FIELDS: usize = 64;
/// The most bytes of all fields together that nothing here knows, such as a preview that an app sends beside the file.
const MAX_SKIPPED_BYTES: usize = 1024 * 1024;
/// The largest size of everything in a form but its file. A larger form has a file of at least the difference.
pub(super) const MAX_NON_FILE_BYTES: u64 = (MAX_FIELDS * (MAX_TEXT_BYTES + 1024) + MAX_SKIPPED_BYTES) as u64;

/// The text fields of a form, and the name of its file.
#[derive(Debug, Default)]
pub(super) struct FormFields {
    pub name: Option<String>,
    pub file_name: Option<String>,
    pub tags: Vec<String>,
    pub visibility: Option<String>,
    pub claim: Option<String>,
    pub description: Option<String>,
    pub alt: Option<String>,
    /// The field of an unknown name that looks like a file, if one was passed over.
    pub other_file: Option<String>,
}

/// Receives the file of a form.
pub(super) trait FileSink {
    /// Begins the file, with the headers of its part. `fields` has the fields before it.
    fn begin(&mut self, fields: &FormFields, headers: &HeaderMap) -> impl Future<Output = Result<(), Error>> + Send;
    /// Receives the next bytes of the file.
    fn push(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Returns the boundary of a form, and `None` for another content type.
pub(super) fn boundary(content_type: &str) -> Option<Result<String, Error>> {
    let is_form =
        content_type.trim_start().get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    is_form.then(|| {
        multer::parse_boundary(content_type).map_err(|_| {
            Error::Invalid(
                "The form has no boundary in its Content-Type. Let your HTTP library set that header.".to_owned(),
            )
        })
    })
}

/// Returns the limits on fields. The size of the file is checked while it arrives.
pub(super) fn constraints() -> Constraints {
    Constraints::new().size_limit(SizeLimit::new().for_field("file", u64::MAX))
}

/// Reads the whole form. `buffered` counts the bytes that have arrived since the parser last yielded something.
pub(super) async fn read(
    form: &mut Multipart<'_>,
    buffered: &AtomicUsize,
    fields: &mut FormFields,
    file: &mut impl FileSink,
) -> Result<(), Error> {
    let (mut has_file, mut skipped) = (false, 0);
    for _ in 0..MAX_FIELDS {
        let Some(field) = form.next_field().await.map_err(form_error)? else { return Ok(()) };
        buffered.store(0, Ordering::Relaxed);
        match field.name() {
            Some("file") => {}
            Some("name" | "tags" | "visibility" | "claim" | "description" | "alt") => {
                read_text(field, buffered, fields).await?;
                continue;
            }
            _ => {
                skip(field, buffered, fields, &mut skipped).await?;
                continue;
            }
        }
        if has_file {
            return Err(Error::Invalid("Send one file per request.".to_owned()));
        }
        has_file = true;
        read_file(field, buffered, fields, file).await?;
    }
    Err(Error::Invalid(format!("A form has at most {MAX_FIELDS} fields.")))
}

async fn read_file(
    mut field: Field<'_>,
    buffered: &AtomicUsize,
    fields: &mut FormFields,
    file: &mut impl FileSink,
) -> Result<(), Error> {
    fields.file_name = extended_file_name(field.headers()).or_else(|| field.file_name().map(str::to_owned));
    file.begin(fields, field.headers()).await?;
    while let Some(chunk) = field.chunk().await.map_err(form_error)? {
        buffered.store(0, Ordering::Relaxed);
        file.push(chunk).await?;
    }
    Ok(())
}

/// Returns the name of `filename*=UTF-8''…` (RFC 8187), which some libraries send beside `filename` or in its place.
fn extended_file_name(headers: &HeaderMap) -> Option<String> {
    let disposition = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let value = disposition.split(';').find_map(|part| part.trim_start().strip_prefix("filename*="))?;
    let (charset, rest) = value.trim().split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_encoding::percent_decode_str(encoded).collect();
    charset.eq_ignore_ascii_case("utf-8").then(|| String::from_utf8(bytes).ok()).flatten()
}

/// Passes a field over. Browsers and libraries add fields of their own.
async fn skip(
    mut field: Field<'_>,
    buffered: &AtomicUsize,
    fields: &mut FormFields,
    skipped: &mut usize,
) -> Result<(), Error> {
    if field.file_name().is_some() && fields.other_file.is_none() {
        fields.other_file = Some(codec::filename::clean(field.name().unwrap_or_default()));
    }
    while let Some(chunk) = field.chunk().await.map_err(form_error)? {
        buffered.store(0, Ordering::Relaxed);
        *skipped += chunk.len();
        if *skipped > MAX_SKIPPED_BYTES {
            return Err(Error::Invalid(match &fields.other_file {
                Some(name) => format!("The file is in the field `{name}`; send it in the field `file`."),
                None => "The form has more than 1 MiB beside its `file`.".to_owned(),
            }));
        }
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
    let text =
        String::from_utf8(bytes).map_err(|_| Error::Invalid("The fields of a form must be UTF-8.".to_owned()))?;
    match name.as_str() {
        "name" => fields.name = Some(text),
        "tags" => fields.tags.push(text),
        "visibility" => fields.visibility = Some(text),
        "description" => fields.description = Some(text),
        "alt" => fields.alt = Some(text),
        _ => fields.claim = Some(text),
    }
    Ok(())
}

fn form_error(error: multer::Error) -> Error {
    match error {
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => Error::Incomplete,
        other => Error::Invalid(format!("The form can't be read: {other}.")),
    }
}

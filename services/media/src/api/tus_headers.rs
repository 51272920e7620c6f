//! The headers of tus: those that a request has, and those that state where an upload stands.
//!
//! Invariant: a header that cannot be read is an error, never a default.

use chrono::{DateTime, Utc};
use codec::digest::{Checksum, tus_checksum};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::Error;
use crate::model::ItemDetails;
use crate::model::upload_metadata::UploadMetadata;
use crate::store::uploads::Upload;

/// The type that bytes for an upload have in tus.
pub(super) const OFFSET_STREAM: &str = "application/offset+octet-stream";
/// The type that they may have too: the only one for bytes that generators of clients know.
pub(super) const OCTET_STREAM: &str = "application/octet-stream";

pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const MEDIA_ID: HeaderName = HeaderName::from_static("tutti-media-id");
const MEDIA: HeaderName = HeaderName::from_static("tutti-media");

/// Returns the headers that state the offset of an upload, and its item or expiry.
pub(super) fn offset_headers(upload: &Upload, bytes: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(bytes));
    let mut insert = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    match &upload.item {
        Some(item) => {
            insert(MEDIA_ID, item.to_string());
            insert(MEDIA, format!("/v1/media/{item}"));
        }
        None => insert(UPLOAD_EXPIRES, http_date(upload.expires_at)),
    }
    headers
}

/// Formats a date as HTTP does (RFC 9110 §5.6.7).
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Returns the number in a header: digits and nothing else.
pub(super) fn number_header(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Returns whether the body has bytes for an upload.
pub(super) fn is_offset_stream(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return false };
    [OFFSET_STREAM, OCTET_STREAM].iter().any(|name| content_type.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
}

/// Returns the checksum that the client announced, if any.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Error> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let unreadable =
        Error::BadTusRequest("`Upload-Checksum` must be sha1 or sha256, a space, and the digest in base64.");
    value.to_str().ok().and_then(|text| tus_checksum(text).ok()).map(Some).ok_or(unreadable)
}

/// Returns the item details in `Upload-Metadata`.
pub(super) fn metadata(headers: &HeaderMap) -> Result<ItemDetails, Error> {
    let unreadable =
        || Error::BadTusRequest("`Upload-Metadata` must be pairs of a key and a base64 value, separated by commas.");
    let metadata_fields = match headers.get("upload-metadata") {
        None => UploadMetadata::default(),
        Some(value) => value.to_str().ok().and_then(UploadMetadata::parse).ok_or_else(unreadable)?,
    };
    let tags: Vec<&str> = metadata_fields.tags.iter().map(String::as_str).collect();
    ItemDetails::parse(
        metadata_fields.name.as_deref(),
        &tags,
        metadata_fields.visibility.as_deref(),
        metadata_fields.claim.as_deref(),
    )
    .and_then(|details| details.with_texts(metadata_fields.description.as_deref(), metadata_fields.alt.as_deref()))
    .map_err(Error::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_or_refused() {
        let of = |text: &str| {
            metadata(&HeaderMap::from_iter([(
                HeaderName::from_static("upload-metadata"),
                HeaderValue::from_str(text).unwrap(),
            )]))
        };
        // "w.mov", "party,sun", "public", "later"
        let details =
            of("filename dy5tb3Y=,tags cGFydHksc3Vu, visibility cHVibGlj,claim bGF0ZXI=,is_confidential").unwrap();
        assert_eq!((details.name.as_str(), details.tags.len(), details.claim_later), ("w.mov", 2, true));
        // "At sea.", "A cat\r\nand a dog"
        let details = of("description QXQgc2VhLg==,alt QSBjYXQNCmFuZCBhIGRvZw==").unwrap();
        assert_eq!((details.description.as_str(), details.alt.as_str()), ("At sea.", "A cat\nand a dog"));
        assert!(of("filename !!!").is_err());
        assert!(of("visibility bm9wZQ==").is_err());
        assert_eq!(metadata(&HeaderMap::new()).unwrap().name, "untitled");
    }

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(DateTime::from_timestamp(784_111_777, 0).unwrap()), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

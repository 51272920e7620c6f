//! `/v1/uploads`: uploads that survive a dropped connection, by the tus 1.0.0 protocol
//! (<https://tus.io/protocols/resumable-upload>).
//!
//! Supports the extensions creation, creation-with-upload, checksum, expiration and termination. Invariant: the bytes
//! below an offset in a response are durable.

use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use codec::digest::{Checksum, tus_checksum};
use contract::AccountId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kit::auth::Member;

use super::refuse;
use crate::Media;
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::model::ItemDetails;
use crate::model::upload_metadata::UploadMetadata;
use crate::store::uploads::Upload;
use crate::uploads::{AppendOutcome, AppendRequest};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
const OFFSET_STREAM: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const MEDIA_ID: HeaderName = HeaderName::from_static("tutti-media-id");
const MEDIA: HeaderName = HeaderName::from_static("tutti-media");

/// Adds the protocol version to every response, and refuses requests of other versions.
pub(super) async fn require_version(request: Request, next: Next) -> Response {
    let version = request.headers().get(TUS_RESUMABLE).map(HeaderValue::as_bytes);
    let supported = request.method() == Method::OPTIONS || version == Some(VERSION.as_bytes());
    let mut response = if supported { next.run(request).await } else { Error::TusVersion.into_response() };
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    if !supported {
        headers.insert("tus-version", HeaderValue::from_static(VERSION));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the supported version and extensions.
#[utoipa::path(options, path = "/v1/uploads", operation_id = "upload_options", tag = "uploads", responses((status = 204, description = "Version, extensions and the largest upload, in headers.")))]
pub(super) async fn options(State(media): State<Media>) -> Response {
    let headers = [
        ("tus-version", VERSION.to_owned()),
        ("tus-extension", EXTENSIONS.to_owned()),
        ("tus-max-size", media.config.video_max_bytes.to_string()),
        ("tus-checksum-algorithm", "sha1,sha256".to_owned()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Creates a resumable upload.
///
/// `Upload-Metadata` may have `filename`, `tags` (separated by commas), `visibility` and `claim`. With the content type
/// `application/offset+octet-stream` the body has the first bytes already.
#[utoipa::path(
    post,
    path = "/v1/uploads", operation_id = "begin_upload",
    tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Bytes in all."),
        ("Upload-Metadata" = Option<String>, Header, description = "Pairs of a key and a base64 value, separated by commas.")
    ),
    responses((status = 201, description = "`Location` is the URL of the upload. If it has all bytes already, `Tutti-Media-Id` is the item.")),
    security(("token" = []))
)]
pub(super) async fn create(State(media): State<Media>, member: Member, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = BodyReader::new(&media, body);
    let upload = match begin(&media, &member, &parts.headers).await {
        Ok(upload) => upload,
        Err(error) => return refuse(&media, error, &body),
    };
    let location = [(header::LOCATION, format!("/v1/uploads/{}", upload.id))];
    if !is_offset_stream(&parts.headers) {
        return (StatusCode::CREATED, location, offset_headers(&upload, 0)).into_response();
    }
    let mut response = append(&media, &upload.id, upload.owner, 0, &parts.headers, body).await;
    if response.status() == StatusCode::NO_CONTENT {
        *response.status_mut() = StatusCode::CREATED;
    }
    (location, response).into_response()
}

async fn begin(media: &Media, member: &Member, headers: &HeaderMap) -> Result<Upload, Error> {
    if headers.contains_key("upload-defer-length") {
        return Err(Error::BadTusRequest("Send `Upload-Length`: uploads of unknown length are not supported."));
    }
    let length = number_header(headers, &UPLOAD_LENGTH)
        .ok_or(Error::BadTusRequest("Send the number of bytes in `Upload-Length`."))?;
    media.begin_upload(AccountId(member.id()), length, metadata(headers)?).await
}

/// Returns the offset of an upload.
#[utoipa::path(
    head,
    path = "/v1/uploads/{id}", operation_id = "upload_state",
    tag = "uploads",
    params(("id" = String, Path, description = "The upload.")),
    responses((status = 200, description = "`Upload-Offset` is where to continue; `Tutti-Media-Id` is the item, once it is complete.")),
    security(("token" = []))
)]
pub(super) async fn head(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let upload = media.upload_state(&id, AccountId(member.id())).await?;
    let length = [(UPLOAD_LENGTH, upload.length.to_string())];
    Ok((StatusCode::OK, length, offset_headers(&upload, upload.received)).into_response())
}

/// Appends bytes at `Upload-Offset`.
///
/// With `Upload-Checksum` (sha1 or sha256, base64) the bytes are kept all or none. The last byte completes the item:
/// `Tutti-Media-Id`.
#[utoipa::path(
    patch,
    path = "/v1/uploads/{id}", operation_id = "append_to_upload",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "The offset of these bytes."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256`, and the digest in base64.")
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "The bytes are durable; `Upload-Offset` is where to continue.")),
    security(("token" = []))
)]
pub(super) async fn patch(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = BodyReader::new(&media, body);
    if !is_offset_stream(&parts.headers) {
        return refuse(&media, Error::NotOffsetStream, &body);
    }
    let Some(offset) = number_header(&parts.headers, &UPLOAD_OFFSET) else {
        return refuse(&media, Error::BadTusRequest("Send the offset of these bytes in `Upload-Offset`."), &body);
    };
    append(&media, &id, AccountId(member.id()), offset, &parts.headers, body).await
}

/// Cancels an upload and removes its bytes. An item that it became stays.
#[utoipa::path(
    delete,
    path = "/v1/uploads/{id}", operation_id = "cancel_upload",
    tag = "uploads",
    params(("id" = String, Path, description = "The upload.")),
    responses((status = 204, description = "The upload is removed.")),
    security(("token" = []))
)]
pub(super) async fn cancel(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    media.cancel_upload(&id, AccountId(member.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Runs another method, for clients whose network lets only `GET` and `POST` through.
///
/// `X-HTTP-Method-Override` names the method. Headers, body and response are those of that method. Without the header,
/// or with another method, nothing is done.
#[utoipa::path(
    post,
    path = "/v1/uploads/{id}", operation_id = "upload_by_post",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload."),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH`, `DELETE` or `HEAD`."),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = Option<u64>, Header, description = "For `PATCH`: the offset of these bytes."),
        ("Upload-Checksum" = Option<String>, Header, description = "For `PATCH`: `sha1` or `sha256`, and the digest in base64.")
    ),
    request_body(content = Option<Vec<u8>>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 200, description = "As `HEAD`: `Upload-Offset` is where to continue; `Tutti-Media-Id` is the item, once it is complete."),
        (status = 204, description = "As `PATCH`: the bytes are durable. As `DELETE`: the upload is removed.")
    ),
    security(("token" = []))
)]
pub(super) async fn method_override(
    state: State<Media>,
    member: Member,
    path: Path<String>,
    request: Request,
) -> Response {
    match request.headers().get("x-http-method-override").map(HeaderValue::as_bytes) {
        Some(b"PATCH") => patch(state, member, path, request).await,
        Some(b"DELETE") => cancel(state, member, path).await.into_response(),
        Some(b"HEAD") => head(state, member, path).await.into_response(),
        _ => Error::BadTusRequest("POST here needs `X-HTTP-Method-Override`. Create new uploads at /v1/uploads.")
            .into_response(),
    }
}

async fn append(
    media: &Media,
    id: &str,
    owner: AccountId,
    offset: u64,
    headers: &HeaderMap,
    body: BodyReader,
) -> Response {
    let checksum = match checksum(headers) {
        Ok(checksum) => checksum,
        Err(error) => return refuse(media, error, &body),
    };
    let (upload, lock) = match media.lock_upload(id, owner).await {
        Ok((upload, _)) if upload.received != offset => {
            return refuse(media, Error::WrongOffset(upload.received), &body);
        }
        Ok(taken) => taken,
        Err(error) => return refuse(media, error, &body),
    };
    let announced = number_header(headers, &header::CONTENT_LENGTH).unwrap_or(0);
    if offset.saturating_add(announced) > upload.length {
        return refuse(media, Error::LengthExceeded, &body);
    }
    if upload.item.is_some() {
        return (StatusCode::NO_CONTENT, offset_headers(&upload, upload.received)).into_response();
    }
    let (outcome, body) = media.append(upload.clone(), lock, AppendRequest { body, checksum }).await;
    match (outcome, body) {
        (Ok(AppendOutcome::Received(bytes)), _) => {
            (StatusCode::NO_CONTENT, offset_headers(&upload, bytes)).into_response()
        }
        (Ok(AppendOutcome::Completed(item)), _) => {
            let done = Upload { item: Some(item.id.clone()), ..upload };
            (StatusCode::NO_CONTENT, offset_headers(&done, done.length)).into_response()
        }
        (Err(error), Some(body)) => refuse(media, error, &body),
        (Err(error), None) => error.into_response(),
    }
}

/// Returns the headers that state the offset of an upload, and its item or expiry.
fn offset_headers(upload: &Upload, bytes: u64) -> HeaderMap {
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

fn number_header(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_offset_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(OFFSET_STREAM.as_bytes()))
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Error> {
    let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
    let unreadable =
        Error::BadTusRequest("`Upload-Checksum` must be sha1 or sha256, a space, and the digest in base64.");
    value.to_str().ok().and_then(|text| tus_checksum(text).ok()).map(Some).ok_or(unreadable)
}

fn metadata(headers: &HeaderMap) -> Result<ItemDetails, Error> {
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
        assert!(of("filename !!!").is_err());
        assert!(of("visibility bm9wZQ==").is_err());
        assert_eq!(metadata(&HeaderMap::new()).unwrap().name, "untitled");
    }

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(DateTime::from_timestamp(784_111_777, 0).unwrap()), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

//! `/v1/uploads`: uploads that survive a dropped connection, by the tus 1.0.0 protocol
//! (<https://tus.io/protocols/resumable-upload>).
//!
//! Supports the extensions creation, creation-with-upload, checksum, expiration and termination. Invariant: the bytes
//! below an offset in a response are durable.

use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use codec::digest::Checksum;
use contract::AccountId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_server::auth::Member;
use http_server::{Binary, Effect};

use super::tus_headers::{
    OCTET_STREAM, OFFSET_STREAM, UPLOAD_LENGTH, UPLOAD_OFFSET, checksum, is_offset_stream, metadata, number_header,
    offset_headers,
};
use super::{operation_codes, refuse};
use crate::commands::{AppendOutcome, AppendRequest};
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::store::uploads::Upload;
use crate::upload_locks::UploadLock;
use crate::{Media, commands};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");

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
///
/// A tus client may ask before its first upload. Needs no token.
#[utoipa::path(
    options,
    path = "/v1/uploads",
    operation_id = "upload_options",
    tag = "uploads",
    responses((
        status = 204,
        description = "Version, extensions and the largest upload, in headers.",
        headers(
            ("Tus-Version" = String, description = "1.0.0"),
            ("Tus-Extension" = String, description = "The supported extensions, separated by commas."),
            ("Tus-Max-Size" = u64, description = "The largest upload, in bytes."),
            ("Tus-Checksum-Algorithm" = String, description = "The supported algorithms, separated by commas.")
        )
    )),
    extensions(("x-codes" = json!([])))
)]
pub(super) async fn options(State(media): State<Media>) -> Response {
    let headers = [
        ("tus-version", VERSION.to_owned()),
        ("tus-extension", EXTENSIONS.to_owned()),
        ("tus-max-size", media.config.video_max_bytes.to_string()),
        ("tus-checksum-algorithm", "sha1,sha256".to_owned()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Returns the supported version and extensions, at the URL of an upload.
///
/// The response is that of `OPTIONS /v1/uploads`, whether the upload exists or not.
#[utoipa::path(
    options,
    path = "/v1/uploads/{id}",
    operation_id = "options_of_one_upload",
    tag = "uploads",
    params(("id" = String, Path, description = "The upload.", example = "3hW9dKx0Qp7LmT2vBnYc4R")),
    responses((
        status = 204,
        description = "Version, extensions and the largest upload, in headers.",
        headers(
            ("Tus-Version" = String, description = "1.0.0"),
            ("Tus-Extension" = String, description = "The supported extensions, separated by commas."),
            ("Tus-Max-Size" = u64, description = "The largest upload, in bytes."),
            ("Tus-Checksum-Algorithm" = String, description = "The supported algorithms, separated by commas.")
        )
    )),
    extensions(("x-codes" = json!([])))
)]
pub(super) async fn options_of_one(state: State<Media>) -> Response {
    options(state).await
}

/// Creates a resumable upload.
///
/// `Upload-Metadata` may have `filename`, `tags` (separated by commas), `visibility`, `claim`, `description` and `alt`.
/// The bytes follow with `PATCH`. A tus client may send the first of them as the body of this request, with the content
/// type `application/offset+octet-stream`.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    operation_id = "begin_upload",
    tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0", example = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Bytes in all.", example = 104_857_600),
        (
            "Upload-Metadata" = Option<String>,
            Header,
            description = "Pairs of a key and a base64 value, separated by commas.",
            example = "filename Y2F0Lm1vdg==,tags d2VkZGluZw=="
        ),
        (
            "Upload-Checksum" = Option<String>,
            Header,
            description = "If the body has bytes: `sha1` or `sha256`, and their digest in base64.",
            example = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
        ),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Sent again with the same key, the request does not create a second upload.",
            example = "2f1c6c0e-upload"
        )
    ),
    responses((
        status = 201,
        description = "`Location` is the URL of the upload. If it has all bytes already, `Tutti-Media-Id` is the item.",
        headers(
            ("Location" = String, description = "The URL of the upload."),
            ("Upload-Offset" = u64, description = "The number of durable bytes."),
            ("Upload-Expires" = String, description = "When the upload is removed unless it goes on."),
            ("Tutti-Media-Id" = String, description = "The id of the item, once the upload is complete."),
            ("Tutti-Media" = String, description = "The URL of the item, once the upload is complete.")
        )
    )),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::begin_upload())))
)]
pub(super) async fn create(State(media): State<Media>, member: Member, effect: Effect, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = BodyReader::new(&media, body);
    let upload = match begin(&media, &member, &parts.headers, effect).await {
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

async fn begin(media: &Media, member: &Member, headers: &HeaderMap, effect: Effect) -> Result<Upload, Error> {
    if headers.contains_key("upload-defer-length") {
        return Err(Error::BadTusRequest("Send `Upload-Length`: uploads of unknown length are not supported."));
    }
    if headers.contains_key("upload-concat") {
        return Err(Error::BadTusRequest(
            "`Upload-Concat` is not supported: send the file as one upload (with tus-js-client, without \
             `parallelUploads`).",
        ));
    }
    let length = number_header(headers, &UPLOAD_LENGTH)
        .ok_or(Error::BadTusRequest("Send the number of bytes in `Upload-Length`."))?;
    commands::begin_upload(media, AccountId(member.id()), length, metadata(headers)?, effect).await
}

/// Returns the offset of an upload.
///
/// After a lost connection, ask here and continue from `Upload-Offset`: the bytes below it are durable. Asking ends a
/// request that still appends to the upload.
#[utoipa::path(
    head,
    path = "/v1/uploads/{id}",
    operation_id = "upload_state",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload.", example = "3hW9dKx0Qp7LmT2vBnYc4R"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", example = "1.0.0")
    ),
    responses((
        status = 200,
        description = "`Upload-Offset` is where to continue; `Tutti-Media-Id` is the item, once it is complete.",
        headers(
            ("Upload-Offset" = u64, description = "The number of durable bytes."),
            ("Upload-Length" = u64, description = "Bytes in all."),
            ("Upload-Expires" = String, description = "When the upload is removed unless it goes on."),
            ("Tutti-Media-Id" = String, description = "The id of the item, once the upload is complete."),
            ("Tutti-Media" = String, description = "The URL of the item, once the upload is complete.")
        )
    )),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::upload_state())))
)]
pub(super) async fn head(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let upload = commands::settle_upload(&media, &id, AccountId(member.id())).await?;
    let length = [(UPLOAD_LENGTH, upload.length.to_string())];
    Ok((StatusCode::OK, length, offset_headers(&upload, upload.received)).into_response())
}

/// Appends bytes at `Upload-Offset`.
///
/// With `Upload-Checksum` (sha1 or sha256, base64) the bytes are kept all or none. The last byte completes the item:
/// `Tutti-Media-Id`. A tus client sends `application/offset+octet-stream`; `application/octet-stream` is accepted for
/// generated clients, which know no other type of bytes.
#[utoipa::path(
    patch,
    path = "/v1/uploads/{id}",
    operation_id = "append_to_upload",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload.", example = "3hW9dKx0Qp7LmT2vBnYc4R"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", example = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "The offset of these bytes.", example = 16_777_216),
        (
            "Upload-Checksum" = Option<String>,
            Header,
            description = "`sha1` or `sha256`, and the digest in base64.",
            example = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
        )
    ),
    request_body(content((inline(Binary) = OFFSET_STREAM), (inline(Binary) = OCTET_STREAM))),
    responses((
        status = 204,
        description = "The bytes are durable; `Upload-Offset` is where to continue.",
        headers(
            ("Upload-Offset" = u64, description = "The number of durable bytes."),
            ("Upload-Expires" = String, description = "When the upload is removed unless it goes on."),
            ("Tutti-Media-Id" = String, description = "The id of the item, once the upload is complete."),
            ("Tutti-Media" = String, description = "The URL of the item, once the upload is complete.")
        )
    )),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::append_to_upload())))
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
///
/// The bytes that it announced are free for other uploads at once.
#[utoipa::path(
    delete,
    path = "/v1/uploads/{id}",
    operation_id = "cancel_upload",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload.", example = "3hW9dKx0Qp7LmT2vBnYc4R"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", example = "1.0.0")
    ),
    responses((status = 204, description = "The upload is removed.")),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!(["media.no_such_upload", "media.taken_over", "media.busy", "media.tus_version"]))
    )
)]
pub(super) async fn cancel(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    commands::cancel_upload(&media, &id, AccountId(member.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Runs another method, for clients whose network lets only `GET` and `POST` through.
///
/// `X-HTTP-Method-Override` names the method. Headers, body and response are those of that method. Without the header,
/// or with another method, nothing is done.
#[utoipa::path(
    post,
    path = "/v1/uploads/{id}",
    operation_id = "upload_by_post",
    tag = "uploads",
    params(
        ("id" = String, Path, description = "The upload.", example = "3hW9dKx0Qp7LmT2vBnYc4R"),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH`, `DELETE` or `HEAD`.", example = "PATCH"),
        ("Tus-Resumable" = String, Header, description = "1.0.0", example = "1.0.0"),
        (
            "Upload-Offset" = Option<u64>,
            Header,
            description = "For `PATCH`: the offset of these bytes.",
            example = 16_777_216
        ),
        (
            "Upload-Checksum" = Option<String>,
            Header,
            description = "For `PATCH`: `sha1` or `sha256`, and the digest in base64.",
            example = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
        )
    ),
    request_body(content((inline(Option<Binary>) = OFFSET_STREAM), (inline(Option<Binary>) = OCTET_STREAM))),
    responses(
        (
            status = 200,
            description = "As `HEAD`: `Upload-Offset` is where to continue; `Tutti-Media-Id` is the item, once it is \
                           complete."
        ),
        (status = 204, description = "As `PATCH`: the bytes are durable. As `DELETE`: the upload is removed.")
    ),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::append_to_upload())))
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
    let (upload, lock, checksum) = match admit(media, id, owner, offset, headers).await {
        Ok(admitted) => admitted,
        Err(error) => return refuse(media, error, &body),
    };
    if upload.item.is_some() {
        return (StatusCode::NO_CONTENT, offset_headers(&upload, upload.received)).into_response();
    }
    let request = AppendRequest { body, checksum };
    let (outcome, body) = commands::append_to_upload(media, upload.clone(), lock, request).await;
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

/// Takes an upload over for bytes at `offset`, unless the headers show that they do not belong there.
async fn admit(
    media: &Media,
    id: &str,
    owner: AccountId,
    offset: u64,
    headers: &HeaderMap,
) -> Result<(Upload, UploadLock, Option<Checksum>), Error> {
    let checksum = checksum(headers)?;
    let (upload, lock) = commands::take_over_upload(media, id, owner).await?;
    if upload.received != offset {
        return Err(Error::WrongOffset(upload.received));
    }
    let announced = number_header(headers, &header::CONTENT_LENGTH).unwrap_or(0);
    if offset.saturating_add(announced) > upload.length {
        return Err(Error::LengthExceeded);
    }
    Ok((upload, lock, checksum))
}

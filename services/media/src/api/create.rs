//! `POST /v1/media`: a whole file in one request, as the body itself or as a form; `POST /v1/media/form`: as a form.
//!
//! The form has an operation of its own, because generators of clients make one kind of body for each operation.
//! Invariant: a refused file is refused while it still arrives, and nothing of it stays.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use contract::AccountId;
use http::{HeaderMap, StatusCode, header};
use http_server::auth::Member;
use http_server::{Binary, Effect, Json, Query};

use super::form;
use super::upload_params::{UploadParams, digest};
use super::{multipart, operation_codes, refuse, view};
use crate::Media;
use crate::error::Error;
use crate::ingest::{BodyReader, CommitRequest, Ingest, commit};
use crate::model::Item;
use crate::model::view::{MediaView, Viewer};

/// Sends a file.
///
/// The body is the file itself, with its parameters in the query; any `Content-Type` will do. The type of the file is
/// determined from its bytes alone. A file that must be refused is refused as early as possible. A `Repr-Digest` (or
/// `Content-Digest`) with `sha-256` is verified. The same bytes sent again make another item that shares their storage.
/// A form (`multipart/form-data`) is received here as well as at `/v1/media/form`, where its fields are described.
#[utoipa::path(
    post,
    path = "/v1/media",
    operation_id = "send_media",
    tag = "media",
    params(
        UploadParams,
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Sent again with the same key, the request does not store the file twice.",
            example = "2f1c6c0e-cat"
        ),
        (
            "Repr-Digest" = Option<String>,
            Header,
            description = "The SHA-256 of the file (RFC 9530). A file with another digest is refused.",
            example = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        )
    ),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses((
        status = 201,
        description = "The file is in the library; `Location` is the URL of the item.",
        body = MediaView,
        headers(("Location" = String, description = "The URL of the item."))
    )),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::send_media())))
)]
pub(super) async fn create(
    State(media): State<Media>,
    member: Member,
    Query(params): Query<UploadParams>,
    effect: Effect,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = BodyReader::new(&media, body);
    match receive(&media, AccountId(member.id()), &params, (&parts.headers, effect), &mut body).await {
        Ok(item) => created(&media, &item),
        Err(error) => refuse(&media, error, &body),
    }
}

/// Sends a file as a form.
///
/// The field `file` has the file; `name`, `tags`, `visibility`, `claim`, `description` and `alt` may come before or
/// after it. Otherwise this is as sending the file itself. The part of the file may have a `Repr-Digest` of its own.
#[utoipa::path(
    post,
    path = "/v1/media/form",
    operation_id = "send_media_form",
    tag = "media",
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Sent again with the same key, the request does not store the file twice.",
            example = "2f1c6c0e-cat"
        )
    ),
    request_body(content = FormBody, content_type = "multipart/form-data"),
    responses((
        status = 201,
        description = "The file is in the library; `Location` is the URL of the item.",
        body = MediaView,
        headers(("Location" = String, description = "The URL of the item."))
    )),
    security(("token" = [])),
    extensions(("x-codes" = json!(operation_codes::send_media())))
)]
pub(super) async fn create_from_form(
    state: State<Media>,
    member: Member,
    effect: Effect,
    request: Request,
) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.and_then(form::boundary).is_none() {
        let error = Error::Invalid("Send the file as a form, with `Content-Type: multipart/form-data`.".to_owned());
        return refuse(&state, error, &BodyReader::new(&state, request.into_body()));
    }
    create(state, member, Query(UploadParams::default()), effect, request).await
}

/// The fields of a form.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({"file": "(the bytes of cat.jpeg)", "name": "cat.jpeg", "tags": "wedding,sea"}))]
#[allow(dead_code, reason = "only its schema is used: the form is read as a stream")]
struct FormBody {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The name of the item, where it differs from that of the file.
    #[schema(nullable = false)]
    name: Option<String>,
    /// Tags, separated by commas. The field may occur several times.
    #[schema(nullable = false)]
    tags: Option<String>,
    /// `private`, `unlisted` or `public`.
    #[schema(nullable = false)]
    visibility: Option<String>,
    /// `now` or `later`.
    #[schema(nullable = false)]
    claim: Option<String>,
    /// What you tell about the item: at most 2,000 characters.
    #[schema(nullable = false)]
    description: Option<String>,
    /// What stands for the picture where it is not seen: at most 1,000 characters.
    #[schema(nullable = false)]
    alt: Option<String>,
}

fn created(media: &Media, item: &Item) -> Response {
    let location = [(header::LOCATION, format!("/v1/media/{}", item.id))];
    (StatusCode::CREATED, location, Json(view(media, item, &Viewer::Owner))).into_response()
}

async fn receive(
    media: &Media,
    owner: AccountId,
    params: &UploadParams,
    (headers, effect): (&HeaderMap, Effect),
    body: &mut BodyReader,
) -> Result<Item, Error> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Error::ContentEncoding);
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if let Some(boundary) = text(header::CONTENT_TYPE).and_then(form::boundary) {
        // On the heap, so that the future of the common case stays small.
        return Box::pin(multipart::receive(media, owner, params, (&boundary?, length, effect), body)).await;
    }
    let details = params.details()?;
    let digest = digest(headers)?;
    // One-time steps are on the heap while they last: thousands of uploads wait in the middle of this loop.
    let mut ingest = Box::pin(Ingest::begin(media, owner, length)).await?;
    loop {
        let pushed = match body.next().await {
            Ok(Some(chunk)) => ingest.push(chunk).await,
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if let Err(error) = pushed {
            Box::pin(ingest.discard()).await;
            return Err(error);
        }
    }
    Box::pin(commit(ingest, CommitRequest { owner, details, digest, upload: None, effect })).await
}

//! `POST /v1/media`: a whole file in one request, as the body itself or as a form.
//!
//! Invariant: a refused file is refused while it still arrives, and nothing of it stays.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use codec::digest::repr_digest;
use contract::AccountId;
use http::{HeaderMap, StatusCode, header};
use kit::auth::Member;
use kit::http::{Json, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::form::{self, FormFields};
use super::{multipart, refuse};
use crate::Media;
use crate::error::Error;
use crate::ingest::{BodyReader, CommitRequest, Ingest, commit};
use crate::model::view::{MediaView, Viewer};
use crate::model::{Item, ItemDetails};

/// Parameters of a file that is sent as the body.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadParams {
    /// The name of the file. Only the last part of a path is kept.
    name: Option<String>,
    /// Up to 20 tags, separated by commas.
    tags: Option<String>,
    /// `private` (the default), `unlisted` or `public`.
    visibility: Option<String>,
    /// `later`: the item is staged until it is claimed, and removed if that does not happen within a day.
    claim: Option<String>,
}

/// Sends a file.
///
/// The body is the file itself, with its parameters in the query. Or it is `multipart/form-data` with the field `file`
/// and, before or after it, `name`, `tags`, `visibility` and `claim`. The type of the file is determined from its bytes
/// alone. A file that must be refused is refused as early as possible. A `Repr-Digest` (or `Content-Digest`) with
/// `sha-256` is verified. The same bytes sent again make another item that shares their storage.
#[utoipa::path(
    post,
    path = "/v1/media", operation_id = "send_media",
    tag = "media",
    params(UploadParams, ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, the request does not store the file twice.")),
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (FormBody = "multipart/form-data")
    )),
    responses((status = 201, description = "The file is in the library; `Location` is the URL of the item.", body = MediaView)),
    security(("token" = []))
)]
pub(super) async fn create(
    State(media): State<Media>,
    member: Member,
    Query(params): Query<UploadParams>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = BodyReader::new(&media, body);
    match receive(&media, AccountId(member.id()), &params, &parts.headers, &mut body).await {
        Ok(item) => created(&media, &item),
        Err(error) => refuse(&media, error, &body),
    }
}

/// The fields of a form.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only its schema is used: the form is read as a stream")]
struct FormBody {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The name of the item, where it differs from that of the file.
    name: Option<String>,
    /// Tags, separated by commas. The field may occur several times.
    tags: Option<String>,
    /// `private`, `unlisted` or `public`.
    visibility: Option<String>,
    /// `now` or `later`.
    claim: Option<String>,
}

fn created(media: &Media, item: &Item) -> Response {
    let location = [(header::LOCATION, format!("/v1/media/{}", item.id))];
    (StatusCode::CREATED, location, Json(media.view(item, &Viewer::Owner))).into_response()
}

async fn receive(
    media: &Media,
    owner: AccountId,
    params: &UploadParams,
    headers: &HeaderMap,
    body: &mut BodyReader,
) -> Result<Item, Error> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Error::ContentEncoding);
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if let Some(boundary) = text(header::CONTENT_TYPE).and_then(form::boundary) {
        // On the heap, so that the future of the common case stays small.
        return Box::pin(multipart::receive(media, owner, params, &boundary?, length, body)).await;
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
    Box::pin(commit(ingest, CommitRequest { owner, details, digest, upload: None })).await
}

impl UploadParams {
    /// Returns the parameters as item details, normalized.
    fn details(&self) -> Result<ItemDetails, Error> {
        let tags: Vec<&str> = self.tags.as_deref().into_iter().collect();
        ItemDetails::parse(self.name.as_deref(), &tags, self.visibility.as_deref(), self.claim.as_deref())
            .map_err(Error::Invalid)
    }

    /// Returns the item details of these parameters and the fields of a form, which take precedence.
    pub(super) fn with_form(&self, form: &FormFields) -> Result<ItemDetails, Error> {
        let mut tags: Vec<&str> = self.tags.as_deref().into_iter().collect();
        tags.extend(form.tags.iter().map(String::as_str));
        let or = |form_value: &Option<String>, own: &Option<String>| form_value.clone().or_else(|| own.clone());
        let name = or(&form.name, &self.name).or_else(|| form.file_name.clone());
        ItemDetails::parse(
            name.as_deref(),
            &tags,
            or(&form.visibility, &self.visibility).as_deref(),
            or(&form.claim, &self.claim).as_deref(),
        )
        .map_err(Error::Invalid)
    }
}

/// Returns the SHA-256 that the client announced, if any.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Error> {
    for name in ["repr-digest", "content-digest"] {
        if let Some(value) = headers.get(name) {
            let found = value.to_str().ok().and_then(|text| repr_digest(text).ok()).ok_or(Error::BadDigest)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

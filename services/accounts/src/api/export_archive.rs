//! `/v1/me/exports/{id}/archive`: the bytes of an export, whole or in part.
//!
//! Invariant: they are sent to the member whose data they are and who has proven that recently, or under a signature
//! for that export that has not expired; another member gets the 404 of an export that does not exist.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use codec::filename::content_disposition;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_server::conditional::{if_match_fails, is_unchanged, requested_range};
use http_server::range::RangeRequest;
use http_server::{Binary, Path, Policy, Problem, Query, problem::every_role};
use serde::Deserialize;
use uuid::Uuid;

use super::authenticated::AuthenticatedOrSuspended;
use crate::error::Error;
use crate::model::Export;
use crate::queries;
use crate::state::Accounts;

/// The scope of the signatures of archives.
const SCOPE: &str = "accounts.export";
/// How long a URL works without a token.
const URL_TTL: TimeDelta = TimeDelta::hours(1);

/// Returns the signed URL of an archive, relative to the site. It expires with the archive or before.
pub(super) fn archive_url(accounts: &Accounts, export: &Export, now: DateTime<Utc>) -> String {
    let ends_at = export.expires_at.map_or(now + URL_TTL, |end| end.min(now + URL_TTL));
    let signature = accounts.context.url_signer.sign_until(SCOPE, &export.id.to_string(), ends_at);
    format!("/v1/me/exports/{}/archive?t={signature}", export.id)
}

/// How an archive is authorized without a token.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ArchiveParams {
    /// The signature of a signed URL. Without one, the access token decides.
    #[param(example = "t5yo00.mBq0v4c6nQ1T8yWkZr2e5A")]
    t: Option<String>,
}

/// The archive of an export (ZIP).
///
/// A download that broke off is resumed with `Range` and `If-Range`. The `url` of an export has a signature, so that it
/// works without a token, for an hour. With a token instead, each request needs a recent proof (`/v1/me/proof`), by a
/// second factor if the account has one.
#[utoipa::path(
    get,
    path = "/v1/me/exports/{id}/archive",
    operation_id = "get_export_archive",
    tag = "accounts",
    security((), ("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the export",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15",
        ),
        ArchiveParams,
        (
            "Range" = Option<String>,
            Header,
            description = "One range of bytes; the response is then 206",
            example = "bytes=0-1048575",
        ),
        (
            "If-Range" = Option<String>,
            Header,
            description = "The `ETag` that the client has: another archive is sent whole",
            example = "\"0198b2a46f0e7c3d9a512f6d8e4b7c15\"",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The archive",
            body = inline(Binary),
            content_type = "application/zip",
            headers(("ETag" = String, description = "Distinguishes this archive from all others")),
        ),
        (
            status = 206,
            description = "The requested range",
            body = inline(Binary),
            content_type = "application/zip",
            headers(("Content-Range" = String, description = "The range, and the size of the archive in bytes")),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.export_not_found",
            "auth.proof_required",
            "auth.required",
            "request.precondition_failed",
            "request.range_not_satisfiable",
        ])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn download(
    State(accounts): State<Accounts>,
    Path(id): Path<String>,
    Query(params): Query<ArchiveParams>,
    authenticated: Option<AuthenticatedOrSuspended>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let export = authorize(&accounts, &id, params.t.as_deref(), authenticated).await?;
    respond(&accounts, &export, &method, &headers).await
}

/// Returns the export, if the caller may have its archive.
async fn authorize(
    accounts: &Accounts,
    id: &str,
    signature: Option<&str>,
    authenticated: Option<AuthenticatedOrSuspended>,
) -> Result<Export, Error> {
    let (signer, now) = (&accounts.context.url_signer, accounts.context.clock.now());
    match (signature, authenticated) {
        (Some(signature), _) => {
            let id: Uuid = id.parse().map_err(|_| Error::NoSuchExport)?;
            if signer.is_valid(signature, SCOPE, &id.to_string(), now) {
                queries::signed_export(accounts, id).await
            } else {
                Err(Error::NoSuchExport)
            }
        }
        (None, Some(AuthenticatedOrSuspended(current))) => queries::export_of(accounts, &current, id).await,
        (None, None) => Err(Problem::of(
            every_role::AUTH_REQUIRED,
            "Sign in first: this needs an access token in the Authorization header, or the signature of a signed URL.",
        )
        .into()),
    }
}

async fn respond(
    accounts: &Accounts,
    export: &Export,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, Error> {
    let (key, bytes) = export.archive_at(accounts.context.clock.now()).ok_or(Error::NoSuchExport)?;
    // An export has one archive, which never changes.
    let etag = format!("\"{}\"", export.id.simple());
    if if_match_fails(request, &etag) {
        return Err(Error::PreconditionFailed);
    }
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::ETAG, header_value(&etag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Policy::Media.fill(headers);
    if is_unchanged(request, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let name = format!("tutti-export-{}.zip", export.created_at.date_naive());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, header_value(&content_disposition(true, &name)));
    let range = match requested_range(method, request, &etag, bytes) {
        RangeRequest::Whole => 0..bytes,
        RangeRequest::Unsatisfiable => return Err(Error::RangeNotSatisfiable(bytes)),
        RangeRequest::Partial(range) => {
            let value = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, header_value(&value));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            range
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if method != Method::HEAD {
        *response.body_mut() = Body::from_stream(accounts.context.objects.read(key, range).await?);
    }
    Ok(response)
}

/// Returns a header value. The values are plain ASCII; anything else becomes an empty header rather than a wrong one.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

//! Several files as one archive: a URL that a browser can open without a token, and the archive at that URL.
//!
//! Invariant: every item of an archive is authorized before its first byte is sent, and one that the caller may not see
//! refuses all of it, as if it did not exist.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use codec::filename::content_disposition;
use codec::zip::{ZipEntry, ZipWriter};
use contract::MediaId;
use http::{HeaderMap, HeaderValue, Method, header};
use http_server::auth::Member;
use http_server::{Binary, Json, Policy, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{DOWNLOAD_SCOPE, DownloadFile, authorize_download, with_own_originals};
use crate::archive::{ArchiveFile, archive_body};
use crate::error::Error;
use crate::model::download::unique_names;
use crate::model::{Client, DownloadList};
use crate::state::Delivery;

/// How long a URL can be opened, at least.
const URL_TTL: TimeDelta = TimeDelta::hours(1);

/// The items to download.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["5kT0vYq8Zb3mXw1RcHs9Ga"]}))]
pub(super) struct DownloadBody {
    /// The items, at most 300.
    ids: Vec<MediaId>,
}

/// An archive that can be downloaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "url": "/v1/media/zip?originals=5kT0vYq8Zb3mXw1RcHs9Ga&t=t5yo00.mBq0v4c6nQ1T8yWkZr2e5A",
    "bytes": 2_411_892,
}))]
pub(super) struct Download {
    /// The URL of the archive, relative to the site. A browser can open it without a token, for an hour at least.
    url: String,
    /// The size of the archive in bytes.
    bytes: u64,
}

/// The files of an archive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ZipParams {
    /// Items whose file is downloaded without its metadata, as at `/v1/files`. Separated by commas.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    ids: Option<String>,
    /// Items whose unchanged original is downloaded, as at `/v1/media/{id}/original`. Separated by commas.
    #[param(example = "8mB2xLd0Qf7nVt4KjRp6Yc")]
    originals: Option<String>,
    /// The signature of a signed URL. Without one, the access token decides.
    #[param(example = "t5yo00.mBq0v4c6nQ1T8yWkZr2e5A")]
    t: Option<String>,
}

/// Makes a URL from which a browser downloads several items as one archive.
///
/// Your own items are in it as unchanged originals, those of others as at `/v1/files`. One item that you may not see
/// refuses all of them.
#[utoipa::path(
    post,
    path = "/v1/media/downloads",
    operation_id = "create_download",
    tag = "delivery",
    request_body = DownloadBody,
    responses((status = 200, description = "The URL of the archive.", body = Download)),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.withheld",
        "delivery.too_many_downloads",
        "request.invalid",
    ]))),
)]
pub(super) async fn create_download(
    State(delivery): State<Delivery>,
    member: Option<Member>,
    client: Client,
    Json(body): Json<DownloadBody>,
) -> Result<Response, Error> {
    // Reading hundreds of items is bounded as archives are.
    let _permit = delivery.archive_permits.acquire(client)?;
    let list = with_own_originals(&delivery, body.ids, member.as_ref()).await?;
    let files = archive_files(authorize_download(&delivery, &list, None, member.as_ref()).await?);
    let (query, now) = (list.query(), delivery.context.clock.now());
    let signature = delivery.context.url_signer.sign(DOWNLOAD_SCOPE, &query, now, URL_TTL);
    let url = format!("/v1/media/zip?{query}&t={signature}");
    let download = Download { url, bytes: ZipWriter::length(files.iter().map(|file| &file.entry)) };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(download)).into_response())
}

/// Several files as one archive (ZIP).
///
/// Written while it is sent: files are stored as they are, its length is known, and ranges are not supported. An
/// archive that ends before that length is broken: download it again. A URL that a browser can open is made by
/// `POST /v1/media/downloads`. At most 300 items.
#[utoipa::path(
    get,
    path = "/v1/media/zip",
    operation_id = "get_zip",
    tag = "delivery",
    params(ZipParams),
    responses((status = 200, description = "The archive", body = inline(Binary), content_type = "application/zip")),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "auth.required",
        "auth.not_owner",
        "delivery.withheld",
        "delivery.too_many_downloads",
        "request.invalid",
    ]))),
)]
pub(super) async fn zip(
    State(delivery): State<Delivery>,
    Query(params): Query<ZipParams>,
    member: Option<Member>,
    client: Client,
    method: Method,
) -> Result<Response, Error> {
    let list = params.list().map_err(Error::BadQuery)?;
    let permit = delivery.archive_permits.acquire(client)?;
    let files = authorize_download(&delivery, &list, params.t.as_deref(), member.as_ref()).await?;
    let (files, today) = (archive_files(files), delivery.context.clock.now().date_naive());
    let mut response = Response::new(Body::empty());
    let bytes = ZipWriter::length(files.iter().map(|file| &file.entry));
    set_headers(response.headers_mut(), bytes, &format!("tutti-{today}.zip"));
    if method != Method::HEAD {
        *response.body_mut() = archive_body(delivery.clone(), files, permit).await?;
    }
    Ok(response)
}

impl ZipParams {
    fn list(&self) -> Result<DownloadList, &'static str> {
        let (originals, ids) = (self.originals.as_deref(), self.ids.as_deref());
        DownloadList::parse(originals.unwrap_or_default(), ids.unwrap_or_default())
    }
}

/// Returns the files as the archive has them, each with a name of its own.
fn archive_files(files: Vec<DownloadFile>) -> Vec<ArchiveFile> {
    let names = unique_names(files.iter().map(|file| file.item.file_name()));
    let file = |(DownloadFile { item, is_original }, name): (DownloadFile, String)| ArchiveFile {
        entry: ZipEntry { name, bytes: item.bytes, modified_at: item.created_at },
        id: item.id.clone(),
        object: item.object.clone(),
        has_overlays: !is_original && item.scrub.as_ref().is_some_and(|patches| !patches.is_empty()),
    };
    files.into_iter().zip(names).map(file).collect()
}

fn set_headers(headers: &mut HeaderMap, bytes: u64, name: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    // The URL has a signature, and the archive may have private items.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(value) = HeaderValue::from_str(&content_disposition(true, name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Policy::Media.fill(headers);
}

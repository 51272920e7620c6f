//! `/v1/me/export` and `/v1/me/exports`: everything that is kept about a member, as an archive.
//!
//! Does not own the bytes ([`super::export_archive`]). Invariant: a member sees their own exports only, and a URL of an
//! archive is in no response without a recent proof ([`queries::export_of`]).

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http_server::{Json, List, Path};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authenticated::AuthenticatedOrSuspended;
use super::export_archive::archive_url;
use super::views::NO_STORE;
use crate::commands;
use crate::error::Error;
use crate::model::{CurrentSession, Export, ExportState, MAX_SHOWN_EXPORTS};
use crate::queries;
use crate::state::Accounts;

/// What a member reads of an export that has failed.
const FAILED: &str = "The archive could not be built. Ask for a new one.";

/// An export of a member's data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15",
    "state": "ready",
    "created_at": "2026-05-17T09:30:00Z",
    "ready_at": "2026-05-17T09:31:12Z",
    "expires_at": "2026-05-24T09:31:12Z",
    "bytes": 48_211_902,
    "missing_count": 0,
    "url": "/v1/me/exports/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15/archive?t=t5yo00.mBq0v4c6nQ1T8yWkZr2e5A",
    "error": null,
}))]
pub(super) struct ExportView {
    id: Uuid,
    /// How far it is.
    state: ExportState,
    created_at: DateTime<Utc>,
    /// When the archive was ready.
    #[schema(required)]
    ready_at: Option<DateTime<Utc>>,
    /// When the archive is removed, if no newer one is ready before.
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// The size of the archive in bytes, while it can be downloaded.
    #[schema(required)]
    bytes: Option<u64>,
    /// How many of your files could not be put into the archive, while it can be downloaded: `missing.json` in it lists
    /// them. `null` for an archive that was built before this was counted.
    #[schema(required)]
    missing_count: Option<u64>,
    /// The URL of the archive, relative to the site, while it can be downloaded. Only `GET /v1/me/exports/{id}` has it.
    /// It works without a token for an hour, so that a browser's download manager can resume it; read that view again
    /// for a new one. A suspended member has none, and downloads `/v1/me/exports/{id}/archive` with the token.
    #[schema(required)]
    url: Option<String>,
    /// Why there is no archive, as a sentence.
    #[schema(required)]
    error: Option<String>,
}

impl ExportView {
    /// Returns the view without a URL.
    fn new(accounts: &Accounts, export: &Export) -> Self {
        let now = accounts.context.clock.now();
        let (state, archive) = (export.state_at(now), export.archive_at(now));
        Self {
            id: export.id,
            state,
            created_at: export.created_at,
            ready_at: export.ready_at,
            expires_at: export.expires_at,
            bytes: archive.map(|(_, bytes)| bytes),
            missing_count: archive.and(export.missing_count),
            url: None,
            error: (state == ExportState::Failed).then(|| FAILED.to_owned()),
        }
    }

    /// Returns the view with the URL of the archive, if it can be downloaded. A suspended member downloads it with the
    /// token: no signature counts for them.
    fn with_url(accounts: &Accounts, current: &CurrentSession, export: &Export) -> Self {
        let now = accounts.context.clock.now();
        let is_usable = !current.account.standing.is_denied(now);
        let url = export.archive_at(now).filter(|_| is_usable).map(|_| archive_url(accounts, export, now));
        Self { url, ..Self::new(accounts, export) }
    }
}

/// Asks for an archive of everything that is kept about you, your originals included.
///
/// It is built in the background, which may take minutes, and a mail tells when it is ready. It can be downloaded for
/// seven days, or until a newer one is ready. While one is being built, this returns that one; at most three are made
/// in a day. Needs a recent proof (`/v1/me/proof`), by a second factor if the account has one.
#[utoipa::path(
    post,
    path = "/v1/me/export",
    operation_id = "request_export",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "The export that is being built",
            body = ExportView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.too_many_exports",
            "auth.proof_required",
        ])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn request(
    State(accounts): State<Accounts>,
    AuthenticatedOrSuspended(current): AuthenticatedOrSuspended,
) -> Result<impl IntoResponse, Error> {
    let export = commands::request_export(&accounts, &current).await?;
    Ok((StatusCode::ACCEPTED, NO_STORE, Json(ExportView::new(&accounts, &export))))
}

/// Lists the exports of the last 30 days, newest first.
///
/// There are at most ten, all on one page. None has a `url`: read the export itself for it.
#[utoipa::path(
    get,
    path = "/v1/me/exports",
    operation_id = "list_exports",
    tag = "accounts",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The exports",
            body = List<ExportView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    AuthenticatedOrSuspended(current): AuthenticatedOrSuspended,
) -> Result<impl IntoResponse, Error> {
    let exports = queries::newest_exports(&accounts, &current, MAX_SHOWN_EXPORTS).await?;
    let items = exports.iter().map(|export| ExportView::new(&accounts, export)).collect();
    Ok((NO_STORE, Json(List { items, next: None })))
}

/// Returns an export, with the URL of its archive once that is ready.
///
/// While it is being built, ask again every few seconds; a mail says when it is ready. With an archive that can be
/// downloaded this needs a recent proof (`/v1/me/proof`), by a second factor if the account has one: an access token
/// alone does not open everything that is kept about a member. The list tells the states without one.
#[utoipa::path(
    get,
    path = "/v1/me/exports/{id}",
    operation_id = "get_export",
    tag = "accounts",
    security(("token" = [])),
    params(
        (
            "id" = Uuid,
            Path,
            description = "The id of the export",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c15",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The export",
            body = ExportView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "accounts.export_not_found",
            "auth.proof_required",
        ])),
        ("x-suspended" = json!(true)),
    ),
)]
pub(super) async fn show(
    State(accounts): State<Accounts>,
    AuthenticatedOrSuspended(current): AuthenticatedOrSuspended,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let export = queries::export_of(&accounts, &current, &id).await?;
    Ok((NO_STORE, Json(ExportView::with_url(&accounts, &current, &export))))
}

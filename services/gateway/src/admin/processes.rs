//! `GET /v1/admin/processes`: how every process of the fleet is doing.
//!
//! Does not own the checks, which each process runs itself. Invariant: a process that does not answer is in the list.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use axum::extract::State;
use chrono::{DateTime, Utc};
use http_server::operators::{Operator, Viewer};
use http_server::{Json, List, Page, Query};
use serde::Serialize;
use service::Context;
use service::process::{Check, FindStatus, Load, ProcessStatus};
use utoipa::ToSchema;

use super::fleet::{Asked, ask_all};
use super::paging::{Cursors, page_by};

/// A process of the fleet.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Process, example = json!({
    "id": "3hW9dKx0Qp7LmT2vBnYc4R",
    "roles": ["media"],
    "version": "0.1.0",
    "started_at": "2026-05-17T09:30:00Z",
    "address": "10.0.0.7:8080",
    "ready": true,
    "checks": [{ "name": "database media", "ok": true, "detail": null, "required": true }],
    "load": { "connections": 12, "memory_bytes": 104_857_600 },
    "unreachable": false,
}))]
pub(super) struct ProcessView {
    /// Its id, new with each start; `null` if it is unreachable.
    #[schema(required)]
    id: Option<String>,
    /// The roles that it runs; of one that is unreachable, those that `[peers]` names it for.
    roles: Vec<String>,
    /// The release.
    #[schema(required)]
    version: Option<String>,
    /// When it started.
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    /// The address of its listener, as this process knows it.
    address: String,
    /// Whether it can serve: all required checks are passed.
    ready: bool,
    /// What it depends on, and whether that responds.
    checks: Vec<Check>,
    /// How busy it is.
    #[schema(required)]
    load: Option<Load>,
    /// Whether it did not answer within two seconds.
    unreachable: bool,
}

impl From<Asked<ProcessStatus>> for ProcessView {
    fn from(asked: Asked<ProcessStatus>) -> Self {
        let Asked { address, roles, answer } = asked;
        let address = address.to_string();
        match answer {
            Some(ProcessStatus { id, roles, version, started_at, ready, checks, load }) => Self {
                id: Some(id),
                roles,
                version: Some(version),
                started_at: Some(started_at),
                address,
                ready,
                checks,
                load: Some(load),
                unreachable: false,
            },
            None => Self {
                id: None,
                roles,
                version: None,
                started_at: None,
                address,
                ready: false,
                checks: Vec::new(),
                load: None,
                unreachable: true,
            },
        }
    }
}

/// Lists the processes of the fleet, with what they depend on.
///
/// The process that answers asks each one that its `[peers]` name, two seconds at most. One that does not answer is
/// `unreachable`.
#[utoipa::path(
    get,
    path = "/v1/admin/processes",
    operation_id = "list_processes",
    tag = "operators",
    params(Page),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of processes, by address",
            body = List<ProcessView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("viewer")),
    ),
)]
pub(super) async fn list_processes(
    _: Operator<Viewer>,
    State(context): State<Context>,
    Query(page): Query<Page>,
) -> Json<List<ProcessView>> {
    let asked = ask_all(&context, &FindStatus {}, |status| &status.id).await;
    let views = asked.into_iter().map(ProcessView::from).collect();
    let by_address: Cursors<ProcessView> =
        |process| format!("{} {}", process.address, process.id.as_deref().unwrap_or_default());
    Json(page_by(views, by_address, page.after.as_deref(), page.size()))
}

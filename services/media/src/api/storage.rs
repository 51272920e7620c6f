//! How much a member stores, and how much they may.
//!
//! Invariant: a member reads their own numbers, which are those that the quota compares.

use axum::extract::State;
use contract::AccountId;
use http_server::Json;
use http_server::auth::Member;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Media;
use crate::error::Error;
use crate::store::{uploads, usage};

/// What a member stores.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Storage, example = json!({
    "used_bytes": 734_003_200,
    "max_bytes": 214_748_364_800_u64,
    "items": 181,
    "max_items": 100_000,
}))]
pub(super) struct StorageView {
    /// The bytes of your files as they came, with captions, and with what open uploads have announced.
    used_bytes: u64,
    /// The bytes that you may store.
    max_bytes: u64,
    /// The items, with one for each open upload.
    items: u64,
    /// The items that you may store.
    max_items: u64,
}

/// Reads how much you store, and how much you may.
///
/// What is in the trash counts until it is removed for good.
#[utoipa::path(
    get,
    path = "/v1/storage",
    operation_id = "get_storage",
    tag = "media",
    responses((status = 200, description = "Your storage.", body = StorageView)),
    security(("token" = [])),
    extensions(("x-codes" = json!([])))
)]
pub(super) async fn show(State(media): State<Media>, member: Member) -> Result<Json<StorageView>, Error> {
    let (sql, owner, limits) = (media.context.db.read(), AccountId(member.id()), media.quota.limits());
    let used = usage::find(sql, owner).await?;
    let open = uploads::sum_open(sql, owner, None).await?;
    let (bytes, items) = used.map_or((0, 0), |used| (used.bytes, used.items));
    Ok(Json(StorageView {
        used_bytes: bytes.saturating_add(open.bytes),
        max_bytes: limits.bytes,
        items: items.saturating_add(open.uploads),
        max_items: limits.items,
    }))
}

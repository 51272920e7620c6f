//! Restoring items from the trash. They are listed, read and removed where other items are: [`super::items`].
//!
//! Invariant: only the owner of an item learns that it is in the trash.

use axum::extract::State;
use contract::{AccountId, MediaId};
use http_server::auth::Member;
use http_server::{Json, Path};

use super::view;
use crate::error::Error;
use crate::model::view::{MediaView, Viewer};
use crate::{Media, commands};

/// Restores an item from the trash, with everything made from it.
///
/// An item that is not there stays as it is. While the account is limited, what it restores is private.
#[utoipa::path(
    post,
    path = "/v1/media/{id}/restore",
    operation_id = "restore_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    responses((status = 200, description = "The item as it is now.", body = MediaView)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found"])))
)]
pub(super) async fn restore(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
) -> Result<Json<MediaView>, Error> {
    let item = commands::restore_item(&media, &id, AccountId(member.id())).await?;
    Ok(Json(view(&media, &item, &Viewer::Owner)))
}

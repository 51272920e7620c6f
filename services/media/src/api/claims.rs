//! `POST /v1/media/claims`: files that were staged while a person filled in a form become part of what the form
//! creates.
//!
//! Invariant: all files of a claim are claimed or none.

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::{AccountId, MediaId};
use http_server::auth::Member;
use http_server::{Json, Repeatable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view;
use crate::error::Error;
use crate::model::claim::Claim;
use crate::model::view::{MediaView, Viewer};
use crate::{Media, commands};

/// The items to claim, and the subject to claim them for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["5kT0vYq8Zb3mXw1RcHs9Ga"], "subject": "post:0198f3", "tags": ["wedding"]}))]
pub(super) struct ClaimBody {
    /// The items, at most 100.
    ids: Vec<MediaId>,
    /// The subject that they are claimed for, such as `post:0198…`. The app chooses it.
    #[schema(example = "post:0198f3")]
    subject: String,
    /// Tags to add to each.
    #[serde(default)]
    tags: Vec<String>,
}

/// The claimed items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"items": [crate::model::view::example()]}))]
pub(super) struct Claimed {
    /// In the order of the request.
    items: Vec<MediaView>,
}

/// Claims staged items, all or none. Sent again for the same subject, the request changes nothing more.
///
/// Items that were sent with `claim=later` are staged: they are not in the library, and are removed after a day. A
/// claim brings them into it. The subject is what they belong to, such as a post of your app; lists can be filtered by
/// it. What was staged can be claimed for `account:avatar` and is then in no library; a photo of the library becomes an
/// avatar without a claim.
#[utoipa::path(
    post,
    path = "/v1/media/claims",
    operation_id = "claim_media",
    tag = "media",
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A second request with the same key is done once.",
            example = "2f1c6c0e-claim"
        )
    ),
    request_body = ClaimBody,
    responses((status = 200, description = "They are in the library.", body = Claimed)),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!([
            "media.account_limited",
            "media.not_found",
            "media.already_claimed",
            "request.invalid",
            "request.bad_idempotency_key",
            "request.in_progress",
            "request.idempotency_key_reused"
        ]))
    )
)]
pub(super) async fn claim(
    State(media): State<Media>,
    member: Member,
    Json(body): Json<ClaimBody>,
) -> Result<impl IntoResponse, Error> {
    let claim = Claim::parse(body.ids, &body.subject, &body.tags).map_err(Error::Invalid)?;
    let items = commands::claim_items(&media, AccountId(member.id()), claim).await?;
    let claimed = Claimed { items: items.iter().map(|item| view(&media, item, &Viewer::Owner)).collect() };
    // Repeating a claim changes nothing, so the response need not be stored for the idempotency key, however long it
    // is.
    Ok((Extension(Repeatable), Json(claimed)))
}

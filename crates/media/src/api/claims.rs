//! `POST /v1/media/claims`: files that were staged while a person filled in a form become part of what the form
//! creates.
//!
//! Invariant: all files of a claim are claimed or none.

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::{AccountId, MediaId};
use kit::auth::Member;
use kit::http::{Json, Repeatable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Media;
use crate::error::Error;
use crate::model::view::{MediaView, Viewer};
use crate::model::{Item, tags};
use crate::store;

/// The largest number of items in one claim.
const MAX_ITEMS: usize = 100;
/// The longest subject, in characters.
const MAX_SUBJECT_CHARS: usize = 120;

/// The items to claim, and the subject to claim them for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
pub(super) struct Claimed {
    /// In the order of the request.
    items: Vec<MediaView>,
}

/// Claims staged items, all or none. Sent again for the same subject, the request changes nothing more.
#[utoipa::path(post, path = "/v1/media/claims", operation_id = "claim_media", tag = "media", request_body = ClaimBody, responses((status = 200, description = "They are in the library.", body = Claimed)), security(("token" = [])))]
pub(super) async fn claim(
    State(media): State<Media>,
    member: Member,
    Json(body): Json<ClaimBody>,
) -> Result<impl IntoResponse, Error> {
    let items = media.claim(AccountId(member.id()), body).await?;
    let claimed = Claimed { items: items.iter().map(|item| media.view(item, &Viewer::Owner)).collect() };
    // Repeating a claim changes nothing, so the response need not be stored for the idempotency key, however long it
    // is.
    Ok((Extension(Repeatable), Json(claimed)))
}

impl Media {
    async fn claim(&self, owner: AccountId, body: ClaimBody) -> Result<Vec<Item>, Error> {
        let subject = body.subject.trim().to_owned();
        if subject.is_empty() || subject.chars().count() > MAX_SUBJECT_CHARS || subject.chars().any(char::is_control) {
            return Err(Error::Invalid(format!("`subject` has 1 to {MAX_SUBJECT_CHARS} characters.")));
        }
        let mut ids = Vec::new();
        for id in body.ids {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() || ids.len() > MAX_ITEMS {
            return Err(Error::Invalid(format!("`ids` names 1 to {MAX_ITEMS} items.")));
        }
        let added =
            tags::normalize(&body.tags.iter().map(String::as_str).collect::<Vec<_>>()).map_err(Error::Invalid)?;
        let now = self.context.clock.now();
        let items = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let found = store::items::list_owned(tx, owner, &ids).await?;
                    let mut claimed = Vec::with_capacity(ids.len());
                    for id in &ids {
                        let item =
                            found.iter().find(|item| item.id == *id).ok_or_else(|| Error::NotOwned(id.to_string()))?;
                        if item.subject.as_ref().is_some_and(|other| *other != subject) {
                            return Err(Error::AlreadyClaimed(id.to_string()));
                        }
                        let all = tags::merge(&item.tags, &added).map_err(Error::Invalid)?;
                        if item.claimed && item.subject.is_some() && all == item.tags {
                            claimed.push(item.clone());
                            continue;
                        }
                        let item =
                            store::items::set_claimed(tx, item, &subject, &all, now).await?.ok_or(Error::NotFound)?;
                        tx.publish(&item.changed(), now)?;
                        claimed.push(item);
                    }
                    Ok::<_, Error>(claimed)
                })
            })
            .await?;
        for item in &items {
            self.notify(&item.id);
        }
        Ok(items)
    }
}

//! `/v1/admin/media`: what operators see of items, what they do when a conversion has failed, and how they mark
//! pictures.
//!
//! Invariant: every handler takes an [`Operator`], and one that changes something records an act in the same
//! transaction. No response has a URL of a file that is not public.

use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use contract::accounts::FindAccounts;
use contract::transcode::{Conversion, FindConversion};
use contract::{AccountId, MediaId};
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_server::operators::{Moderator, Operator, require_reason};
use http_server::{Json, List, Page, Path, Problem, Query};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::error::Error;
use crate::model::cursor::{Cursor, Order};
use crate::model::operator_view::{OperatorFilter, OperatorMediaDetailView, OperatorMediaView};
use crate::model::{Item, State as ItemState};
use crate::{Media, commands, store};

const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// The query of a page of items.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OperatorListParams {
    /// Only items of this member: a handle or an account's id. Without it, `state` must be `failed`.
    #[param(example = "ada")]
    owner: Option<String>,
    /// Only items in this state.
    #[param(example = "failed")]
    state: Option<ItemState>,
    /// The number of items, 1–100; 50 by default.
    #[param(example = 50)]
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Lists the items of a member in every state, also those in the trash; or the items of all members that failed.
///
/// The newest are first. The poster of an item is shown only if everyone may see it.
#[utoipa::path(
    get,
    path = "/v1/admin/media",
    operation_id = "list_media_of_member",
    tag = "operators",
    params(OperatorListParams),
    security(("token" = [])),
    responses((status = 200, description = "A page of items.", body = List<OperatorMediaView>)),
    extensions(
        ("x-codes" = json!(["422 request.invalid", "media.no_such_member"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Moderator>,
    State(media): State<Media>,
    Query(params): Query<OperatorListParams>,
) -> Result<impl IntoResponse, Error> {
    let OperatorListParams { owner, state, limit, after } = params;
    let after = after.as_deref().map(parse_cursor).transpose()?;
    let filter = match (owner, state) {
        (Some(owner), state) => OperatorFilter::Member(find_member(&media, &owner).await?, state),
        (None, Some(ItemState::Failed)) => OperatorFilter::Failed,
        (None, _) => {
            return Err(Error::Invalid("Send `owner`, or `state=failed` for those of all members.".to_owned()));
        }
    };
    let (sql, size) = (media.context.db.read(), Page { limit, after: None }.size());
    let page = store::operator_items::list(sql, filter, after.as_ref(), size).await?;
    let ids: Vec<&MediaId> = page.items.iter().map(|item| &item.id).collect();
    let retries = store::operator_items::find_retries(sql, &ids).await?;
    let retries_of = |item: &Item| retries.get(item.id.as_str()).copied().unwrap_or_default();
    let items: Vec<OperatorMediaView> = page.items.iter().map(|item| view(&media, item, retries_of(item))).collect();
    Ok((NO_STORE, Json(List { items, next: page.next.map(|next| next.text()) })))
}

/// Returns an item with what is known of its conversion.
///
/// The tasks and renditions are those of this moment; `null` if transcode does not respond or does not know the item.
#[utoipa::path(
    get,
    path = "/v1/admin/media/{id}",
    operation_id = "show_media_to_operator",
    tag = "operators",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    security(("token" = [])),
    responses((status = 200, description = "The item.", body = OperatorMediaDetailView)),
    extensions(
        ("x-codes" = json!(["media.not_found"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn show(
    _: Operator<Moderator>,
    State(media): State<Media>,
    Path(id): Path<MediaId>,
) -> Result<impl IntoResponse, Error> {
    let sql = media.context.db.read();
    let item = store::items::find(sql, &id).await?.ok_or(Error::NotFound)?;
    let retries = store::operator_items::find_retries(sql, &[&id]).await?;
    let retries = retries.get(id.as_str()).copied().unwrap_or_default();
    let conversion = media.context.peers.ask(&FindConversion(id.clone())).await.unwrap_or_else(|error| {
        tracing::debug!(media.id = %id, %error, "transcode did not respond");
        None
    });
    let (tasks, renditions) = conversion.map(|Conversion { tasks, renditions }| (tasks, renditions)).unzip();
    let view = OperatorMediaDetailView { media: view(&media, &item, retries), tasks, renditions };
    Ok((NO_STORE, Json(view)))
}

/// Why a conversion is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The disk of the converter was full; it is not any more." }))]
pub(super) struct RetryMedia {
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Has the conversion of an item that failed go on where it stopped.
///
/// What was made of it stays. A file that can't be converted fails again. Those may do it who see members' items. The
/// act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/media/{id}/retry",
    operation_id = "retry_media",
    tag = "operators",
    request_body = RetryMedia,
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    security(("token" = [])),
    responses((status = 202, description = "It goes on soon.", body = OperatorMediaView)),
    extensions(
        ("x-codes" = json!(["media.not_failed", "media.not_found"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn retry(
    operator: Operator<Moderator>,
    State(media): State<Media>,
    Path(id): Path<MediaId>,
    Json(body): Json<RetryMedia>,
) -> Result<impl IntoResponse, Error> {
    let reason = require_reason(&body.reason)?;
    let (item, retries) = commands::retry_conversion(&media, &id, operator.actor, reason).await?;
    Ok((StatusCode::ACCEPTED, NO_STORE, Json(view(&media, &item, retries))))
}

/// Whether the picture of an item is sensitive, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "sensitive": false, "reason": "A statue in a museum." }))]
pub(super) struct MarkMedia {
    /// `true`: it stays blurred for all but its owner until they open it; `false`: it is shown; null: the classifier
    /// and the owner decide again.
    #[schema(required)]
    sensitive: Option<bool>,
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Marks the picture of an item as sensitive, or as not.
///
/// It counts whatever a classifier has scored, or scores later, and whatever the owner says; also for verdicts about
/// messages that are sent from now on. The act is recorded in the audit trail.
#[utoipa::path(
    put,
    path = "/v1/admin/media/{id}/sensitivity",
    operation_id = "mark_media",
    tag = "operators",
    request_body = MarkMedia,
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    security(("token" = [])),
    responses((status = 200, description = "The item as it is now.", body = OperatorMediaView)),
    extensions(
        ("x-codes" = json!(["media.not_found"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn mark(
    operator: Operator<Moderator>,
    State(media): State<Media>,
    Path(id): Path<MediaId>,
    Json(body): Json<MarkMedia>,
) -> Result<impl IntoResponse, Error> {
    let reason = require_reason(&body.reason)?;
    let marked = commands::set_moderator_mark(&media, &id, body.sensitive, operator.actor, reason).await?;
    let (item, retries) = marked;
    Ok((NO_STORE, Json(view(&media, &item, retries))))
}

fn view(media: &Media, item: &Item, retries: u32) -> OperatorMediaView {
    item.operator_view(retries, |path| media.context.mail.site_url(path))
}

fn parse_cursor(text: &str) -> Result<Cursor, Error> {
    let refused = || Error::Invalid("`after` must be the `next` of another page.".to_owned());
    Cursor::parse(text).filter(|cursor| cursor.order == Order::Added).ok_or_else(refused)
}

/// Returns the member with this id, or with this handle, for which accounts is asked.
async fn find_member(media: &Media, name: &str) -> Result<AccountId, Error> {
    if let Ok(id) = Uuid::parse_str(name) {
        return Ok(AccountId(id));
    }
    let handle = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let found = media.context.peers.ask(&FindAccounts(vec![handle])).await.map_err(|error| {
        tracing::warn!(%error, "the account with a handle can't be found");
        let sentence = "Accounts does not respond right now. Try again shortly, or send the account's id.";
        Problem::unavailable(sentence, Duration::from_secs(2))
    })?;
    // A name with a comma is several names there, none of which is this one.
    let mut profiles = found.into_iter().flatten().map(|account| account.profile);
    let member = profiles.find(|profile| profile.handle.eq_ignore_ascii_case(name));
    member.map(|profile| profile.account).ok_or(Error::NoSuchMember)
}

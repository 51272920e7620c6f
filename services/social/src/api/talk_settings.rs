//! `/v1/me/talk`: what the caller wants of comments on their posts.
//!
//! Invariant: nobody but the caller sees it.

use axum::extract::State;
use contract::social::talk_views::TalkSettingsView;
use http_server::Json;
use http_server::auth::Member;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::commands;
use crate::error::Error;
use crate::known_people::caller;
use crate::model::WatchedWords;
use crate::state::Social;
use crate::store::talk_settings::{self, TalkSettings};

/// What the caller wants of comments. All of it is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approval": false, "watched_words": ["spoiler", "buy now"]}))]
pub(super) struct TalkSettingsBody {
    /// Whether every comment of others waits for approval.
    #[serde(default)]
    approval: bool,
    /// Up to 200 words or phrases of at most 60 characters. A comment with one of them waits for approval. Case does
    /// not matter.
    #[serde(default)]
    #[schema(max_items = 200)]
    watched_words: Vec<String>,
}

fn view(settings: TalkSettings) -> Json<TalkSettingsView> {
    let TalkSettings { approval, watched_words } = settings;
    Json(TalkSettingsView { approval, watched_words: watched_words.into_words() })
}

/// Returns what the caller wants of comments on their posts.
///
/// Without settings, no comment waits.
#[utoipa::path(
    get,
    path = "/v1/me/talk",
    operation_id = "show_talk_settings",
    tag = "posts",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The settings",
            body = TalkSettingsView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person"])),
    ),
)]
pub(super) async fn show(State(social): State<Social>, member: Member) -> Result<Json<TalkSettingsView>, Error> {
    let caller = caller(&social, &member).await?;
    Ok(view(talk_settings::find(social.context.db.read(), caller.number).await?))
}

/// Sets what the caller wants of comments on their posts.
///
/// It holds for comments from now on. The caller's own comments never wait.
#[utoipa::path(
    put,
    path = "/v1/me/talk",
    operation_id = "set_talk_settings",
    tag = "posts",
    security(("token" = [])),
    request_body = TalkSettingsBody,
    responses(
        (
            status = 200,
            description = "The settings",
            body = TalkSettingsView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_talk_settings",
            "social.no_such_person",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn set(
    State(social): State<Social>,
    member: Member,
    Json(body): Json<TalkSettingsBody>,
) -> Result<Json<TalkSettingsView>, Error> {
    let watched_words = WatchedWords::parse(&body.watched_words).map_err(Error::InvalidTalkSettings)?;
    let settings = TalkSettings { approval: body.approval, watched_words };
    commands::set_talk_settings(&social, caller(&social, &member).await?, settings.clone()).await?;
    Ok(view(settings))
}

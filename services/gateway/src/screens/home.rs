//! `GET /v1/home`: the first screen of a member.
//!
//! Invariant: accounts, social and notify are asked at the same time, each once.

use axum::extract::State;
use axum::response::Response;
use contract::accounts::{FindAccounts, FoundAccount};
use contract::notify::FindNoticeCounts;
use contract::social::FindHomeFeed;
use contract::social::views::FeedView;
use contract::{AccountId, MediaId};
use futures::future::join3;
use http_server::auth::Member;
use http_server::{Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Fields, Screens, part, unavailable};
use crate::codes;

/// The posts of a page, where the request does not say.
const DEFAULT_LIMIT: u16 = 20;

/// The parameters of the first screen.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HomeParams {
    /// How many posts, 1–100; 20 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
    /// Only these fields, separated by commas, each with its path. `degraded` is always there.
    #[param(example = "me.handle,feed.items.id,feed.items.text,feed.next")]
    fields: Option<String>,
}

/// The signed-in member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HomeMember)]
struct HomeMemberView {
    /// The id of the account.
    #[schema(value_type = String, format = "uuid")]
    id: AccountId,
    /// The unique name, lower-case.
    handle: String,
    /// The name to show.
    display_name: String,
    /// The id of a photo, whose image is at `/v1/media/{id}/image`.
    #[schema(required)]
    avatar: Option<MediaId>,
    /// Whether the profile is private.
    is_private: bool,
    /// The roles, as the token has them.
    roles: Vec<String>,
    /// Whether an e-mail address is confirmed, as the token says.
    confirmed: bool,
}

impl HomeMemberView {
    fn new(found: FoundAccount, member: &Member) -> Self {
        let profile = found.profile;
        Self {
            id: profile.account,
            handle: profile.handle,
            display_name: profile.display_name,
            avatar: profile.avatar,
            is_private: profile.is_private,
            roles: member.0.roles.clone(),
            confirmed: member.0.confirmed,
        }
    }
}

/// The first screen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HomeScreen, example = json!({
    "me": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "display_name": "Ada Lovelace",
        "avatar": null,
        "is_private": false,
        "roles": ["member"],
        "confirmed": true,
    },
    "feed": {"items": [], "next": null, "marker": "h-854775807000000099"},
    "unseen": 3,
    "unread": 12,
    "degraded": [],
}))]
struct HomeView {
    /// You. `null` while it can't be read.
    #[schema(required)]
    me: Option<HomeMemberView>,
    /// A page of your home. `null` while it can't be read.
    #[schema(required)]
    feed: Option<FeedView>,
    /// How many of your notifications came since their list was last looked at. `null` while it can't be read.
    #[schema(required)]
    unseen: Option<u64>,
    /// How many of your notifications were not read. `null` while it can't be read.
    #[schema(required)]
    unread: Option<u64>,
    /// The roles that did not respond, whose parts are missing.
    #[schema(value_type = Vec<String>)]
    degraded: Vec<&'static str>,
}

/// Returns the first screen of the caller: who they are, a page of home, and how many notifications are new.
///
/// Posts have their authors, signed media URLs and what the caller may do. A part that can't be read is `null`, and its
/// role is in `degraded`. Continue with the `next` of the feed as `after`.
#[utoipa::path(
    get,
    path = "/v1/home",
    operation_id = "show_home",
    tag = "screens",
    security(("token" = [])),
    params(HomeParams),
    responses(
        (
            status = 200,
            description = "The screen",
            body = HomeView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "home.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn show(
    State(screens): State<Screens>,
    member: Member,
    Query(params): Query<HomeParams>,
) -> Result<Response, Problem> {
    let fields = Fields::parse(params.fields.as_deref())?;
    let (reader, has_cursor) = (AccountId(member.id()), params.after.is_some());
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, 100);
    let feed = FindHomeFeed::new(reader, limit, params.after).ok_or_else(wrong_cursor)?;
    let me = FindAccounts(vec![reader.to_string()]);
    let counts = FindNoticeCounts(reader);
    // On the heap, so that it isn't copied with the request's future.
    let (me, feed, counts) = Box::pin(join3(screens.ask(&me), screens.ask(&feed), screens.ask(&counts))).await;
    if has_cursor && matches!(feed, Ok(None)) {
        return Err(wrong_cursor());
    }
    let mut degraded = Vec::new();
    let me = part(me, &mut degraded).and_then(|found| found.into_iter().next());
    let feed = part(feed, &mut degraded);
    if degraded.len() == 2 {
        return Err(unavailable());
    }
    let counts = part(counts, &mut degraded);
    let (unseen, unread) = (counts.map(|counts| counts.unseen), counts.map(|counts| counts.unread));
    fields.respond(&HomeView {
        me: me.map(|found| HomeMemberView::new(found, &member)),
        feed,
        unseen,
        unread,
        degraded,
    })
}

fn wrong_cursor() -> Problem {
    Problem::of(codes::WRONG_CURSOR, "This is no cursor of home. Begin again, without `after`.")
}

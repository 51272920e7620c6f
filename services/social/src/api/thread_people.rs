//! `/v1/threads/{id}/members`, `/invitations` and `/moderators`: who has joined a thread, who may, and who looks after
//! it.
//!
//! Invariant: a member who is not shown to the reader is in no list; an operation that is repeated changes nothing.

use axum::extract::State;
use contract::social::views::PersonView;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use uuid::Uuid;

use super::reader_of;
use super::relation_state::{both, both_always};
use super::threads::LinkParams;
use crate::commands::{self, NamedOffice};
use crate::error::Error;
use crate::known_people::{caller, reader};
use crate::model::{Person, parse_cursor};
use crate::queries;
use crate::state::Social;
use crate::store::threads::Office;

/// Returns the number behind which a page begins.
fn after(page: &Page) -> Result<i64, Error> {
    page.after.as_deref().map_or(Ok(0), |text| parse_cursor(text).ok_or(Error::BadCursor))
}

fn named(thread: Uuid, person: Person, office: Office, params: LinkParams) -> NamedOffice {
    NamedOffice { thread, person, office, token: params.link }
}

/// Lists the members who have joined a thread, in the order of their first part.
///
/// Continue with the `next` of a page as `after`. Members whose parts the reader may not see are left out.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}/members",
    operation_id = "list_thread_members",
    tag = "threads",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<PersonView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn members(
    State(social): State<Social>,
    member: Option<Member>,
    Path(thread): Path<Uuid>,
    Query(params): Query<LinkParams>,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let (reader, token) = (reader(&social, reader_of(member)).await?, params.link.as_deref());
    let (items, next) = queries::threads::members(&social, reader, thread, token, after(&page)?, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Lists those who are invited to a thread.
///
/// For the opener and the moderators. Continue with the `next` of a page as `after`. The order stays the same, and
/// means nothing. Members who are not shown to the caller are left out.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}/invitations",
    operation_id = "list_thread_invitations",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<PersonView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn invitations(
    State(social): State<Social>,
    member: Member,
    Path(thread): Path<Uuid>,
    Query(params): Query<LinkParams>,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let (reader, token) = (caller(&social, &member).await?.number, params.link.as_deref());
    let after = page.after.as_deref();
    let (items, next) = queries::threads::invitations(&social, reader, thread, token, after, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Invites a member to a thread.
///
/// The opener and the moderators invite. Whoever is invited may join unless the thread is closed, without approval. An
/// invitation lets nobody see a thread who could not see it without: whom you invite to one with the audience `link`
/// needs the link as well.
#[utoipa::path(
    put,
    path = "/v1/threads/{id}/invitations/{handle}",
    operation_id = "invite_to_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        LinkParams,
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
            "social.too_many_in_thread",
        ])),
    ),
)]
pub(super) async fn invite(
    State(social): State<Social>,
    member: Member,
    Path((thread, handle)): Path<(Uuid, String)>,
    Query(params): Query<LinkParams>,
) -> Result<StatusCode, Error> {
    let (actor, person) = both(&social, &member, &handle).await?;
    commands::set_office(&social, actor, named(thread, person, Office::Invited, params), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an invitation back.
///
/// Parts with which the member has joined stay.
#[utoipa::path(
    delete,
    path = "/v1/threads/{id}/invitations/{handle}",
    operation_id = "uninvite_from_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        LinkParams,
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
        ])),
    ),
)]
pub(super) async fn uninvite(
    State(social): State<Social>,
    member: Member,
    Path((thread, handle)): Path<(Uuid, String)>,
    Query(params): Query<LinkParams>,
) -> Result<StatusCode, Error> {
    let (actor, person) = both_always(&social, &member, &handle).await?;
    commands::set_office(&social, actor, named(thread, person, Office::Invited, params), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a member a moderator of a thread.
///
/// Only the opener does. Moderators approve and remove parts, invite, and join whatever the rule is.
#[utoipa::path(
    put,
    path = "/v1/threads/{id}/moderators/{handle}",
    operation_id = "add_thread_moderator",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        LinkParams,
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
            "social.too_many_in_thread",
        ])),
    ),
)]
pub(super) async fn add_moderator(
    State(social): State<Social>,
    member: Member,
    Path((thread, handle)): Path<(Uuid, String)>,
    Query(params): Query<LinkParams>,
) -> Result<StatusCode, Error> {
    let (actor, person) = both(&social, &member, &handle).await?;
    commands::set_office(&social, actor, named(thread, person, Office::Moderator, params), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends that a member is a moderator of a thread.
///
/// Only the opener does.
#[utoipa::path(
    delete,
    path = "/v1/threads/{id}/moderators/{handle}",
    operation_id = "remove_thread_moderator",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        LinkParams,
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
        ])),
    ),
)]
pub(super) async fn remove_moderator(
    State(social): State<Social>,
    member: Member,
    Path((thread, handle)): Path<(Uuid, String)>,
    Query(params): Query<LinkParams>,
) -> Result<StatusCode, Error> {
    let (actor, person) = both_always(&social, &member, &handle).await?;
    commands::set_office(&social, actor, named(thread, person, Office::Moderator, params), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

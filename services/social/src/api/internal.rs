//! Requests of other roles. The public listener does not route to them.
//!
//! The gateway assembles pages from these, with one request for all posts or people of a page. Invariant: each takes
//! the reader, and returns what the public operations return to that reader.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Query as _;
use contract::AccountId;
use contract::social::threads::{FindThread, ThreadView};
use contract::social::views::{FeedView, PersonView, PostView, ProfileView};
use contract::social::{
    Contact, FindContacts, FindHiddenPosts, FindHomeFeed, FindPeople, FindPosts, FindProfileView, FindShownPerson,
};
use contract::social::{MAX_CONTACTS_PER_QUERY, MAX_IDS_PER_QUERY, parse_cursor_word, parse_reader};
use http_server::{Json, Page, Path};
use uuid::Uuid;

use crate::error::Error;
use crate::known_people::{by_name, reader, shown_by_name};
use crate::model::{Person, PersonNumber};
use crate::queries;
use crate::state::Social;

pub(super) fn router() -> Router<Social> {
    Router::new()
        .route(FindPosts::PATH, get(posts))
        .route(FindHiddenPosts::PATH, get(hidden_posts))
        .route(FindPeople::PATH, get(people))
        .route(FindProfileView::PATH, get(profile))
        .route(FindShownPerson::PATH, get(shown_person))
        .route(FindHomeFeed::PATH, get(home))
        .route(FindThread::PATH, get(thread))
        .route(FindContacts::PATH, get(contacts))
}

/// Returns the reader of a path. What is no reader reads as a visitor.
async fn reader_at(social: &Social, word: &str) -> Result<PersonNumber, Error> {
    reader(social, parse_reader(word).unwrap_or_default()).await
}

/// Returns the ids of a path, at most as many as a query may have.
fn ids(joined: &str) -> Vec<Uuid> {
    joined.split(',').take(MAX_IDS_PER_QUERY).filter_map(|id| id.parse().ok()).collect()
}

async fn posts(
    State(social): State<Social>,
    Path((reader, joined)): Path<(String, String)>,
) -> Result<Json<Vec<PostView>>, Error> {
    let reader = reader_at(&social, &reader).await?;
    Ok(Json(queries::posts::list(&social, reader, &ids(&joined)).await?))
}

async fn hidden_posts(
    State(social): State<Social>,
    Path((reader, joined)): Path<(String, String)>,
) -> Result<Json<Vec<Uuid>>, Error> {
    let reader = reader_at(&social, &reader).await?;
    Ok(Json(queries::posts::list_hidden(&social, reader, &ids(&joined)).await?))
}

async fn people(
    State(social): State<Social>,
    Path((reader, joined)): Path<(String, String)>,
) -> Result<Json<Vec<PersonView>>, Error> {
    let reader = reader_at(&social, &reader).await?;
    let accounts: Vec<AccountId> = ids(&joined).into_iter().map(AccountId).collect();
    Ok(Json(queries::people::views(&social, reader, &accounts).await?))
}

async fn profile(
    State(social): State<Social>,
    Path((reader, account)): Path<(String, String)>,
) -> Result<Json<ProfileView>, Error> {
    let reader = reader_at(&social, &reader).await?;
    Ok(Json(queries::people::profile(&social, reader, &account).await?))
}

async fn shown_person(
    State(social): State<Social>,
    Path((reader, name)): Path<(String, String)>,
) -> Result<Json<PersonView>, Error> {
    let reader = reader_at(&social, &reader).await?;
    let (person, _) = shown_by_name(&social, reader, &name).await?;
    Ok(Json(Person::view(&person)))
}

/// A cursor that is none of home is a 404, which the one that asks tells from a failure.
async fn home(
    State(social): State<Social>,
    Path((reader, limit, after)): Path<(String, u16, String)>,
) -> Result<Json<FeedView>, Error> {
    let member = by_name(&social, &reader).await?;
    let page = Page { limit: Some(limit), after: None };
    match super::feeds::home_of(&social, member, parse_cursor_word(&after), page.size()).await {
        Err(Error::WrongCursor) => Err(Error::NotFound),
        view => Ok(Json(view?)),
    }
}

async fn thread(
    State(social): State<Social>,
    Path((reader, thread)): Path<(String, Uuid)>,
) -> Result<Json<ThreadView>, Error> {
    let reader = reader_at(&social, &reader).await?;
    Ok(Json(queries::threads::get(&social, reader, thread, None).await?))
}

/// Tells of blocks on both sides: it is asked by roles that deliver, and shown to no member.
async fn contacts(
    State(social): State<Social>,
    Path((member, names)): Path<(Uuid, String)>,
) -> Result<Json<Vec<Contact>>, Error> {
    let names: Vec<&str> = names.split(',').take(MAX_CONTACTS_PER_QUERY).collect();
    Ok(Json(queries::contacts::list(&social, AccountId(member), &names).await?))
}

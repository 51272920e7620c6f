//! Public paths of accounts and media that name a member, an item or an album, for a reader whom the member, or the
//! owner, has blocked (decision 44).
//!
//! Does not own blocks (social), nor what the paths say. Invariant: for a signed-in reader to whom the member is not
//! shown, the role is asked about an id that nothing has, so its response is that for what does not exist.

use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use contract::media::{FindAlbumOwner, FindReceived};
use contract::social::FindShownPerson;
use contract::{AccountId, MediaId, Query as RoleQuery};
use http::request::Parts;
use http::{Method, Uri};
use http_server::Problem;
use http_server::auth::Member;
use peer::Peers;
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use crate::screens::{account_name, unavailable};

/// The public profile of a member.
const PROFILE: &str = "/v1/accounts/{handle}";
/// The library, or with `owner` the public items of a member.
const ITEMS: &str = "/v1/media";
/// One item.
const ITEM: &str = "/v1/media/{id}";
/// What happens to one item.
const ITEM_EVENTS: &str = "/v1/media/{id}/events";
/// How the paths of one item begin.
const OF_ITEM: &str = "/v1/media/";
/// An album, and what is in it.
const ALBUM: &str = "/v1/albums/{id}";
const ALBUM_ITEMS: &str = "/v1/albums/{id}/items";
/// How the paths of one album begin.
const OF_ALBUM: &str = "/v1/albums/";
/// An id that no item and no album has: its number is above 2^128, and an id has 128 bits.
const NO_ITEM: &str = "zzzzzzzzzzzzzzzzzzzzzz";
/// How long a request waits for a role that is asked.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// What this file needs to know of the query of [`ITEMS`].
#[derive(Deserialize)]
struct OwnerParam {
    owner: Option<String>,
}

/// Whether requests of a route can name a member whose blocks count.
pub(crate) fn names_member(pattern: &str) -> bool {
    matches!(pattern, PROFILE | ITEMS | ITEM | ITEM_EVENTS | ALBUM | ALBUM_ITEMS)
}

/// The middleware of these routes. Requests without a valid token, and those of a site without social, are forwarded as
/// they are.
pub(crate) async fn hide_blockers(
    State(peers): State<Peers>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || !peers.knows(FindShownPerson::ROLE) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    if let Some(query) = query_of(&peers, &mut parts).await?
        && ask(&peers, &query).await?.is_none()
    {
        parts.uri = without_member(&parts.uri, query.reader).map_err(|error| Problem::fault(&error))?;
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Returns what social is asked; `None` if the reader is not signed in, or if the request names no other member.
async fn query_of(peers: &Peers, parts: &mut Parts) -> Result<Option<FindShownPerson>, Problem> {
    let member = <Member as OptionalFromRequestParts<()>>::from_request_parts(parts, &()).await.ok().flatten();
    let Some(reader) = member.map(|member| AccountId(member.id())) else { return Ok(None) };
    let named = if parts.uri.path() == ITEMS {
        parts.uri.query().and_then(owner_in)
    } else {
        <Path<String> as FromRequestParts<()>>::from_request_parts(parts, &()).await.ok().map(|path| path.0)
    };
    let Some(named) = named else { return Ok(None) };
    let name = match parts.uri.path() {
        path if path.starts_with(OF_ITEM) => owner_of_item(peers, &named).await?,
        path if path.starts_with(OF_ALBUM) => owner_of_album(peers, &named).await?,
        // Every form of an id becomes the one that social knows.
        _ => Uuid::parse_str(&named).ok().map(|id| id.to_string()).or_else(|| account_name(&named)),
    };
    Ok(name.filter(|name| *name != reader.to_string()).map(|name| FindShownPerson { reader, name }))
}

/// Returns who owns an item; `None` if there is no such item.
async fn owner_of_item(peers: &Peers, item: &str) -> Result<Option<String>, Problem> {
    let Ok(id) = item.parse::<MediaId>() else { return Ok(None) };
    Ok(ask(peers, &FindReceived(id)).await?.map(|received| received.owner.to_string()))
}

/// Returns who owns an album; `None` if there is no such album.
async fn owner_of_album(peers: &Peers, album: &str) -> Result<Option<String>, Problem> {
    let Ok(id) = album.parse::<MediaId>() else { return Ok(None) };
    Ok(ask(peers, &FindAlbumOwner(id)).await?.map(|owner| owner.to_string()))
}

/// Asks a role; `None` where it knows of nothing, or shows nothing.
async fn ask<Q: RoleQuery>(peers: &Peers, query: &Q) -> Result<Option<Q::Response>, Problem> {
    match timeout(ASK_TIMEOUT, peers.ask(query)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::debug!(%error, role = Q::ROLE, "a role did not say whether a member is shown");
            Err(unavailable())
        }
        Err(_) => {
            tracing::debug!(role = Q::ROLE, "a role is late to say whether a member is shown");
            Err(unavailable())
        }
    }
}

/// Returns the owner that a query names, as the media role reads it: `None` without one, and with two.
fn owner_in(query: &str) -> Option<String> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    Query::<OwnerParam>::try_from_uri(&uri).ok()?.0.owner
}

/// Returns the URI of the same request about an account, an item or an album that does not exist. The id of the account
/// is the complement of the reader's, whose version no account has; so readers don't share the limit of one owner.
fn without_member(uri: &Uri, reader: AccountId) -> Result<Uri, http::Error> {
    let nobody = Uuid::from_u128(!reader.0.as_u128());
    let path_and_query = match (uri.path(), uri.query()) {
        (ITEMS, query) => {
            let others = query.unwrap_or_default().split('&').filter(|pair| owner_in(pair).is_none());
            let pairs: Vec<String> = others.map(str::to_owned).chain([format!("owner={nobody}")]).collect();
            format!("{ITEMS}?{}", pairs.join("&"))
        }
        (path, query) => {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            match [OF_ITEM, OF_ALBUM].into_iter().find_map(|start| Some((start, path.strip_prefix(start)?))) {
                Some((start, id)) => {
                    let behind = id.split_once('/').map(|(_, behind)| format!("/{behind}")).unwrap_or_default();
                    format!("{start}{NO_ITEM}{behind}{query}")
                }
                None => format!("/v1/accounts/{nobody}{query}"),
            }
        }
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse()?);
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_about_nobody_keeps_everything_else() {
        let reader = AccountId(Uuid::from_u128(0x0198_b2a4_6f0e_7c3d_9a51_2f6d_8e4b_7c10));
        let nobody = "fe674d5b-90f1-83c2-65ae-d09271b483ef";
        for (uri, changed) in [
            ("/v1/accounts/ada", format!("/v1/accounts/{nobody}")),
            ("/v1/accounts/ada?a=%20", format!("/v1/accounts/{nobody}?a=%20")),
            ("/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga", format!("/v1/media/{NO_ITEM}")),
            ("/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/events?a=b", format!("/v1/media/{NO_ITEM}/events?a=b")),
            ("/v1/albums/5kT0vYq8Zb3mXw1RcHs9Ga/items?limit=1", format!("/v1/albums/{NO_ITEM}/items?limit=1")),
            ("/v1/media?limit=2&%6fwner=x&after=a%26b", format!("/v1/media?limit=2&after=a%26b&owner={nobody}")),
        ] {
            assert_eq!(without_member(&uri.parse().unwrap(), reader).unwrap(), changed.as_str(), "{uri}");
        }
        assert!(NO_ITEM.parse::<MediaId>().is_ok(), "the role reads it, and does not find it");
        assert_eq!(owner_in("kind=photo&%6fwner=a%2Db").as_deref(), Some("a-b"));
        assert_eq!((owner_in("kind=photo"), owner_in("owner=a&owner=b")), (None, None));
    }
}

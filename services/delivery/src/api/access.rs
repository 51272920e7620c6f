//! Authorization: decides who may read what, in one place.
//!
//! | visibility | who reads | how |
//! |---|---|---|
//! | public | everyone | the URL alone |
//! | unlisted | everyone who has the URL | the URL alone |
//! | private | its owner | access token |
//! | private | holders of a signed URL | `?t=` with scope `view` |
//! | any, the unchanged original | its owner, or holders of a URL with scope `original` | token or `?t=` |
//! | originals in an archive | their owner, or holders of a URL with scope `download` | token or `?t=` |
//! | any, in the trash | its owner, or holders of a URL with scope `trash` | token or `?t=` |
//!
//! While the owner of an item is suspended, nothing of it is readable: it is as if it did not exist.
//!
//! While an item is in the trash, no other URL of it works. Only its owner's view of the trash has a signature with the
//! scope `trash`, which opens what `view` opens, and only as long as the item is there.
//!
//! Any other caller receives the same error as for media that does not exist, so a stranger can't find out what exists.
//! An invalid token is refused (401) whether or not the media exists, for the same reason. Invariant: a [`Readable`] or
//! an [`OriginalAccess`] in the signature of a handler means that the caller may have these bytes. A response under a
//! signed URL repeats that signature or none, and caches keep nothing of it for longer than the signature is valid.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, RawPathParams};
use contract::MediaId;
use contract::media::Visibility;
use http::request::Parts;
use http_server::auth::Member;
use http_server::signed_url::UrlSignature;

use crate::error::Error;
use crate::model::{DownloadList, Item};
use crate::queries;
use crate::state::Delivery;

/// The audience of a response, which decides who may cache it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everyone: shared caches may store it.
    Everyone,
    /// Everyone who has the URL.
    Unlisted,
    /// Holders of a signed URL.
    SignedUrl,
    /// The owner.
    Owner,
}

/// An item that the caller may see.
#[derive(Debug)]
pub(crate) struct Readable {
    pub item: Arc<Item>,
    pub audience: Audience,
    /// The query that further URLs need for the caller to continue: `t=…`, or nothing.
    pub query: String,
    /// How long the signature of the request is still valid, if there was one.
    pub remaining: Option<Duration>,
}

/// An item whose unchanged original the caller may have.
#[derive(Debug)]
pub(crate) struct OriginalAccess(pub Readable);

impl FromRequestParts<Delivery> for Readable {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let lookup = Lookup::of(parts, delivery).await?;
        if let Some(readable) = lookup.readable_by_anyone() {
            return Ok(readable);
        }
        if let (Some(item), Some((signature, remaining))) = (&lookup.item, lookup.verified_signature("view", delivery))
        {
            let query = format!("t={}", signature.text());
            return Ok(Self { item: item.clone(), audience: Audience::SignedUrl, query, remaining: Some(remaining) });
        }
        let member = member(parts, delivery).await?;
        lookup.readable_by_owner(member.as_ref()).ok_or(Error::NotFound)
    }
}

impl FromRequestParts<Delivery> for OriginalAccess {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let lookup = Lookup::of(parts, delivery).await?;
        if let (Some(item), Some((_, remaining))) = (&lookup.item, lookup.verified_signature("original", delivery)) {
            let readable = Readable {
                item: item.clone(),
                audience: Audience::SignedUrl,
                query: String::new(),
                remaining: Some(remaining),
            };
            return Ok(Self(readable));
        }
        let member = member(parts, delivery).await?;
        if let Some(readable) = lookup.readable_by_owner(member.as_ref()) {
            return Ok(Self(readable));
        }
        let seen = lookup.readable_by_anyone().is_some() || lookup.verified_signature("view", delivery).is_some();
        Err(match (seen, member) {
            (false, _) => Error::NotFound,
            (true, None) => Error::SignInRequired,
            (true, Some(_)) => Error::NotOwner,
        })
    }
}

/// The scope of a signature on a list of files, the [`DownloadList::query`] of it.
pub(super) const DOWNLOAD_SCOPE: &str = "download";

/// A file of a download that the caller may have.
#[derive(Debug)]
pub(crate) struct DownloadFile {
    pub item: Arc<Item>,
    /// Whether it is the unchanged original.
    pub is_original: bool,
}

/// Returns the files of a download, originals first, if the caller may have all of them. A signature is for originals,
/// which only their owner can have signed; the other files must be readable now.
pub(super) async fn authorize_download(
    delivery: &Delivery,
    list: &DownloadList,
    signature: Option<&str>,
    member: Option<&Member>,
) -> Result<Vec<DownloadFile>, Error> {
    let (signer, now) = (&delivery.context.url_signer, delivery.context.clock.now());
    let is_signed = signature.is_some_and(|text| signer.is_valid(text, DOWNLOAD_SCOPE, &list.query(), now));
    let mut files = Vec::with_capacity(list.originals.len() + list.ids.len());
    for id in &list.originals {
        let item = downloadable(delivery, id).await?;
        if !is_signed && !is_owner(&item, member) {
            return Err(match (item.is_public_or_unlisted(), member) {
                (false, _) => Error::NotFound,
                (true, None) => Error::SignInRequired,
                (true, Some(_)) => Error::NotOwner,
            });
        }
        files.push(DownloadFile { item, is_original: true });
    }
    for id in &list.ids {
        let item = downloadable(delivery, id).await?;
        if !item.is_public_or_unlisted() && !is_owner(&item, member) {
            return Err(Error::NotFound);
        }
        if item.scrub.is_none() {
            return Err(Error::Withheld);
        }
        files.push(DownloadFile { item, is_original: false });
    }
    Ok(files)
}

/// Returns the list with the items that the caller owns as originals, and all others as shared files.
pub(super) async fn with_own_originals(
    delivery: &Delivery,
    ids: Vec<MediaId>,
    member: Option<&Member>,
) -> Result<DownloadList, Error> {
    // A list that is too long is refused before any of it is read.
    let list = DownloadList::new(Vec::new(), ids).map_err(Error::Invalid)?;
    let (mut originals, mut others) = (Vec::new(), Vec::new());
    for id in list.ids {
        let item = downloadable(delivery, &id).await?;
        if is_owner(&item, member) {
            originals.push(id);
        } else {
            others.push(id);
        }
    }
    DownloadList::new(originals, others).map_err(Error::Invalid)
}

/// Returns an item that is not in the trash: an archive holds none that is.
async fn downloadable(delivery: &Delivery, id: &MediaId) -> Result<Arc<Item>, Error> {
    let item = queries::get_item(delivery, id).await?;
    if item.trashed { Err(Error::NotFound) } else { Ok(item) }
}

fn is_owner(item: &Item, member: Option<&Member>) -> bool {
    member.is_some_and(|member| member.id() == item.owner.0)
}

/// The item and the signature of a request URL.
struct Lookup {
    item: Option<Arc<Item>>,
    signature: Option<String>,
}

impl Lookup {
    async fn of(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let signature = parts.uri.query().and_then(signature_param);
        let item = match media_id(parts).await {
            None => None,
            Some(id) => match queries::get_item(delivery, &id).await {
                Ok(item) => Some(item),
                Err(Error::NotFound) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Self { item, signature })
    }

    fn readable_by_anyone(&self) -> Option<Readable> {
        let item = self.item.as_ref().filter(|item| item.is_public_or_unlisted())?;
        let audience = if item.visibility == Visibility::Public { Audience::Everyone } else { Audience::Unlisted };
        Some(Readable { item: item.clone(), audience, query: String::new(), remaining: None })
    }

    fn verified_signature(&self, scope: &str, delivery: &Delivery) -> Option<(UrlSignature, Duration)> {
        let (item, text, now) = (self.item.as_ref()?, self.signature.as_deref()?, delivery.context.clock.now());
        let scope = match scope {
            scope if !item.trashed => scope,
            "view" => "trash",
            _ => return None,
        };
        let signature = delivery.context.url_signer.verify(text, scope, item.id.as_str(), now)?;
        let remaining = signature.remaining(now);
        Some((signature, remaining))
    }

    fn readable_by_owner(&self, member: Option<&Member>) -> Option<Readable> {
        let item = self.item.as_ref().filter(|item| is_owner(item, member))?;
        Some(Readable { item: item.clone(), audience: Audience::Owner, query: String::new(), remaining: None })
    }
}

async fn member(parts: &mut Parts, delivery: &Delivery) -> Result<Option<Member>, Error> {
    Ok(<Member as OptionalFromRequestParts<Delivery>>::from_request_parts(parts, delivery).await?)
}

/// Returns the id in the path: `{id}`, or `{name}` up to its dot. Anything else is no id.
async fn media_id(parts: &mut Parts) -> Option<MediaId> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let text = params.iter().find_map(|(name, value)| match name {
        "id" => Some(value),
        "name" => value.split_once('.').map(|(id, _)| id),
        _ => None,
    })?;
    text.parse().ok()
}

/// Returns the `t` of a query. Signatures have only characters that need no escaping, so an escaped one is ignored.
fn signature_param(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("t="))?;
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (plain && value.len() <= 128).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_could_break_a_playlist_is_ignored() {
        assert_eq!(signature_param("w=1&t=abc.d-_e&x=2").as_deref(), Some("abc.d-_e"));
        assert_eq!(signature_param("t=a%0ab"), None);
        assert_eq!(signature_param("t=a\"b"), None);
        assert_eq!(signature_param("tt=a"), None);
    }
}

//! Who may read what: the one place where that is decided.
//!
//! | visibility | who reads | how |
//! |---|---|---|
//! | public | everyone | the address alone |
//! | unlisted | whoever has the address | the address alone |
//! | private | its owner | access token |
//! | private | whom the owner gave an address | `?t=` with scope `view` |
//! | any, the untouched original | its owner, or an address with scope `original` | token or `?t=` |
//!
//! Everybody else is told that there is no such media, so that a stranger can't find out what exists. A token that does not hold is
//! refused (401) whether or not there is something, for the same reason. Invariant: a [`Readable`] or an [`OriginalAccess`] in a handler's
//! signature means that this reader may have these bytes; what is answered under a signed URL repeats that signature or none, and nothing of
//! it is kept for longer than the signature holds.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, RawPathParams};
use contract::MediaId;
use contract::media::Visibility;
use http::request::Parts;
use kit::auth::Member;
use kit::sign::UrlSignature;

use crate::Delivery;
use crate::error::Error;
use crate::model::Item;

/// Whom an answer is for; decides who may keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anyone at all: shared caches may keep it.
    Everyone,
    /// Whoever has the address.
    Unlisted,
    /// Whoever has a signed address.
    SignedUrl,
    /// The owner.
    Owner,
}

/// An item that this reader may see.
#[derive(Debug)]
pub(crate) struct Readable {
    pub item: Arc<Item>,
    pub audience: Audience,
    /// What has to stand in further addresses for the reader to go on: `t=…`, or nothing.
    pub query: String,
    /// What is left of the signature that let the reader in, if one did.
    pub remaining: Option<Duration>,
}

/// An item whose untouched original this reader may have.
#[derive(Debug)]
pub(crate) struct OriginalAccess(pub Readable);

impl FromRequestParts<Delivery> for Readable {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let lookup = Lookup::of(parts, delivery).await?;
        if let Some(readable) = lookup.readable_by_anyone() {
            return Ok(readable);
        }
        if let (Some(item), Some((signature, remaining))) = (&lookup.item, lookup.verified_signature("view", delivery)) {
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
            let readable = Readable { item: item.clone(), audience: Audience::SignedUrl, query: String::new(), remaining: Some(remaining) };
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

/// An address, looked up.
struct Lookup {
    item: Option<Arc<Item>>,
    signature: Option<String>,
}

impl Lookup {
    async fn of(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let signature = parts.uri.query().and_then(signature_param);
        let item = match media_id(parts).await {
            None => None,
            Some(id) => match delivery.catalog.item(&id).await {
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
        let signature = delivery.context.grants.verify(text, scope, item.id.as_str(), now)?;
        let remaining = signature.remaining(now);
        Some((signature, remaining))
    }

    fn readable_by_owner(&self, member: Option<&Member>) -> Option<Readable> {
        let item = self.item.as_ref().filter(|item| member.is_some_and(|member| member.id() == item.owner.0))?;
        Some(Readable { item: item.clone(), audience: Audience::Owner, query: String::new(), remaining: None })
    }
}

async fn member(parts: &mut Parts, delivery: &Delivery) -> Result<Option<Member>, Error> {
    Ok(<Member as OptionalFromRequestParts<Delivery>>::from_request_parts(parts, delivery).await?)
}

/// The id in the path: `{media_id}`, or `{name}` up to its dot. Something that can't be one belongs to nothing.
async fn media_id(parts: &mut Parts) -> Option<MediaId> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let text = params.iter().find_map(|(name, value)| match name {
        "id" => Some(value),
        "name" => value.split_once('.').map(|(id, _)| id),
        _ => None,
    })?;
    text.parse().ok()
}

/// The `t` of a query. Grants hold only characters that need no escaping, so an escaped one is none.
fn signature_param(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("t="))?;
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (plain && value.len() <= 128).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_could_break_a_playlist_is_none() {
        assert_eq!(signature_param("w=1&t=abc.d-_e&x=2").as_deref(), Some("abc.d-_e"));
        assert_eq!(signature_param("t=a%0ab"), None);
        assert_eq!(signature_param("t=a\"b"), None);
        assert_eq!(signature_param("tt=a"), None);
    }
}

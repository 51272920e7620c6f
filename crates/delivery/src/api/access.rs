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
//! refused (401) whether or not there is something, for the same reason. Invariant: a [`Readable`] or an [`Owned`] in a handler's
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
    Knowers,
    /// Whoever has a signed address.
    Granted,
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
pub(crate) struct Owned(pub Readable);

impl FromRequestParts<Delivery> for Readable {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let asked = Asked::of(parts, delivery).await?;
        if let Some(readable) = asked.open() {
            return Ok(readable);
        }
        if let (Some(item), Some((signature, remaining))) = (&asked.item, asked.granted("view", delivery)) {
            let query = format!("t={}", signature.text());
            return Ok(Self { item: item.clone(), audience: Audience::Granted, query, remaining: Some(remaining) });
        }
        let member = member(parts, delivery).await?;
        asked.owned_by(member.as_ref()).ok_or(Error::NotFound)
    }
}

impl FromRequestParts<Delivery> for Owned {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let asked = Asked::of(parts, delivery).await?;
        if let (Some(item), Some((_, remaining))) = (&asked.item, asked.granted("original", delivery)) {
            let readable = Readable { item: item.clone(), audience: Audience::Granted, query: String::new(), remaining: Some(remaining) };
            return Ok(Self(readable));
        }
        let member = member(parts, delivery).await?;
        if let Some(readable) = asked.owned_by(member.as_ref()) {
            return Ok(Self(readable));
        }
        let seen = asked.open().is_some() || asked.granted("view", delivery).is_some();
        Err(match (seen, member) {
            (false, _) => Error::NotFound,
            (true, None) => Error::SignIn,
            (true, Some(_)) => Error::NotOwner,
        })
    }
}

/// An address, looked up.
struct Asked {
    item: Option<Arc<Item>>,
    grant: Option<String>,
}

impl Asked {
    async fn of(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Error> {
        let grant = parts.uri.query().and_then(grant);
        let item = match id(parts).await {
            None => None,
            Some(id) => match delivery.library.item(&id).await {
                Ok(item) => Some(item),
                Err(Error::NotFound) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Self { item, grant })
    }

    fn open(&self) -> Option<Readable> {
        let item = self.item.as_ref().filter(|item| item.is_open())?;
        let audience = if item.visibility == Visibility::Public { Audience::Everyone } else { Audience::Knowers };
        Some(Readable { item: item.clone(), audience, query: String::new(), remaining: None })
    }

    fn granted(&self, scope: &str, delivery: &Delivery) -> Option<(UrlSignature, Duration)> {
        let (item, grant, now) = (self.item.as_ref()?, self.grant.as_deref()?, delivery.context.clock.now());
        let signature = delivery.context.grants.verify(grant, scope, item.id.as_str(), now)?;
        let remaining = signature.remaining(now);
        Some((signature, remaining))
    }

    fn owned_by(&self, member: Option<&Member>) -> Option<Readable> {
        let item = self.item.as_ref().filter(|item| member.is_some_and(|member| member.id() == item.owner.0))?;
        Some(Readable { item: item.clone(), audience: Audience::Owner, query: String::new(), remaining: None })
    }
}

async fn member(parts: &mut Parts, delivery: &Delivery) -> Result<Option<Member>, Error> {
    Ok(<Member as OptionalFromRequestParts<Delivery>>::from_request_parts(parts, delivery).await?)
}

/// The id in the path: `{id}`, or `{name}` up to its dot. Something that can't be one belongs to nothing.
async fn id(parts: &mut Parts) -> Option<MediaId> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let text = params.iter().find_map(|(name, value)| match name {
        "id" => Some(value),
        "name" => value.split_once('.').map(|(id, _)| id),
        _ => None,
    })?;
    text.parse().ok()
}

/// The `t` of a query. Grants hold only characters that need no escaping, so an escaped one is none.
fn grant(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("t="))?;
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (plain && value.len() <= 128).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_could_break_a_playlist_is_none() {
        assert_eq!(grant("w=1&t=abc.d-_e&x=2").as_deref(), Some("abc.d-_e"));
        assert_eq!(grant("t=a%0ab"), None);
        assert_eq!(grant("t=a\"b"), None);
        assert_eq!(grant("tt=a"), None);
    }
}

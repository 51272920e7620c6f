//! Makes a link to an item that expires.
//!
//! Invariant: an item has at most [`MAX_LINKS`] links that are valid: the count and the new row are one transaction in
//! the lane of the owner.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::Lane;
use http_server::Effect;

use crate::Media;
use crate::error::Error;
use crate::model::share_link::{MAX_LINKS, ShareLink, ShareToken};
use crate::store;

/// Makes a link to an item of this owner. Returns it and its token, which is stored nowhere.
pub(crate) async fn create_share_link(
    media: &Media,
    item: &MediaId,
    owner: AccountId,
    expires_at: DateTime<Utc>,
    effect: Effect,
) -> Result<(ShareLink, ShareToken), Error> {
    let (now, random) = (media.context.clock.now(), &media.context.random);
    let token = ShareToken::new(random.id());
    let link = ShareLink { id: random.uuid_v7(now), item: item.clone(), owner, created_at: now, expires_at };
    let (new, token_hash) = (link.clone(), token.hash());
    let lane = Lane::of(&owner).and(item);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let item = store::items::find_in_use(tx, &new.item, owner).await?.ok_or(Error::NotFound)?;
            if item.withheld.is_some() {
                return Err(Error::Withheld);
            }
            if !store::standings::find(tx, owner).await?.may_publish(now) {
                return Err(Error::AccountLimited);
            }
            if store::share_links::list(tx, &new.item, now).await?.len() >= MAX_LINKS {
                return Err(Error::QuotaLinks(MAX_LINKS));
            }
            store::share_links::insert(tx, &new, &token_hash).await?;
            Ok(effect.created(tx, format!("/v1/media/{}/links/{}", new.item, new.id)).await?)
        })
        .await?;
    Ok((link, token))
}

//! Making a greeting.
//!
//! Invariant: its clip is in the sender's library and can be shown; of the token, only a hash is stored.

use contract::media::{FindOwnedItems, OwnedItem};
use db::Lane;
use http_server::Effect;
use uuid::Uuid;

use super::settle_waiting::take_over;
use crate::error::Error;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{Greeting, GreetingToken, NewGreeting, Person, PostMedia};
use crate::state::Social;
use crate::store::{budgets, counts, greetings, people, post_media};

/// Makes a greeting and returns its id and the token of its link.
pub(crate) async fn create_greeting(
    social: &Social,
    sender: Person,
    new: NewGreeting,
    effect: Effect,
) -> Result<(Uuid, GreetingToken), Error> {
    let media = find_item(social, &sender, &new).await?;
    let media = media.map(|item| PostMedia::of(item, "")).ok_or_else(|| Error::NoSuchMedia(new.media.to_string()))?;
    if !media.is_viewable() {
        return Err(Error::MediaNotReady);
    }
    let (now, max) = (social.context.clock.now(), social.config.max_greetings_per_hour);
    let token = GreetingToken::new(social.context.random.id());
    let greeting = Greeting {
        id: social.context.random.uuid_v7(now),
        sender: sender.number,
        to_name: new.to_name.clone(),
        text: new.text.clone(),
        created_at: now,
        expires_at: new.expires_at(now),
        opened_at: None,
        open_count: 0,
    };
    let (id, lane, token_hash, account) = (greeting.id, Lane::of(&sender.account), token.hash(), sender.account);
    social
        .context
        .db
        .write(lane.clone(), async move |tx| {
            let sender = people::find(tx, greeting.sender).await?.ok_or(Error::NoSuchPerson)?;
            if people::is_erased(tx, account).await? {
                return Err(Error::NoSuchPerson);
            }
            if !sender.standing.may_publish(now) {
                return Err(Error::AccountLimited);
            }
            if !budgets::take(tx, sender.number, Act::Greeting, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            greetings::insert(tx, &greeting, &token_hash).await?;
            post_media::insert(tx, id, std::slice::from_ref(&media)).await?;
            Ok(effect.created(tx, format!("/v1/greetings/{id}")).await?)
        })
        .await?;
    if let Err(error) = read_again(social, &sender, &new, lane).await {
        tracing::warn!(%error, greeting.id = %id, "the clip of a new greeting could not be read again");
    }
    Ok((id, token))
}

/// Takes over once more what media knows of the clip: an event about it may have come before its row was there.
async fn read_again(social: &Social, sender: &Person, new: &NewGreeting, lane: Lane) -> Result<(), Error> {
    let Some(item) = find_item(social, sender, new).await? else { return Ok(()) };
    let sender = sender.number;
    let written = social.context.db.write(lane, async move |tx| {
        take_over(tx, &item).await?;
        Ok::<_, Error>(counts::settle_public_with(tx, sender, &item.id).await?)
    });
    written.await
}

/// Returns the clip, if it is in the sender's library. One that is staged would be removed after a day.
async fn find_item(social: &Social, sender: &Person, new: &NewGreeting) -> Result<Option<OwnedItem>, Error> {
    let query = FindOwnedItems { owner: sender.account, ids: vec![new.media.clone()] };
    let owned = social.context.peers.ask(&query).await?.unwrap_or_default();
    Ok(owned.into_iter().find(|item| item.id == new.media && !item.staged))
}

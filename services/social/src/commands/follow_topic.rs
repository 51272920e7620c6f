//! Following a tag, a place or a song, and ending it.
//!
//! Invariant: a member follows at most [`MAX_TOPICS`] of them, however many requests run at once.

use db::Lane;

use crate::error::Error;
use crate::model::{Person, Topic};
use crate::state::Social;
use crate::store::{people, topics};

/// The most topics of a member.
const MAX_TOPICS: u64 = 1_000;

/// Follows a topic. Does nothing if the member does already.
pub(crate) async fn follow_topic(social: &Social, member: Person, topic: Topic) -> Result<(), Error> {
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&member.account), async move |tx| {
            if people::is_erased(tx, member.account).await? {
                return Err(Error::NoSuchPerson);
            }
            topics::insert(tx, member.number, &topic, now).await?;
            if topics::count(tx, member.number).await? > MAX_TOPICS {
                return Err(Error::TooManyTopics(MAX_TOPICS));
            }
            Ok(())
        })
        .await
}

/// Ends following a topic. Does nothing if the member does not.
pub(crate) async fn unfollow_topic(social: &Social, member: Person, topic: Topic) -> Result<(), Error> {
    social
        .context
        .db
        .write(Lane::of(&member.account), async move |tx| {
            Ok::<_, Error>(topics::remove(tx, member.number, &topic).await?)
        })
        .await
}

//! Removing everything about an erased account.
//!
//! Invariant: it ends only when no row of the account is left but its id in the list of erased accounts, which keeps
//! late events and answers from bringing it back. Counts of other people are right after every step.

use contract::AccountId;
use db::Lane;
use http_server::Idempotency;
use uuid::Uuid;

use super::publish_post::remove;
use super::remove_comment::remove_with_answers;
use super::remove_remains::remove_remains;
use super::set_song::remove_song;
use crate::error::Error;
use crate::model::{Person, Position};
use crate::state::Social;
use crate::store::{comments, erasure, feed_owners, greetings, people, posts, songs, verdicts};

/// Posts per transaction, each with rows of media, tags and mentions.
const BATCH_POSTS: usize = 20;
/// Comments, greetings and songs that are read at once.
const BATCH_OBJECTS: usize = 20;
/// Rows of each table per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: usize = 100;

/// Removes an account's person, relations, posts, comments, greetings and songs, in batches, and its idempotency keys.
pub(crate) async fn erase_account(social: &Social, account: AccountId) -> Result<(), Error> {
    let (db, now) = (&social.context.db, social.context.clock.now());
    // In the lane of all: every write that has not seen the account's end is committed when this one runs.
    db.write(Lane::ALL, async move |tx| {
        // Without an owner, no fan-out that runs later writes an entry.
        feed_owners::remove_of_account(tx, account).await?;
        people::insert_erased(tx, account, now).await
    })
    .await?;
    if let Some(person) = people::find_by_account(db.read(), account).await? {
        remove_posts(social, &person).await?;
        remove_comments(social, &person).await?;
        remove_greetings(social, &person).await?;
        remove_songs(social, &person).await?;
        remove_relations(social, &person).await?;
        remove_verdicts(social, &person).await?;
        let lane = Lane::of(&account);
        db.write(lane, async move |tx| people::remove(tx, person.number).await).await?;
    }
    remove_remains(social).await?;
    Idempotency::forget(db, account.0).await?;
    Ok(())
}

async fn remove_comments(social: &Social, person: &Person) -> Result<(), Error> {
    loop {
        let found = comments::list_of_author(social.context.db.read(), person.number, BATCH_OBJECTS).await?;
        for comment in &found {
            remove_with_answers(social, person, comment, None).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
    }
}

async fn remove_greetings(social: &Social, person: &Person) -> Result<(), Error> {
    let number = person.number;
    loop {
        let removed = social
            .context
            .db
            .write(Lane::of(&person.account), async move |tx| {
                let found = greetings::list(tx, number, Uuid::max(), BATCH_OBJECTS).await?;
                let ids: Vec<Uuid> = found.into_iter().map(|greeting| greeting.id).collect();
                Ok::<_, Error>(greetings::remove(tx, &ids).await?)
            })
            .await?;
        if removed == 0 {
            return Ok(());
        }
    }
}

/// Takes the person's songs out of the posts of others.
async fn remove_songs(social: &Social, person: &Person) -> Result<(), Error> {
    loop {
        let found = songs::list_of_owner(social.context.db.read(), person.number, BATCH_OBJECTS).await?;
        for song in &found {
            remove_song(social, song).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
    }
}

/// Removes what verdicts have of the person: texts in numbers, verdicts, and who has answered whom.
async fn remove_verdicts(social: &Social, person: &Person) -> Result<(), Error> {
    let account = person.account;
    loop {
        let db = &social.context.db;
        let lane = Lane::of(&account);
        let removed =
            db.write(lane, async move |tx| verdicts::remove_of_account(tx, account, BATCH_ROWS).await).await?;
        if removed == 0 {
            return Ok(());
        }
    }
}

async fn remove_posts(social: &Social, person: &Person) -> Result<(), Error> {
    loop {
        let (author, now) = (person.clone(), social.context.clock.now());
        let removed = social
            .context
            .db
            .write(Lane::of(&person.account), async move |tx| {
                let found = posts::list_all_of_author(tx, author.number, Position::START, BATCH_POSTS).await?;
                remove(tx, &author, &found, now).await?;
                Ok::<_, Error>(found.len())
            })
            .await?;
        if removed < BATCH_POSTS {
            return Ok(());
        }
    }
}

async fn remove_relations(social: &Social, person: &Person) -> Result<(), Error> {
    let number = person.number;
    loop {
        let removed = social
            .context
            .db
            .write(Lane::of(&person.account), async move |tx| {
                let follows = erasure::remove_follows(tx, number, BATCH_ROWS).await?;
                let from_posts = erasure::remove_from_posts(tx, number, BATCH_ROWS).await?;
                let reasons = erasure::forget_reasons(tx, number, BATCH_ROWS).await?;
                let marks = erasure::remove_marks(tx, number, BATCH_ROWS).await?;
                Ok::<_, Error>((follows + from_posts) as u64 + reasons + marks)
            })
            .await?;
        if removed == 0 {
            return Ok(());
        }
    }
}

//! Taking over what happens to the media of posts and greetings: conversion, trash, how sensitive they are, removal.
//!
//! Members post and send what they own, so all posts and greetings with an item have one author, and one lane.
//! Invariant: a post that waited for an item appears in the transaction that records the item's state, if nothing else
//! holds it up.

use contract::MediaId;
use contract::media::Sensitivity;
use contract::social::PostState;
use db::{Lane, Tx};
use uuid::Uuid;

use super::publish_post::settle;
use crate::error::Error;
use crate::model::{MediaUpdate, Person};
use crate::state::Social;
use crate::store::{counts, greetings, people, post_media, posts};

/// Posts of one transaction.
const BATCH: usize = 50;

/// What has happened to an item.
#[derive(Debug, Clone)]
enum Step {
    Advance(MediaUpdate),
    Hide { is_hidden: bool, version: u64 },
    Remove,
}

/// Moves an item forward.
pub(crate) async fn advance_media(social: &Social, media: MediaId, update: MediaUpdate) -> Result<(), Error> {
    apply(social, media, Step::Advance(update)).await
}

/// Records that an item was moved to the trash, or restored.
pub(crate) async fn set_media_hidden(
    social: &Social,
    media: MediaId,
    is_hidden: bool,
    version: u64,
) -> Result<(), Error> {
    apply(social, media, Step::Hide { is_hidden, version }).await
}

/// Sets how sensitive an item is. No post appears or disappears because of it.
pub(crate) async fn set_media_sensitivity(
    social: &Social,
    media: MediaId,
    sensitivity: Sensitivity,
    version: u64,
) -> Result<(), Error> {
    // Most items that are scored are in no post, and need no transaction.
    let Some(owner) = find_owner(social, &media).await? else { return Ok(()) };
    social
        .context
        .db
        .write(Lane::of(&owner.account), async move |tx| {
            Ok::<_, Error>(post_media::set_sensitivity(tx, &media, sensitivity, version).await?)
        })
        .await
}

/// Takes an item out of all posts. A post of which nothing is left is removed, and a greeting is gone with its clip.
pub(crate) async fn remove_media(social: &Social, media: MediaId) -> Result<(), Error> {
    remove_greetings(social, &media).await?;
    apply(social, media, Step::Remove).await
}

async fn remove_greetings(social: &Social, media: &MediaId) -> Result<(), Error> {
    let sql = social.context.db.read();
    let Some(sender) = greetings::find_sender(sql, media).await? else { return Ok(()) };
    let Some(sender) = people::find(sql, sender).await? else { return Ok(()) };
    loop {
        let media = media.clone();
        let removed = social
            .context
            .db
            .write(Lane::of(&sender.account), async move |tx| {
                let found = greetings::list_with_media(tx, &media, BATCH).await?;
                Ok::<_, Error>(greetings::remove(tx, &found).await?)
            })
            .await?;
        if removed < BATCH as u64 {
            return Ok(());
        }
    }
}

/// Returns the author of the posts, or else the sender of the greetings, with an item.
async fn find_owner(social: &Social, media: &MediaId) -> Result<Option<Person>, Error> {
    let sql = social.context.db.read();
    let owner = match post_media::find_author(sql, media).await? {
        Some(author) => Some(author),
        None => greetings::find_sender(sql, media).await?,
    };
    match owner {
        Some(owner) => Ok(people::find(sql, owner).await?),
        None => Ok(None),
    }
}

async fn apply(social: &Social, media: MediaId, step: Step) -> Result<(), Error> {
    let Some(author) = find_owner(social, &media).await? else { return Ok(()) };
    let mut before = Uuid::max();
    loop {
        let (author, media, step) = (author.clone(), media.clone(), step.clone());
        let (random, now) = (social.context.random.clone(), social.context.clock.now());
        let last = social
            .context
            .db
            .write(Lane::of(&author.account), async move |tx| {
                record(tx, &author, &media, &step).await?;
                // Removal takes the item out of every post; the other steps only let waiting ones appear.
                let state = if matches!(step, Step::Remove) { None } else { Some(PostState::Waiting) };
                let found = posts::list_with_media(tx, media.as_str(), state, before, BATCH).await?;
                let last = (found.len() == BATCH).then(|| found.last().map(|post| post.id)).flatten();
                for post in found {
                    if matches!(step, Step::Remove) {
                        post_media::remove(tx, &media, post.id).await?;
                        counts::settle_public(tx, author.number, post.id).await?;
                    }
                    settle(tx, &author, post, &random, now).await?;
                }
                Ok::<_, Error>(last)
            })
            .await?;
        match last {
            Some(last) => before = last,
            None => return Ok(()),
        }
    }
}

async fn record(tx: &Tx, author: &Person, media: &MediaId, step: &Step) -> Result<(), Error> {
    match step {
        Step::Advance(update) => post_media::advance(tx, media, update).await?,
        Step::Hide { is_hidden, version } => post_media::set_hidden(tx, media, *is_hidden, *version).await?,
        Step::Remove => return Ok(()),
    }
    Ok(counts::settle_public_with(tx, author.number, media).await?)
}

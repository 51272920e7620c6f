//! Taking over what happens to the media of messages: conversion and removal.
//!
//! Invariant: handling an event twice changes nothing more.

use contract::MediaId;
use db::Lane;

use crate::error::Error;
use crate::model::MediaUpdate;
use crate::state::Chat;
use crate::store::media;

/// Moves an item forward.
pub(crate) async fn advance_media(chat: &Chat, id: MediaId, update: MediaUpdate) -> Result<(), Error> {
    chat.context.db.write(Lane::of(&id), async move |tx| Ok::<_, Error>(media::advance(tx, &id, &update).await?)).await
}

/// Takes an item out of all messages.
pub(crate) async fn remove_media(chat: &Chat, id: MediaId) -> Result<(), Error> {
    chat.context.db.write(Lane::of(&id), async move |tx| Ok::<_, Error>(media::remove(tx, &id).await?)).await
}

//! Taking over what happens to the media of messages: conversion, how sensitive they are, and removal.
//!
//! Invariant: handling an event twice changes nothing more.

use contract::media::Sensitivity;
use contract::{AccountId, MediaId};
use db::Lane;

use crate::contacts::find_media;
use crate::error::Error;
use crate::model::MediaUpdate;
use crate::state::Chat;
use crate::store::media;

/// Moves an item forward.
pub(crate) async fn advance_media(chat: &Chat, id: MediaId, update: MediaUpdate) -> Result<(), Error> {
    chat.context.db.write(Lane::of(&id), async move |tx| Ok::<_, Error>(media::advance(tx, &id, &update).await?)).await
}

/// Sets how sensitive an item is.
pub(crate) async fn set_sensitivity(
    chat: &Chat,
    id: MediaId,
    sensitivity: Sensitivity,
    version: u64,
) -> Result<(), Error> {
    chat.context
        .db
        .write(Lane::of(&id), async move |tx| {
            Ok::<_, Error>(media::set_sensitivity(tx, &id, sensitivity, version).await?)
        })
        .await
}

/// Asks once more about the media of a message that was stored: an event about them may have come before its rows were
/// there.
pub(super) async fn refresh_media(chat: &Chat, owner: AccountId, ids: &[MediaId]) -> Result<(), Error> {
    for item in find_media(chat, owner, ids).await? {
        let update = MediaUpdate {
            state: item.state,
            width: item.width,
            height: item.height,
            duration_ms: item.duration_ms,
            thumbhash: item.thumbhash,
            assets: Some(item.assets),
        };
        if item.sensitivity_version > 0 {
            set_sensitivity(chat, item.id.clone(), item.sensitivity, item.sensitivity_version).await?;
        }
        advance_media(chat, item.id, update).await?;
    }
    Ok(())
}

/// Takes an item out of all messages.
pub(crate) async fn remove_media(chat: &Chat, id: MediaId) -> Result<(), Error> {
    chat.context.db.write(Lane::of(&id), async move |tx| Ok::<_, Error>(media::remove(tx, &id).await?)).await
}

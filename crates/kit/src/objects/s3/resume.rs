//! Taking an unfinished object over from whoever had it.
//!
//! The upload in parts is the token: exactly one of its first writer's end and a take-over ends it. So a writer that hung either has
//! finished before, and then the object at the key begins with every byte that its checkpoints name; or it never can. Invariant: taking over
//! the same checkpoint again gives the same bytes.

use std::collections::HashMap;

use tokio::time::Instant;

use super::Inner;
use super::options::MIN_PART_BYTES;
use super::state::{self, PartLocation, StagedPart, State};
use crate::objects::{Checkpoint, Error};

/// Ends the first writer's upload, and answers where the checkpoint's bytes lie: pieces that can become parts, and the rest.
pub(super) async fn take_over(inner: &Inner, at: &Checkpoint) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    match find(inner, at).await {
        // Whoever subscriptions this begins anew, so it must not be the bucket that is missing.
        Err(Error::Missing) => inner.store.ping().await.and(Err(Error::Missing)),
        found => found,
    }
}

async fn find(inner: &Inner, at: &Checkpoint) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    if at.state.is_empty() {
        // A place in the folder, whose unfinished objects are moved here as they lie: the object at the key begins with these bytes, or is gone.
        let (pieces, rest) = begin(at.bytes, Vec::new());
        check(inner, at, pieces.iter().chain(&rest)).await?;
        return Ok((pieces, rest));
    }
    let state = State::read(&at.state)?;
    let (pieces, rest) = match &state.parts {
        Some(_) => end(inner, at, state).await?,
        None => (state.pieces, state.rest),
    };
    if state::bytes(&pieces) + state::bytes(&rest) != at.bytes {
        return Err(Error::Engine(std::io::Error::new(std::io::ErrorKind::InvalidData, "the checkpoint's state doesn't fit its bytes")));
    }
    check(inner, at, pieces.iter().chain(&rest)).await?;
    Ok((pieces, rest))
}

async fn end(inner: &Inner, at: &Checkpoint, state: State) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    let State { parts: Some(parts), rest, .. } = state else { return Err(Error::Missing) };
    let (store, path) = (&inner.store, inner.store.path(&at.key));
    let asked = Instant::now();
    let ended = if parts.tags.is_empty() { store.abort(&path, &parts.id).await } else { store.complete(&path, &parts.id, &parts.tags, parts.bytes).await };
    // Looked at afterwards: from here on nobody can change it.
    let there = match store.head_after(&path, asked).await {
        Ok(meta) => Some(meta.size),
        Err(Error::Missing) => None,
        Err(error) => return Err(error),
    };
    match there {
        // The first writer got to its end, whether it knows or not.
        Some(bytes) if bytes >= at.bytes => Ok(begin(at.bytes, Vec::new())),
        Some(bytes) if bytes >= parts.bytes && !parts.tags.is_empty() => Ok(begin(parts.bytes, rest)),
        _ if parts.tags.is_empty() => ended.map(|()| (Vec::new(), rest)),
        _ => {
            ended?;
            Err(Error::Missing)
        }
    }
}

/// The object at the key as the beginning; one that is too short to become a part belongs to the rest.
fn begin(bytes: u64, rest: Vec<StagedPart>) -> (Vec<StagedPart>, Vec<StagedPart>) {
    let piece = StagedPart(PartLocation::Key, bytes);
    if bytes >= MIN_PART_BYTES as u64 {
        return (vec![piece], rest);
    }
    (Vec::new(), std::iter::once(piece).filter(|piece| piece.1 > 0).chain(rest).collect())
}

/// Looks whether all pieces are there: a missing one must be known now, not at the end.
async fn check(inner: &Inner, at: &Checkpoint, pieces: impl Iterator<Item = &StagedPart>) -> Result<(), Error> {
    let wanted: Vec<&StagedPart> = pieces.collect();
    let folder = format!("unfinished/{}", at.key);
    let listed = if wanted.iter().any(|piece| piece.0 != PartLocation::Key) { inner.store.list(&folder).await? } else { Vec::new() };
    let sizes: HashMap<&str, u64> = listed.iter().filter_map(|meta| Some((meta.location.filename()?, meta.size))).collect();
    for piece in wanted {
        let bytes = match &piece.0 {
            PartLocation::Named(name) => sizes.get(name.as_str()).copied().ok_or(Error::Missing)?,
            PartLocation::Key => inner.store.head(&inner.store.path(&at.key)).await?.size,
        };
        if bytes < piece.1 {
            return Err(Error::Missing);
        }
    }
    Ok(())
}

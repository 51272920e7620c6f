//! Takes an unfinished object over from its previous writer.
//!
//! The multipart upload is the token: either its first writer or the take-over ends it, never both. So a writer that
//! hung either has finished before, and then the object at the key begins with every byte that its checkpoints name; or
//! it never can. Invariant: taking over the same checkpoint again gives the same bytes.

use std::collections::HashMap;

use tokio::time::Instant;

use super::Inner;
use super::options::MIN_PART_BYTES;
use super::state::{self, PartLocation, StagedPart, State};
use objects::{Checkpoint, Error};

/// Ends the first writer's upload. Returns where the checkpoint's bytes are: staged parts that can become parts, and
/// the rest.
pub(super) async fn take_over(
    inner: &Inner,
    checkpoint: &Checkpoint,
) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    match locate(inner, checkpoint).await {
        // After this error the caller starts anew, so it must not be the bucket that is missing.
        Err(Error::Missing) => inner.store.ping().await.and(Err(Error::Missing)),
        found => found,
    }
}

async fn locate(inner: &Inner, checkpoint: &Checkpoint) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    if checkpoint.state.is_empty() {
        // A checkpoint of the folder, whose unfinished objects are moved here unchanged: the object at the key begins
        // with these bytes, or is gone.
        let (staged, rest) = start_from_key(checkpoint.bytes, Vec::new());
        check_exist(inner, checkpoint, staged.iter().chain(&rest)).await?;
        return Ok((staged, rest));
    }
    let state = State::read(&checkpoint.state)?;
    let (staged, rest) = match &state.parts {
        Some(_) => end_upload(inner, checkpoint, state).await?,
        None => (state.staged, state.rest),
    };
    if state::bytes(&staged) + state::bytes(&rest) != checkpoint.bytes {
        return Err(Error::Engine(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the checkpoint's state doesn't fit its bytes",
        )));
    }
    check_exist(inner, checkpoint, staged.iter().chain(&rest)).await?;
    Ok((staged, rest))
}

async fn end_upload(
    inner: &Inner,
    checkpoint: &Checkpoint,
    state: State,
) -> Result<(Vec<StagedPart>, Vec<StagedPart>), Error> {
    let State { parts: Some(parts), rest, .. } = state else { return Err(Error::Missing) };
    let (store, path) = (&inner.store, inner.store.path(&checkpoint.key));
    let started = Instant::now();
    let ended = if parts.tags.is_empty() {
        store.abort(&path, &parts.id).await
    } else {
        store.complete(&path, &parts.id, &parts.tags, parts.bytes).await
    };
    // Checked afterwards: from here on no writer can change it.
    let size = match store.head_after(&path, started).await {
        Ok(meta) => Some(meta.size),
        Err(Error::Missing) => None,
        Err(error) => return Err(error),
    };
    match size {
        // The first writer did finish, whether it knows or not.
        Some(bytes) if bytes >= checkpoint.bytes => Ok(start_from_key(checkpoint.bytes, Vec::new())),
        Some(bytes) if bytes >= parts.bytes && !parts.tags.is_empty() => Ok(start_from_key(parts.bytes, rest)),
        _ if parts.tags.is_empty() => ended.map(|()| (Vec::new(), rest)),
        _ => {
            ended?;
            Err(Error::Missing)
        }
    }
}

/// Takes the object at the key as the beginning; one that is too short for a part belongs to the rest.
fn start_from_key(bytes: u64, rest: Vec<StagedPart>) -> (Vec<StagedPart>, Vec<StagedPart>) {
    let part = StagedPart(PartLocation::Key, bytes);
    if bytes >= MIN_PART_BYTES as u64 {
        return (vec![part], rest);
    }
    (Vec::new(), std::iter::once(part).filter(|part| part.1 > 0).chain(rest).collect())
}

/// Checks that all staged parts exist: a missing one must be noticed now, not at the end.
async fn check_exist(
    inner: &Inner,
    checkpoint: &Checkpoint,
    staged: impl Iterator<Item = &StagedPart>,
) -> Result<(), Error> {
    let wanted: Vec<&StagedPart> = staged.collect();
    let folder = format!("unfinished/{}", checkpoint.key);
    let listed = if wanted.iter().any(|part| part.0 != PartLocation::Key) {
        inner.store.list(&folder).await?
    } else {
        Vec::new()
    };
    let sizes: HashMap<&str, u64> =
        listed.iter().filter_map(|meta| Some((meta.location.filename()?, meta.size))).collect();
    for part in wanted {
        let bytes = match &part.0 {
            PartLocation::Named(name) => sizes.get(name.as_str()).copied().ok_or(Error::Missing)?,
            PartLocation::Key => inner.store.head(&inner.store.path(&checkpoint.key)).await?.size,
        };
        if bytes < part.1 {
            return Err(Error::Missing);
        }
    }
    Ok(())
}

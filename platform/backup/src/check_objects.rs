//! Reads every object of a restored point and compares it with the point.
//!
//! Invariant: an object counts as whole only if its own bytes were read and hashed.

use base::ObjectKey;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use objects::Objects;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::copy_objects::failed;
use crate::installation::Installation;
use crate::manifest::Manifest;
use crate::repository::{MAX_CONCURRENT, Repository};

/// The result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedObjects {
    /// How many were read.
    pub read: u64,
    /// Those that are missing or have other bytes.
    pub damaged: Vec<ObjectKey>,
}

/// Reads the objects of an installation that a point has.
pub async fn check_objects(
    installation: &Installation,
    repository: &Repository,
    manifest: &Manifest,
) -> Result<CheckedObjects, Error> {
    let (objects, index) = (installation.open_objects().await?, repository.index(manifest).await?);
    let mut checks = stream::iter(index)
        .map(async |entry| {
            let found = sha256(&objects, &entry.object).await?;
            Ok::<_, Error>((found.as_deref() == Some(entry.file.sha256.as_str()), entry.object))
        })
        .buffer_unordered(MAX_CONCURRENT);
    let mut checked = CheckedObjects::default();
    while let Some((is_whole, key)) = checks.try_next().await? {
        checked.read += 1;
        checked.damaged.extend((!is_whole).then_some(key));
    }
    drop(checks);
    checked.damaged.sort_unstable();
    Ok(checked)
}

/// Returns the SHA-256 of an object, as hexadecimal digits; `None` if it is missing.
pub(crate) async fn sha256(objects: &Objects, key: &ObjectKey) -> Result<Option<String>, Error> {
    let bytes = match objects.len(key).await {
        Err(objects::Error::Missing) => return Ok(None),
        bytes => bytes.map_err(failed(key))?,
    };
    let (mut hash, mut chunks) = (Sha256::new(), objects.read(key, 0..bytes).await.map_err(failed(key))?);
    while let Some(chunk) = chunks.try_next().await.map_err(failed(key))? {
        hash.update(&chunk);
    }
    Ok(Some(hex::encode(hash.finalize())))
}

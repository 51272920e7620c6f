//! Verifies recovery points: every file of theirs is there, opens, and holds what the point names.
//!
//! A file that several points name is read once. Invariant: a problem is reported with the point that it belongs to,
//! and the others are still verified.

use std::collections::HashSet;

use base::ObjectKey;
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::manifest::{Manifest, SealedFile};
use crate::repository::{MAX_CONCURRENT, Repository};

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Each file is there with its size; manifests and indexes are read.
    Sizes,
    /// Every byte.
    Content,
}

/// The result.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Recovery points.
    pub points: u64,
    /// Their files, each counted once.
    pub files: u64,
    /// The size of these in the repository, in bytes.
    pub bytes: u64,
    /// What is wrong, as sentences, each with its point.
    pub problems: Vec<String>,
}

/// Verifies the points with these ids, the newest first. One that a backup removes meanwhile is left out.
pub async fn verify(repository: &Repository, ids: &[String], depth: Depth) -> Result<Verified, Error> {
    let (mut verified, mut seen) = (Verified::default(), HashSet::new());
    for id in ids.iter().rev() {
        let known_problems = verified.problems.len();
        let files = files_of(repository, id, &mut seen).await;
        let (manifest, files) = match files {
            Ok(files) => files,
            Err(Error::NoPoint(_)) => continue,
            Err(error @ (Error::Damaged { .. } | Error::WrongKey)) => {
                verified.points += 1;
                verified.problems.push(format!("{id}: {error}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        verified.points += 1;
        if !manifest.missing.is_empty() {
            let count = manifest.missing.len();
            verified.problems.push(format!("{id}: the store lacked {count} objects that rows name when it was made"));
        }
        verified.files += files.len() as u64;
        verified.bytes += files.iter().map(|(_, file)| file.stored_bytes).sum::<u64>();
        let checks = stream::iter(files).map(async |(what, file)| match depth {
            Depth::Sizes => repository.check_size(&what, &file).await,
            Depth::Content => repository.verify(&what, &file).await,
        });
        let mut checks = checks.buffer_unordered(MAX_CONCURRENT);
        while let Some(checked) = checks.next().await {
            match checked {
                Ok(()) => {}
                Err(error @ (Error::Damaged { .. } | Error::WrongKey)) => {
                    verified.problems.push(format!("{id}: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        drop(checks);
        if verified.problems.len() > known_problems && !repository.list().await?.contains(id) {
            verified.problems.truncate(known_problems);
        }
    }
    Ok(verified)
}

/// Returns the files of a point that were not seen before, each with what it is.
async fn files_of(
    repository: &Repository,
    id: &str,
    seen: &mut HashSet<ObjectKey>,
) -> Result<(Manifest, Vec<(String, SealedFile)>), Error> {
    let manifest = repository.manifest(id).await?;
    let index = repository.index(&manifest).await?;
    let objects = index.into_iter().map(|entry| (format!("the object {}", entry.object), entry.file));
    let own = manifest.own_files().map(|(what, file)| (what, file.clone()));
    let files = own.chain(objects).filter(|(_, file)| seen.insert(file.key.clone())).collect();
    Ok((manifest, files))
}

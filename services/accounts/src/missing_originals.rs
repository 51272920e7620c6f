//! Originals that can't be put into an archive: why, and the file of the archive that lists them.
//!
//! Does not own the archive. Invariant: an original that is not in an archive is counted, and listed up to
//! [`MAX_LISTED`]; a store that is unavailable is the fault of no original.

use futures::TryStreamExt as _;
use objects::Objects;
use serde::Serialize;
use serde_json::json;
use service::personal_data::OriginalFile;

/// The name of the list in an archive.
pub(crate) const MISSING: &str = "missing.json";
/// The most originals that are listed, so that the list is small in memory; more are counted only.
const MAX_LISTED: usize = 10_000;

/// Why an original can't be put into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Defect {
    /// The store does not have it: it was removed while the archive was made, or is lost.
    NotStored,
    /// The store has another number of bytes than were received.
    WrongSize,
    /// The store responds, but not with the bytes of this file.
    Unreadable,
}

impl Defect {
    /// Returns the sentence for the member.
    fn sentence(self) -> &'static str {
        match self {
            Self::NotStored => "The server does not have this file: it was removed meanwhile, or is lost.",
            Self::WrongSize => "The file is damaged: the server has another number of bytes than it received.",
            Self::Unreadable => "The file is damaged: the server can't read it.",
        }
    }
}

#[derive(Debug, Serialize)]
struct MissingFile {
    name: String,
    bytes: u64,
    reason: Defect,
    sentence: &'static str,
}

/// The originals that are not in an archive.
#[derive(Debug, Default)]
pub(crate) struct MissingOriginals {
    count: u64,
    listed: Vec<MissingFile>,
}

impl MissingOriginals {
    /// Adds an original, which would have this name in the archive.
    pub(crate) fn add(&mut self, name: String, original: &OriginalFile, reason: Defect) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(MissingFile { name, bytes: original.bytes, reason, sentence: reason.sentence() });
        }
    }

    /// Returns how many are missing.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the list as it is in the archive: the number of files that are missing, and the files.
    pub(crate) fn to_text(&self) -> String {
        format!("{:#}\n", json!({ "count": self.count, "files": self.listed }))
    }
}

/// Returns why an original can't be put into an archive; `None` if it can, as far as its size tells, or, if
/// `reads_all`, every byte of it. Fails if the store is unavailable; without `reads_all` also if the store fails for
/// this original alone, as it may respond later.
pub(crate) async fn find_defect(
    objects: &Objects,
    original: &OriginalFile,
    reads_all: bool,
) -> Result<Option<Defect>, objects::Error> {
    match stored_bytes(objects, original, reads_all).await {
        Ok(bytes) => Ok((bytes != original.bytes).then_some(Defect::WrongSize)),
        Err(objects::Error::Missing) => Ok(Some(Defect::NotStored)),
        Err(error) => {
            let is_at_fault = reads_all && objects.ping().await.is_ok();
            if is_at_fault { Ok(Some(Defect::Unreadable)) } else { Err(error) }
        }
    }
}

/// Returns the size of an original in the store, once every byte was read if `reads_all`.
async fn stored_bytes(objects: &Objects, original: &OriginalFile, reads_all: bool) -> Result<u64, objects::Error> {
    let bytes = objects.len(&original.object).await?;
    if reads_all && bytes == original.bytes {
        let mut chunks = objects.read(&original.object, 0..bytes).await?;
        while chunks.try_next().await?.is_some() {}
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use testkit::World;

    use super::*;

    #[tokio::test]
    async fn an_original_that_alone_cannot_be_read_is_unreadable_in_the_end() {
        let world = World::builder().with_real_accounts().start(&[crate::service()]).await;
        let objects = &world.process.objects;
        let stored = objects.put(bytes::Bytes::from_static(b"a whole song")).await.unwrap();
        let path = world.folder().join("data/objects").join(stored.key.as_str());
        std::fs::remove_file(&path).unwrap();
        // A folder in its place opens, has a size, and can't be read. Some file systems give an empty one none.
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("entry"), "").unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        let name = "song.wav".to_owned();
        let original = OriginalFile { name, object: stored.key, bytes, modified_at: DateTime::UNIX_EPOCH };
        assert_eq!(find_defect(objects, &original, false).await.unwrap(), None, "its size is right");
        assert_eq!(find_defect(objects, &original, true).await.unwrap(), Some(Defect::Unreadable));
        std::fs::remove_dir_all(&path).unwrap();
        world.end().await;
    }
}

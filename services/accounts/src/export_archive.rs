//! The archive of an export: a ZIP with JSON files of every role, the originals, and a page that says what they are.
//!
//! Owns the order and the form of the files; each role owns the content of its own
//! ([`service::personal_data::PersonalDataSource`]). Invariant: one page of records or one chunk of an original is held
//! here at a time, however large the archive is; an original that can't be put into it is listed there, and why.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use futures::TryStreamExt as _;
use serde_json::Value;
use service::RoleInterface;
use service::personal_data::{ExportFile, ExportPage, FileContent, OriginalFile, path};

use crate::error::Error;
use crate::export_writer::ArchiveWriter;
use crate::missing_originals::{MISSING, MissingOriginals, find_defect};
use crate::model::{Archive, Export, ExportState};
use crate::state::Accounts;
use crate::store;

const README: &str = "README.txt";

/// Writes the archive under a key. Returns `None` if the export is not being built any more, as its account was erased
/// or another attempt was faster. With `reads_all`, each original is read to its end before it is put into the archive:
/// an earlier attempt has failed, and that may be because of one.
pub(crate) async fn write_archive(
    accounts: &Accounts,
    export: &Export,
    key: ObjectKey,
    reads_all: bool,
) -> Result<Option<Archive>, Error> {
    let (at, mut missing) = (export.created_at, MissingOriginals::default());
    let mut archive = ArchiveWriter::new(accounts.context.objects.create_as(key).await?);
    for role in &*accounts.context.roles {
        for file in role.personal_data.files() {
            let part = ArchivePart { accounts, export, role: role.role, file, reads_all };
            if !part.write(&mut archive, &mut missing).await? {
                return Ok(None);
            }
        }
    }
    if missing.count() > 0 {
        archive.add(MISSING, missing.to_text().into_bytes(), at).await?;
    }
    archive.add(README, readme(&accounts.context.roles, at, missing.count()).into_bytes(), at).await?;
    let stored = archive.finish().await?;
    Ok(Some(Archive { object: stored.key, bytes: stored.bytes, missing_count: missing.count() }))
}

/// A file of an archive, or a folder.
struct ArchivePart<'a> {
    accounts: &'a Accounts,
    export: &'a Export,
    role: &'static str,
    file: &'static ExportFile,
    reads_all: bool,
}

impl ArchivePart<'_> {
    /// Writes the file, page by page. Returns `false` if the export is not being built any more.
    async fn write(&self, archive: &mut ArchiveWriter, missing: &mut MissingOriginals) -> Result<bool, Error> {
        let content = self.file.content;
        let (opening, closing): (&[u8], &[u8]) = match content {
            FileContent::List => (b"[", b"\n]\n"),
            FileContent::Record => (b"", b"\n"),
            FileContent::Originals => (b"", b""),
        };
        if content != FileContent::Originals {
            archive.begin(self.file.name, None, self.export.created_at).await?;
            archive.write(opening.to_vec().into()).await?;
        }
        let (mut after, mut is_first): (Option<String>, bool) = (None, true);
        loop {
            if !self.is_wanted().await? {
                return Ok(false);
            }
            let page = self.page(after.as_deref()).await?;
            if !page.records.is_empty() {
                archive.write(records_text(&page.records, content, is_first)?.into()).await?;
                is_first = false;
            }
            for original in &page.originals {
                self.copy(archive, original, missing).await?;
            }
            if page.next.is_none() {
                break;
            }
            if page.next == after {
                return Err(Error::Export(format!("{} does not come to its end", self.file.name)));
            }
            after = page.next;
        }
        if content != FileContent::Originals {
            archive.write(closing.to_vec().into()).await?;
            archive.end()?;
        }
        archive.flush().await?;
        Ok(true)
    }

    /// Returns whether the export is still being built: a long one ends early when its account is erased.
    async fn is_wanted(&self) -> Result<bool, Error> {
        let found = store::exports::find(self.accounts.context.db.read(), self.export.id).await?;
        Ok(found.is_some_and(|export| export.state == ExportState::Building))
    }

    /// Asks the role for a page. An instance of a release that knows no exports responds with 404: the export waits for
    /// one that does, as an archive without that role's files would not have everything.
    async fn page(&self, after: Option<&str>) -> Result<ExportPage, Error> {
        let path = path(self.role, self.export.account.0, self.file.name, after);
        let page = self.accounts.context.peers.get_json(self.role, &path).await?;
        let too_old = || peer::Error::NoInstance(self.role.to_owned(), "it is of a release without exports".to_owned());
        Ok(page.ok_or_else(too_old)?)
    }

    /// Copies an original. One that is damaged, or was removed since its page was read, is left out and listed.
    async fn copy(
        &self,
        archive: &mut ArchiveWriter,
        original: &OriginalFile,
        missing: &mut MissingOriginals,
    ) -> Result<(), Error> {
        let (objects, name) = (&self.accounts.context.objects, format!("{}{}", self.file.name, original.name));
        if let Some(defect) = find_defect(objects, original, self.reads_all).await? {
            let export = self.export.id;
            tracing::warn!(export.id = %export, object = %original.object, ?defect, "an original is not in an archive");
            missing.add(name, original, defect);
            return Ok(());
        }
        let mut chunks = objects.read(&original.object, 0..original.bytes).await?;
        archive.begin(&name, Some(original.bytes), original.modified_at).await?;
        while let Some(bytes) = chunks.try_next().await? {
            archive.write(bytes).await?;
        }
        archive.end()?;
        archive.flush().await
    }
}

/// Returns records as they are in their file.
fn records_text(records: &[Value], content: FileContent, is_first: bool) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for (index, record) in records.iter().enumerate() {
        if content == FileContent::List {
            text.extend_from_slice(if is_first && index == 0 { &b"\n"[..] } else { &b",\n"[..] });
        }
        serde_json::to_writer_pretty(&mut text, record).map_err(|error| Error::Export(error.to_string()))?;
    }
    Ok(text)
}

/// Returns the page that says what each file holds, and how many originals are missing.
fn readme(roles: &[RoleInterface], at: DateTime<Utc>, missing_count: u64) -> String {
    let at = at.format("%Y-%m-%d %H:%M UTC");
    let mut text = format!(
        "This archive has what is kept about you, as of {at}.\n\nIt has no passwords, no keys and no codes, and \
         nothing that belongs to other members. Times are in UTC. The JSON files can be read by programs, and by any \
         editor of texts.\n"
    );
    if missing_count > 0 {
        let _ = write!(
            text,
            "\nNOT COMPLETE: {missing_count} of your files could not be put into this archive. {MISSING} lists them, \
             with the reasons.\n"
        );
    }
    for file in roles.iter().flat_map(|role| role.personal_data.files()) {
        let _ = write!(text, "\n{}\n    {}\n", file.name, file.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_several_pages_is_one_array() {
        let pages = [vec![json!({"a": 1}), json!({"a": 2})], vec![json!({"a": 3})]];
        let mut text = b"[".to_vec();
        for (number, page) in pages.iter().enumerate() {
            text.extend(records_text(page, FileContent::List, number == 0).unwrap());
        }
        text.extend(b"\n]\n");
        let list: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(list, json!([{"a": 1}, {"a": 2}, {"a": 3}]));
    }
}

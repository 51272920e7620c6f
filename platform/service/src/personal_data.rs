//! What a role keeps about members: a declaration for every table of its schema, and the trait by which it contributes
//! to an export.
//!
//! Owns the declarations, the trait and its internal route. Does not own the archive (`accounts` builds it) nor the
//! erasure (each role's own). Invariant: a process does not start with a role that declares files and has no source for
//! them; a test over the table of roles finds each table that no declaration names.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::ObjectKey;
use chrono::{DateTime, Utc};
use http_server::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What a role keeps about members.
#[derive(Debug, Clone, Copy)]
pub enum PersonalData {
    /// Nothing, and why that is so.
    Nothing(&'static str),
    /// What these tables hold.
    Kept(&'static KeptData),
}

impl PersonalData {
    /// Returns the files that the role contributes to an export.
    pub fn files(&self) -> &'static [ExportFile] {
        match self {
            Self::Nothing(_) => &[],
            Self::Kept(kept) => kept.files,
        }
    }
}

/// The declaration of a role that keeps something about members.
#[derive(Debug, Clone, Copy)]
pub struct KeptData {
    /// The files that it contributes to an export, in the order of the archive.
    pub files: &'static [ExportFile],
    /// Every table of its own schema, and what an export has of it.
    pub tables: &'static [(&'static str, TableData)],
}

/// What an export has of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableData {
    /// The member's rows, in the file of this name.
    ExportedIn(&'static str),
    /// Nothing, and why.
    NotExported(&'static str),
}

/// A file of an export, or a folder of files.
#[derive(Debug, Clone, Copy)]
pub struct ExportFile {
    /// Its path in the archive, unique among all roles; that of a folder ends with `/`.
    pub name: &'static str,
    /// What it holds.
    pub content: FileContent,
    /// What it holds, as a sentence for the member (in `README.txt`).
    pub about: &'static str,
}

/// What a file of an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileContent {
    /// One JSON object.
    Record,
    /// A JSON array of objects.
    List,
    /// A folder of files of the object store, as they are.
    Originals,
}

/// A page of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportPage {
    /// The objects of this page; of a [`FileContent::Record`] there is one.
    #[serde(default)]
    pub records: Vec<Value>,
    /// The files of this page, of [`FileContent::Originals`].
    #[serde(default)]
    pub originals: Vec<OriginalFile>,
    /// Where the next page starts; `None` on the last page. Letters, digits, dashes and underscores.
    #[serde(default)]
    pub next: Option<String>,
}

impl ExportPage {
    /// Returns the only page of a record.
    pub fn of_record(record: Value) -> Self {
        Self { records: vec![record], ..Self::default() }
    }

    /// Returns a page of records.
    pub fn of_records(records: Vec<Value>, next: Option<String>) -> Self {
        Self { records, next, ..Self::default() }
    }
}

/// A file of the object store, in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalFile {
    /// Its name within its folder, unique there.
    pub name: String,
    /// The key of its object.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When the member sent it.
    pub modified_at: DateTime<Utc>,
}

/// Reads what a role keeps about a member. Implemented by every role that declares files.
#[async_trait]
pub trait PersonalDataSource: Send + Sync {
    /// Returns a page of the declared file `file` about a member; `after` is the `next` of the page before. It has only
    /// what is the member's own: no secret and no hash of one, and nothing about other members. A file that this
    /// release does not know has no content.
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error>;
}

#[derive(Debug, Deserialize)]
struct PageParams {
    file: String,
    after: Option<String>,
}

/// Returns the path at which a role returns a page of a file about a member to the exporter.
pub fn path(role: &str, account: Uuid, file: &str, after: Option<&str>) -> String {
    let page = after.map_or_else(String::new, |after| format!("&after={after}"));
    format!("/internal/personal-data/{role}/{account}?file={file}{page}")
}

/// Returns the route of a role's source.
pub fn router(role: &str, source: Arc<dyn PersonalDataSource>) -> Router {
    Router::new().route(&format!("/internal/personal-data/{role}/{{account}}"), get(page).with_state(source))
}

async fn page(
    State(source): State<Arc<dyn PersonalDataSource>>,
    Path(account): Path<Uuid>,
    Query(params): Query<PageParams>,
) -> Result<Json<ExportPage>, Problem> {
    Ok(Json(source.export_page(account, &params.file, params.after.as_deref()).await?))
}

/// The tables that the platform adds to the schema of every role with a database.
pub const PLATFORM_TABLES: &[(&str, TableData)] = &[
    ("schema_version", TableData::NotExported("The steps of the schema.")),
    ("outbox", TableData::NotExported("Events of the last days, which repeat what the other tables hold.")),
    ("inbox", TableData::NotExported("The ids of events that were handled.")),
    ("schedule_run", TableData::NotExported("The runs of timed jobs, and which operator asked for one.")),
    ("schedule_job", TableData::NotExported("The timed jobs, and which operator has paused one.")),
    ("idempotency", TableData::NotExported("Responses that a client may ask for again, for a day.")),
    ("orphan_object", TableData::NotExported("Keys of files that nothing names any more.")),
    (
        "mail_outbox",
        TableData::NotExported("Mails to the member, for 30 days; those that were sent without their texts."),
    ),
    ("mail_forgotten", TableData::NotExported("The ids of mails that are being removed, for minutes.")),
    ("removal_hold", TableData::NotExported("Until when a backup holds the removal of files.")),
    ("restored", TableData::NotExported("When the database was restored from a backup.")),
    ("environment", TableData::NotExported("The name of the installation that the database belongs to.")),
    ("retirement", TableData::NotExported("That another installation has taken over, and why.")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_at_a_path_that_is_a_uri() {
        let path = path("media", Uuid::nil(), "media/items.json", Some("5kT0vYq8"));
        assert_eq!(path.parse::<http::Uri>().unwrap().query(), Some("file=media/items.json&after=5kT0vYq8"));
    }
}

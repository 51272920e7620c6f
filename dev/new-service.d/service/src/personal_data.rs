//! What this role keeps about members, and its part of an export of their data.
//!
//! Invariant: a file has the rows of one member, and nothing about others.

use async_trait::async_trait;
use contract::AccountId;
use serde_json::json;
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::state::NewService;
use crate::store;

const ENTRIES: &str = "newservice/entries.json";
/// Entries of a page.
const PAGE: usize = 100;

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[ExportFile { name: ENTRIES, content: FileContent::List, about: "Your entries." }],
    tables: &[("entry", TableData::ExportedIn(ENTRIES))],
};

#[async_trait]
impl PersonalDataSource for NewService {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error> {
        if file != ENTRIES {
            return Ok(ExportPage::default());
        }
        let before = after.map_or(Ok(Uuid::max()), str::parse).map_err(|_| db::Error::Corrupt("a cursor"))?;
        let entries = store::entries::list(self.context.db.read(), AccountId(account), before, PAGE).await?;
        let next = entries.last().filter(|_| entries.len() == PAGE).map(|entry| entry.id.to_string());
        let records = entries
            .into_iter()
            .map(|entry| json!({"id": entry.id, "text": entry.text, "created_at": entry.created_at}));
        Ok(ExportPage::of_records(records.collect(), next))
    }
}

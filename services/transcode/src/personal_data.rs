//! What this role keeps about members, and its part of an export: how the conversions of their items went.
//!
//! Invariant: a page has conversions of one member only, and names no object.

use async_trait::async_trait;
use contract::AccountId;
use serde_json::json;
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::state::Worker;
use crate::store;

const CONVERSIONS: &str = "transcode/conversions.json";
/// Conversions of a page.
const PAGE: usize = 100;
/// Why what is made of an original is in no export.
const MADE: TableData = TableData::NotExported("Made of the originals, which the archive has.");

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[ExportFile {
        name: CONVERSIONS,
        content: FileContent::List,
        about: "When your videos, songs and photos were converted, and why one could not be.",
    }],
    tables: &[
        ("job", TableData::ExportedIn(CONVERSIONS)),
        ("task", TableData::NotExported("The steps of conversions, which are removed when those are complete.")),
        ("member_queue", TableData::NotExported("Whose turn it is to convert; removed when nothing waits.")),
        ("queue_clock", TableData::NotExported("A clock of each queue; of no member.")),
        ("rendition", MADE),
        ("segment", MADE),
        ("asset", MADE),
        ("tiles", MADE),
    ],
};

#[async_trait]
impl PersonalDataSource for Worker {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error> {
        if file != CONVERSIONS {
            return Ok(ExportPage::default());
        }
        let (sql, after) = (self.context.db.read(), after.unwrap_or_default());
        let jobs = store::list_jobs_by_owner(sql, AccountId(account), after, PAGE).await?;
        let next = jobs.last().filter(|_| jobs.len() == PAGE).map(|job| job.media.clone());
        let records = jobs.iter().map(|job| {
            json!({
                "item": job.media,
                "state": job.state,
                "percent": job.percent,
                "failure": job.code.as_ref().map(|code| json!({"code": code, "detail": job.detail})),
                "started_at": job.started_at,
                "created_at": job.created_at,
                "updated_at": job.updated_at,
            })
        });
        Ok(ExportPage::of_records(records.collect(), next))
    }
}

//! What this role keeps about members, and its part of an export: the decisions against them, and their appeals.
//!
//! Invariant: a record names neither who has reported something nor who has decided.

use async_trait::async_trait;
use contract::AccountId;
use serde_json::{Value, json};
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::error::Error;
use crate::queries::{self, OwnAppeal, OwnDecision};
use crate::state::Moderation;

const DECISIONS: &str = "moderation/decisions.json";
/// Records of a page.
const PAGE: usize = 100;

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[ExportFile {
        name: DECISIONS,
        content: FileContent::List,
        about: "What moderators and checks have decided against you, why, and your appeals.",
    }],
    tables: &[
        ("moderation_case", TableData::NotExported("Copies of what was reported, until half a year after a decision.")),
        ("case_report", TableData::NotExported("What you have reported, which the files of where you did so have.")),
        (
            "closed_report",
            TableData::NotExported("Ids of reports that were closed first, about no member, for 30 days."),
        ),
        ("case_decision", TableData::ExportedIn(DECISIONS)),
        ("moderation_count", TableData::NotExported("Counts by day, about no member.")),
        ("erased_account", TableData::NotExported("Ids of accounts that were erased, for 30 days.")),
    ],
};

#[async_trait]
impl PersonalDataSource for Moderation {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error> {
        if file != DECISIONS {
            return Ok(ExportPage::default());
        }
        let before = after.map_or(Ok(Uuid::max()), str::parse).map_err(|_| db::Error::Corrupt("a cursor"))?;
        match queries::list_own(self.context.db.read(), AccountId(account), before, PAGE).await {
            Ok((found, next)) => Ok(ExportPage::of_records(found.into_iter().map(record).collect(), next)),
            Err(Error::Db(error)) => Err(error),
            Err(_) => Err(db::Error::Corrupt("a decision")),
        }
    }
}

fn record(own: OwnDecision) -> Value {
    let OwnDecision { row, appeal } = own;
    let appeal = appeal.map(|OwnAppeal { state, case, answer }| {
        let text = case.appeal.map(|appeal| appeal.text);
        json!({"state": state, "text": text, "answer": answer, "at": case.created_at})
    });
    json!({
        "id": row.id,
        "kind": row.thing.kind,
        "object": row.thing.id,
        "text": row.evidence.text,
        "media": row.evidence.media,
        "action": row.decision.action,
        "reason": row.decision.reason,
        "statement": row.decision.statement,
        "until": row.decision.until,
        "is_automatic": row.is_automatic(),
        "at": row.decided_at,
        "overturned_at": row.overturned_at,
        "appeal": appeal,
    })
}

//! What an export has of threads: those that a member has opened, those that they moderate, and those into which they
//! were invited. Their parts are posts.
//!
//! Invariant: a page has one of the three kinds, and a cursor names the kind of its page.

use chrono::DateTime;
use db::{Db, Error};
use serde_json::json;
use service::personal_data::ExportPage;
use uuid::Uuid;

use crate::model::{PersonNumber, Position, parse_cursor};
use crate::store::personal_data::list_threads;
use crate::store::threads::{Office, list_with_office};

/// Rows of a page.
const PAGE: usize = 100;
/// The first letters of cursors.
const OPENED: &str = "o";
const MODERATED: &str = "m";
const INVITED: &str = "i";

/// Returns a page of the threads of a member.
pub(super) async fn threads_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let corrupt = || Error::Corrupt("a cursor");
    let Some(after) = after else { return opened_page(db, member, Position::START).await };
    let (kind, place) = after.split_once('-').ok_or_else(corrupt)?;
    let id = || Uuid::parse_str(place).map_err(|_| corrupt());
    match kind {
        OPENED => opened_page(db, member, parse_cursor(place).map(Position).ok_or_else(corrupt)?).await,
        MODERATED => office_page(db, member, Office::Moderator, id()?).await,
        INVITED => office_page(db, member, Office::Invited, id()?).await,
        _ => Err(corrupt()),
    }
}

async fn opened_page(db: &Db, member: PersonNumber, after: Position) -> Result<ExportPage, Error> {
    let found = list_threads(db.read(), member, after, PAGE).await?;
    let next = match found.last().filter(|_| found.len() == PAGE) {
        Some(last) => format!("{OPENED}-{}", last.position),
        None => format!("{MODERATED}-{}", Uuid::nil()),
    };
    let records = found.iter().map(|row| {
        let created_at = DateTime::from_timestamp_micros(row.created_us);
        json!({"kind": "opened", "id": row.id, "rule": row.rule, "cap": row.cap, "created_at": created_at})
    });
    Ok(ExportPage::of_records(records.collect(), Some(next)))
}

async fn office_page(db: &Db, member: PersonNumber, office: Office, after: Uuid) -> Result<ExportPage, Error> {
    let found = list_with_office(db.read(), office, member, after, PAGE).await?;
    let (kind, letter, following) = match office {
        Office::Moderator => ("moderated", MODERATED, Some(format!("{INVITED}-{}", Uuid::nil()))),
        Office::Invited => ("invited", INVITED, None),
    };
    let last = found.last().filter(|_| found.len() == PAGE);
    let next = last.map(|last| format!("{letter}-{last}")).or(following);
    Ok(ExportPage::of_records(found.iter().map(|id| json!({"kind": kind, "id": id})).collect(), next))
}

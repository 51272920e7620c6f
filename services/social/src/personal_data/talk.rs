//! What an export has of what a member has said about posts, and of their greetings.
//!
//! Invariant: each record is one of the member's own; it names posts and comments by their ids, and nobody.

use chrono::{DateTime, Utc};
use db::{Db, Error};
use serde_json::{Value, json};
use service::personal_data::ExportPage;
use uuid::Uuid;

use crate::model::{PersonNumber, Position, parse_cursor};
use crate::store::{greetings, personal_data as rows, post_media, removals, talk_settings};

/// Rows of a page.
const PAGE: usize = 100;
/// Greetings of a page: each is read with its clip.
const GREETINGS_PAGE: usize = 50;

fn parse_id(after: Option<&str>, first: Uuid) -> Result<Uuid, Error> {
    after.map_or(Ok(first), |text| Uuid::parse_str(text).map_err(|_| Error::Corrupt("a cursor")))
}

/// Returns where the page after one with these ids starts.
fn next_id(mut ids: impl DoubleEndedIterator<Item = Uuid> + ExactSizeIterator, page: usize) -> Option<String> {
    if ids.len() < page { None } else { ids.next_back().map(|id| id.to_string()) }
}

fn second(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

fn time(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// Returns a page of the comments of a member.
pub(super) async fn comments_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let found = rows::list_comments(db.read(), member, parse_id(after, Uuid::nil())?, PAGE).await?;
    let next = next_id(found.iter().map(|row| row.id), PAGE);
    let records = found.iter().map(|row| {
        json!({
            "id": row.id,
            "post": row.post,
            "answers": (row.parent != row.post).then_some(row.parent),
            "text": row.text,
            "pending": row.is_pending,
            "created_at": time(row.created_us),
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of the reactions of a member.
pub(super) async fn reactions_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let found = rows::list_reactions(db.read(), member, parse_id(after, Uuid::nil())?, PAGE).await?;
    let next = next_id(found.iter().map(|row| row.post), PAGE);
    let records = found.iter().map(|row| json!({"post": row.post, "kind": row.kind, "since": second(row.since_s)}));
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of the posts that a member has saved.
pub(super) async fn saved_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let found = rows::list_saved(db.read(), member, parse_id(after, Uuid::nil())?, PAGE).await?;
    let next = next_id(found.iter().map(|row| row.post), PAGE);
    let records = found.iter().map(|row| json!({"post": row.post, "since": Position(row.position).moment()}));
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of the reposts of a member.
pub(super) async fn reposts_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let parse = |text| parse_cursor(text).map(Position).ok_or(Error::Corrupt("a cursor"));
    let after = after.map_or(Ok(Position::START), parse)?;
    let found = rows::list_reposts(db.read(), member, after, PAGE).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.position.to_string());
    let records = found
        .iter()
        .map(|row| json!({"post": row.post, "pending": row.is_pending, "since": Position(row.position).moment()}));
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of the reports of a member.
pub(super) async fn reports_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let found = rows::list_reports(db.read(), member, parse_id(after, Uuid::nil())?, PAGE).await?;
    let next = next_id(found.iter().map(|row| row.id), PAGE);
    let records = found.iter().map(|row| {
        json!({
            "id": row.id,
            "kind": row.kind,
            "object": row.object,
            "reason": row.reason,
            "text": row.text,
            "state": row.state,
            "decision": row.decision,
            "created_at": time(row.created_us),
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of what moderators have removed of a member's.
pub(super) async fn removals_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let parse = |text| parse_cursor(text).map(Position).ok_or(Error::Corrupt("a cursor"));
    let before = after.map_or(Ok(Position::END), parse)?;
    let found = removals::list(db.read(), member, before, PAGE).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.notice.position.0.to_string());
    let records = found.iter().map(|row| {
        json!({
            "kind": row.kind,
            "id": row.object,
            "excerpt": row.excerpt,
            "reason": row.notice.reason,
            "message": row.notice.message,
            "removed_at": row.notice.position.moment(),
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of the greetings of a member, with the ids of their clips.
pub(super) async fn greetings_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let before = parse_id(after, Uuid::max())?;
    let found = greetings::list(db.read(), member, before, GREETINGS_PAGE).await?;
    let next = next_id(found.iter().map(|greeting| greeting.id), GREETINGS_PAGE);
    let ids: Vec<Uuid> = found.iter().map(|greeting| greeting.id).collect();
    let media = post_media::list(db.read(), &ids).await?;
    let records = found.iter().map(|greeting| {
        let clips: Value = media.get(&greeting.id).into_iter().flatten().map(|item| json!(item.id)).collect();
        json!({
            "id": greeting.id,
            "to_name": greeting.to_name,
            "text": greeting.text,
            "media": clips,
            "created_at": greeting.created_at,
            "expires_at": greeting.expires_at,
            "opened_at": greeting.opened_at,
            "openings": greeting.open_count,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns the page with what a member wants of comments.
pub(super) async fn settings_page(db: &Db, member: PersonNumber) -> Result<ExportPage, Error> {
    let settings = talk_settings::find(db.read(), member).await?;
    Ok(ExportPage::of_record(json!({
        "approval": settings.approval,
        "watched_words": settings.watched_words.into_words(),
    })))
}

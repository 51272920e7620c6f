//! What notify keeps about members, and its part of an export: their notices, their preferences, their reminders, and
//! what they have muted.
//!
//! Invariant: a record of a notice names nobody who has acted.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::AccountId;
use db::Error;
use serde_json::{Value, json};
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::history::{Filter, Notice};
use crate::state::Notify;
use crate::store::{devices, reminders, settings};

const NOTICES: &str = "notify/notices.json";
const FILTERED: &str = "notify/filtered.json";
const MUTES: &str = "notify/muted.json";
const REMINDERS: &str = "notify/reminders.json";
const PREFERENCES: &str = "notify/preferences.json";
const DEVICES: &str = "notify/devices.json";

/// Records of a page.
const PAGE: usize = 100;

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[
        file(NOTICES, FileContent::List, "Your notifications, the newest first."),
        file(FILTERED, FileContent::List, "Notifications that your preferences have filtered."),
        file(MUTES, FileContent::List, "The ids of the posts and threads that you have muted."),
        file(REMINDERS, FileContent::List, "What you want to be reminded of, and when."),
        file(PREFERENCES, FileContent::Record, "What you want to be notified of."),
        file(DEVICES, FileContent::List, "The devices that your notifications are pushed to, without their tokens."),
    ],
    tables: &[
        ("person", TableData::NotExported("A copy of the profile and the standing that account.json has.")),
        ("erased_account", TableData::NotExported("Ids of accounts that were erased, for 30 days.")),
        ("relation", TableData::NotExported("A copy of follows, blocks and mutes that social/follows.json has.")),
        ("settings", TableData::ExportedIn(PREFERENCES)),
        ("subject_mute", TableData::ExportedIn(MUTES)),
        ("removed_subject", TableData::NotExported("Ids of posts, comments and files that are gone, for 30 days.")),
        ("media_owner", TableData::NotExported("Which files are being converted, for 30 days.")),
        ("fan_out", TableData::NotExported("How far the followers were told of posts.")),
        ("post_audience", TableData::NotExported("Who may read posts that were changed, for 30 days.")),
        ("recipient", TableData::NotExported("Counts of the notifications.")),
        ("notice", TableData::ExportedIn(NOTICES)),
        ("device", TableData::ExportedIn(DEVICES)),
        ("ended_session", TableData::NotExported("Ids of sessions that have ended, for 30 days.")),
        ("push", TableData::NotExported("Which notifications wait for devices or are shown there, for a week.")),
        ("provider_token", TableData::NotExported("What this installation shows to Apple, for an hour.")),
        ("dated_subject", TableData::NotExported("Dates of what others own, and of what other files have.")),
        ("dated_member", TableData::NotExported("Whose reminders may follow these dates.")),
        ("reminder", TableData::ExportedIn(REMINDERS)),
        ("announcement", TableData::NotExported("What operators announced to all; it is about no member.")),
        ("announcement_reader", TableData::NotExported("Up to where you have seen announcements.")),
        ("announcement_mark", TableData::NotExported("Which announcements you have read or removed.")),
        ("notice_mail", TableData::NotExported("Which notifications are mailed when, for as long as those are kept.")),
        ("mailed_member", TableData::NotExported("When you were mailed last, for as long as notifications are kept.")),
        ("notice_entry", TableData::NotExported("What others did, so that they are notified of once.")),
    ],
};

const fn file(name: &'static str, content: FileContent, about: &'static str) -> ExportFile {
    ExportFile { name, content, about }
}

#[async_trait]
impl PersonalDataSource for Notify {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, Error> {
        let member = AccountId(account);
        match file {
            NOTICES => notices_page(self, member, false, after).await,
            FILTERED => notices_page(self, member, true, after).await,
            MUTES => mutes_page(self, member, after.unwrap_or_default()).await,
            REMINDERS => reminders_page(self, member, after).await,
            PREFERENCES => {
                let preferences = settings::find(self.context.db.read(), member).await?;
                let record = serde_json::to_value(preferences).map_err(|_| Error::Corrupt("preferences"))?;
                Ok(ExportPage::of_record(record))
            }
            DEVICES => devices_page(self, member).await,
            _ => Ok(ExportPage::default()),
        }
    }
}

async fn notices_page(
    notify: &Notify,
    member: AccountId,
    is_filtered: bool,
    after: Option<&str>,
) -> Result<ExportPage, Error> {
    let parse = |text| Uuid::parse_str(text).map_err(|_| Error::Corrupt("a cursor"));
    let before = after.map_or(Ok(Uuid::max()), parse)?;
    let filter = Filter { is_filtered, ..Filter::default() };
    let notices = notify.history.list(member, filter, before, PAGE).await?;
    let next = notices.last().filter(|_| notices.len() == PAGE).map(|last| last.id.to_string());
    Ok(ExportPage::of_records(notices.iter().map(record).collect(), next))
}

fn record(notice: &Notice) -> Value {
    json!({
        "kind": notice.kind,
        "subject": notice.subject,
        "count": notice.actor_count,
        "seen": notice.is_seen,
        "read": notice.is_read,
        "created_at": time_of(notice.id),
    })
}

/// Returns the time of a UUIDv7 (RFC 9562, section 5.7).
fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}

async fn mutes_page(notify: &Notify, member: AccountId, after: &str) -> Result<ExportPage, Error> {
    let subjects = settings::list_mutes_of(notify.context.db.read(), member, after, PAGE).await?;
    let next = subjects.last().filter(|_| subjects.len() == PAGE).cloned();
    let records = subjects.iter().map(|subject| json!({"subject": subject}));
    Ok(ExportPage::of_records(records.collect(), next))
}

/// All devices: they are few.
async fn devices_page(notify: &Notify, member: AccountId) -> Result<ExportPage, Error> {
    let devices = devices::list(notify.context.db.read(), member, usize::MAX).await?;
    let record = |device: &devices::Device| {
        json!({
            "kind": device.address.kind(),
            "language": device.language,
            "registered_at": device.registered_at,
        })
    };
    Ok(ExportPage::of_records(devices.iter().map(record).collect(), None))
}

async fn reminders_page(notify: &Notify, member: AccountId, after: Option<&str>) -> Result<ExportPage, Error> {
    let parse = |text| Uuid::parse_str(text).map_err(|_| Error::Corrupt("a cursor"));
    let before = after.map_or(Ok(Uuid::max()), parse)?;
    let found = reminders::list(notify.context.db.read(), member, before, PAGE).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.id.to_string());
    let records = found.iter().map(|found| json!({"text": found.text, "at": found.at, "state": found.state.as_str()}));
    Ok(ExportPage::of_records(records.collect(), next))
}

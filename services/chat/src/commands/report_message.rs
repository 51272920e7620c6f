//! Reporting a message.
//!
//! Invariant: a member reports what others have sent and they see, or saw before they deleted, declined or left it;
//! each message once. Moderation gets a copy of what it is at this moment.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::moderation::{Evidence, Reported};
use db::{Lane, Tx};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Message, MessageState, NewReport, message_thing};
use crate::state::Chat;
use crate::store::reports::Report;
use crate::store::{conversations, media, members, messages, people, reports};

/// The time in which reports of a member are counted.
const COUNTED_TIME: TimeDelta = TimeDelta::hours(1);

/// Stores a report for moderators, and returns its id.
pub(crate) async fn report_message(
    chat: &Chat,
    reporter: AccountId,
    message: Uuid,
    new: NewReport,
) -> Result<Uuid, Error> {
    let (now, max) = (chat.context.clock.now(), chat.config.max_reports_per_hour);
    let id = chat.context.random.uuid_v7(now);
    let report = Report { id, message, reporter, reason: new.reason, text: new.text, created_at: now };
    chat.context.db.write(Lane::of(&reporter), async move |tx| store(tx, report, max).await).await?;
    Ok(id)
}

async fn store(tx: &Tx, report: Report, max: u32) -> Result<(), Error> {
    let (reporter, now) = (report.reporter, report.created_at);
    let message = find_reportable(tx, reporter, report.message).await?;
    check_rate(tx, reporter, max, now).await?;
    if !reports::insert(tx, &report).await? {
        return Err(Error::ReportedAlready);
    }
    let items = media::list(tx, &[message.id]).await?.remove(&message.id).unwrap_or_default();
    let (media, place) = (items.into_iter().map(|item| item.id), message.conversation.to_string());
    let event = Reported {
        id: report.id,
        thing: message_thing(message.id),
        owner: message.author,
        reporter,
        reason: report.reason,
        text: report.text,
        evidence: Evidence::of(&message.text, media, Some(place)),
        at: now,
    };
    Ok(tx.publish(&event, now)?)
}

/// Returns a message that a member may report.
async fn find_reportable(tx: &Tx, reporter: AccountId, id: Uuid) -> Result<Message, Error> {
    let message = messages::find(tx, id).await?.ok_or(Error::NotFound)?;
    let conversation = conversations::find(tx, message.conversation).await?.ok_or(Error::NotFound)?;
    let member = members::find(tx, message.conversation, reporter).await?.ok_or(Error::NotFound)?;
    if message.author == reporter {
        return Err(Error::InvalidReport("You can't report a message of your own. Delete it instead."));
    }
    let is_shown = message.state == MessageState::Sent && member.has_been_shown(message.seq, conversation.is_group());
    let erased = people::list_erased(tx, &[reporter, message.author]).await?;
    if is_shown && erased.is_empty() { Ok(message) } else { Err(Error::NotFound) }
}

/// Refuses more reports than a member may send within an hour.
async fn check_rate(tx: &Tx, reporter: AccountId, max: u32, now: DateTime<Utc>) -> Result<(), Error> {
    let newest = reports::list_times(tx, reporter, max).await?;
    let is_full = newest.len() >= max as usize;
    match newest.last().filter(|_| is_full) {
        Some(oldest) if *oldest + COUNTED_TIME > now => {
            let wait = (*oldest + COUNTED_TIME - now).to_std().unwrap_or_default();
            Err(Error::TooOften { max, wait })
        }
        _ => Ok(()),
    }
}

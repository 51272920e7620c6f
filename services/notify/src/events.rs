//! The events that this role consumes: what it tells members of, and what it must know to decide whether it may. It
//! publishes [`contract::notify::Notified`] where the history is written.
//!
//! Invariant: handling an event twice changes nothing more (a notice has each entry once, older facts are discarded,
//! removed rows stay removed), so no subscription needs the inbox, but that of pushes.

use std::time::Duration;

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::{Erased, ProfileChanged, SessionsEnded, StandingChanged};
use contract::chat::ConversationRead;
use contract::dates::{DateChanged, MAX_DATE_MEMBERS};
use contract::media::{Deleted, Received};
use contract::notify::Notified;
use contract::social::talk::CommentRemoved;
use contract::social::threads::ThreadAudienceChanged;
use contract::social::{
    Blocked, CloseChanged, Followed, Muted, PostChanged, PostRemoved, Posted, Unblocked, Unfollowed, Unmuted,
};
use contract::transcode::{Failed, Ready};
use contract::{AccountId, Event};
use serde::de::DeserializeOwned;

use crate::commands::{self, Conversion, ReminderFired};
use crate::model::{DatedSubject, Relation, RelationKind, SUBJECTS, proposals_of};
use crate::state::Notify;

/// Events in one batch.
const BATCH_EVENTS: usize = 25;
/// A fan-out with more to tell goes behind the others for this long.
const FAN_OUT_PAUSE: Duration = Duration::from_millis(5);

/// Posts that a process tells of at once. Most have a single batch, and wait for the database and the bus for most of
/// their time; the batches of all of them are bounded in [`crate::state`].
const FAN_OUTS_AT_ONCE: usize = 8;

/// After this time another process goes on with the fan-out of one that was killed.
const FAN_OUT_LEASE: Duration = Duration::from_secs(10);
/// While too many pushes wait, an event waits for this long.
const PUSH_PAUSE: Duration = Duration::from_secs(15);

/// What happens to files: in one subscription, because the upload says whose a file is that is converted later.
const MEDIA_SUBJECTS: &[&str] = &[Received::SUBJECT, Ready::SUBJECT, Failed::SUBJECT, Deleted::SUBJECT];

/// What has a date that reminders follow. A story has an end; its removal cancels it.
const DATE_SUBJECTS: &[&str] = &[DateChanged::SUBJECT, Posted::SUBJECT, PostRemoved::SUBJECT];

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<Notify> {
    Subscriptions::new()
        .batch("notify.facts", SUBJECTS, BATCH_EVENTS, on_facts, |on| on.concurrency(4))
        .on("notify.fan_out", on_posted, |on| on.lease(FAN_OUT_LEASE).concurrency(FAN_OUTS_AT_ONCE))
        .on("notify.followed", on_followed, |on| on)
        .on("notify.unfollowed", on_unfollowed, |on| on)
        .on("notify.blocked", on_blocked, |on| on)
        .on("notify.unblocked", on_unblocked, |on| on)
        .on("notify.muted", on_muted, |on| on)
        .on("notify.unmuted", on_unmuted, |on| on)
        .on("notify.close", on_close_changed, |on| on)
        .on("notify.post_changed", on_post_changed, |on| on)
        .on("notify.thread_audience", on_thread_audience_changed, |on| on)
        .on("notify.post_removed", on_post_removed, |on| on)
        .on("notify.comment_removed", on_comment_removed, |on| on)
        .on("notify.conversation_read", on_conversation_read, |on| on)
        .batch("notify.media", MEDIA_SUBJECTS, BATCH_EVENTS, on_media, |on| on.concurrency(1))
        .batch("notify.dates", DATE_SUBJECTS, BATCH_EVENTS, on_dates, |on| on.concurrency(1))
        .on("notify.reminders", on_reminder_fired, |on| on)
        .on("notify.mail", enqueue_mails, |on| on)
        .on("notify.profile", on_profile_changed, |on| on)
        .on("notify.standing", on_standing_changed, |on| on)
        .on("notify.sessions", on_sessions_ended, |on| on)
        .on("notify.erased", on_erased, |on| on)
        .on(commands::PUSH_CONSUMER, enqueue_pushes, |on| on.concurrency(4))
}

fn unreadable(error: &serde_json::Error) -> HandlerError {
    HandlerError::DeadLetter(format!("unreadable event: {error}"))
}

async fn on_facts(notify: Notify, deliveries: Vec<Delivery>) -> Result<(), HandlerError> {
    let mut proposals = Vec::new();
    for Delivery { event, .. } in &deliveries {
        proposals.extend(proposals_of(&event.subject, &event.payload).map_err(|error| unreadable(&error))?);
    }
    Ok(commands::tell(&notify, proposals).await?)
}

async fn on_posted(notify: Notify, event: Posted, _: Delivery) -> Result<(), HandlerError> {
    let is_done = commands::fan_out(&notify, &event).await?;
    if is_done { Ok(()) } else { Err(HandlerError::Later(FAN_OUT_PAUSE)) }
}

fn relation(member: AccountId, other: AccountId, kind: RelationKind) -> Relation {
    Relation { member, other, kind }
}

async fn on_followed(notify: Notify, event: Followed, _: Delivery) -> Result<(), HandlerError> {
    let follow = relation(event.follower, event.followee, RelationKind::Follow);
    Ok(commands::set_relation(&notify, follow, true, None, event.at).await?)
}

async fn on_unfollowed(notify: Notify, event: Unfollowed, _: Delivery) -> Result<(), HandlerError> {
    let follow = relation(event.follower, event.followee, RelationKind::Follow);
    Ok(commands::set_relation(&notify, follow, false, None, event.at).await?)
}

async fn on_blocked(notify: Notify, event: Blocked, _: Delivery) -> Result<(), HandlerError> {
    let block = relation(event.blocker, event.blocked, RelationKind::Block);
    Ok(commands::set_relation(&notify, block, true, None, event.at).await?)
}

async fn on_unblocked(notify: Notify, event: Unblocked, _: Delivery) -> Result<(), HandlerError> {
    let block = relation(event.blocker, event.blocked, RelationKind::Block);
    Ok(commands::set_relation(&notify, block, false, None, event.at).await?)
}

async fn on_muted(notify: Notify, event: Muted, _: Delivery) -> Result<(), HandlerError> {
    let mute = relation(event.member, event.muted, RelationKind::Mute);
    Ok(commands::set_relation(&notify, mute, true, event.until, event.at).await?)
}

async fn on_unmuted(notify: Notify, event: Unmuted, _: Delivery) -> Result<(), HandlerError> {
    let mute = relation(event.member, event.muted, RelationKind::Mute);
    Ok(commands::set_relation(&notify, mute, false, None, event.at).await?)
}

/// The friend is the one who stands to the other in this relation.
async fn on_close_changed(notify: Notify, event: CloseChanged, _: Delivery) -> Result<(), HandlerError> {
    let close = relation(event.friend, event.member, RelationKind::Close);
    Ok(commands::set_relation(&notify, close, event.is_close, None, event.at).await?)
}

async fn on_post_changed(notify: Notify, event: PostChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::change_audience(&notify, event).await?)
}

async fn on_thread_audience_changed(
    notify: Notify,
    event: ThreadAudienceChanged,
    _: Delivery,
) -> Result<(), HandlerError> {
    Ok(commands::change_thread_audience(&notify, event).await?)
}

async fn on_post_removed(notify: Notify, event: PostRemoved, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::remove_subject(&notify, event.id.to_string()).await?)
}

async fn on_comment_removed(notify: Notify, event: CommentRemoved, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::remove_entry(&notify, event.id.to_string()).await?)
}

async fn on_conversation_read(notify: Notify, event: ConversationRead, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::read_conversation(&notify, event.conversation.to_string(), event.member).await?)
}

async fn on_media(notify: Notify, deliveries: Vec<Delivery>) -> Result<(), HandlerError> {
    for Delivery { event, .. } in &deliveries {
        match event.subject.as_str() {
            Received::SUBJECT => commands::record_file(&notify, read(&event.payload)?).await?,
            Deleted::SUBJECT => commands::remove_file(&notify, read(&event.payload)?).await?,
            Ready::SUBJECT => {
                let Ready { id, .. } = read(&event.payload)?;
                commands::tell_of_conversion(&notify, &id, Conversion::Ready).await?;
            }
            _ => {
                let Failed { id, .. } = read(&event.payload)?;
                commands::tell_of_conversion(&notify, &id, Conversion::Failed).await?;
            }
        }
    }
    Ok(())
}

fn read<E: DeserializeOwned>(payload: &str) -> Result<E, HandlerError> {
    serde_json::from_str(payload).map_err(|error| unreadable(&error))
}

async fn on_dates(notify: Notify, deliveries: Vec<Delivery>) -> Result<(), HandlerError> {
    for Delivery { event, .. } in &deliveries {
        match event.subject.as_str() {
            DateChanged::SUBJECT => {
                let DateChanged { subject, date, zone, members, version } = read(&event.payload)?;
                let members = members.into_iter().take(MAX_DATE_MEMBERS).collect();
                commands::set_date(&notify, DatedSubject { subject, date, zone, version }, members).await?;
            }
            Posted::SUBJECT => {
                let Posted { id, author, expires_at, .. } = read(&event.payload)?;
                if expires_at.is_some() {
                    let end = DatedSubject { subject: id, date: expires_at, zone: "UTC".to_owned(), version: 1 };
                    commands::set_date(&notify, end, vec![author]).await?;
                }
            }
            _ => {
                let PostRemoved { id, .. } = read(&event.payload)?;
                commands::cancel_date(&notify, id).await?;
            }
        }
    }
    Ok(())
}

async fn on_reminder_fired(notify: Notify, event: ReminderFired, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::tell_of_reminder(&notify, &event).await?)
}

async fn enqueue_mails(notify: Notify, event: Notified, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::enqueue_mails(&notify, &event).await?)
}

async fn on_profile_changed(notify: Notify, event: ProfileChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_profile(&notify, event.profile).await?)
}

async fn on_standing_changed(notify: Notify, event: StandingChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_standing(&notify, event).await?)
}

async fn on_sessions_ended(notify: Notify, event: SessionsEnded, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::end_sessions(&notify, event).await?)
}

async fn on_erased(notify: Notify, event: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&notify, event.account).await?)
}

/// While too many pushes wait, events wait on the bus, which keeps them.
async fn enqueue_pushes(notify: Notify, event: Notified, delivery: Delivery) -> Result<(), HandlerError> {
    if notify.push.waiting() >= notify.config.push_max_waiting {
        return Err(HandlerError::Later(PUSH_PAUSE));
    }
    Ok(commands::enqueue_pushes(&notify, &event, &delivery.event.id).await?)
}

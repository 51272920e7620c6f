//! The public events: which of the installation's events a receiver gets, and what of them.
//!
//! Owns the table from internal events to public ones; the payload of a public event only ever grows. Invariant: a
//! payload has no e-mail address, no handle, no name or tag that a member wrote, no file name, no digest, no object
//! key and no URL.

mod social;

use base::Event;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, Erased, PrivacyChanged, StandingChanged};
use contract::media::{Changed, Deleted, Received};
use contract::social::talk::{CommentRemoved, Commented, ReportClosed, Reported};
use contract::social::threads::{PartAdded, PartApproved, PartRemoved, ThreadOpened};
use contract::social::{PostChanged, PostRemoved, Posted};
use contract::transcode::{Failed, Playable, Ready};
use serde::Serialize;
use serde_json::{Value, json};

/// A type of public event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventType {
    /// Its name, `thing.past_tense`; it never changes.
    pub name: &'static str,
    /// What has happened, and what `data` has.
    pub description: &'static str,
}

/// The type of the event that an operator sends to try a webhook.
pub(crate) const TEST_TYPE: &str = "webhook.test";

/// The types that a webhook can subscribe to.
pub(crate) const EVENT_TYPES: [EventType; 23] = [
    event("account.banned", "An account was banned. `data`: `id`, `until`, `version`."),
    event("account.erased", "An account was erased. `data`: `id`."),
    event("account.limited", "An account publishes nothing for now. `data`: `id`, `until`, `version`."),
    event("account.privacy_changed", "A profile became private or public. `data`: `id`, `is_private`."),
    event("account.restored", "An account is active again. `data`: `id`, `until`, `version`."),
    event("account.suspended", "An account was suspended. `data`: `id`, `until`, `version`."),
    event("comment.published", "A comment is shown. `data`: `id`, `post`, `author`, `answers`."),
    event("comment.removed", "A comment is gone. `data`: `id`, `post`."),
    event(
        "media.changed",
        "An item was changed, moved to the trash or restored. `data`: `id`, `visibility`, \
        `trashed`, `version`.",
    ),
    event("media.deleted", "An item was deleted for good. `data`: `id`, `owner`."),
    event("media.failed", "An item can't be converted; its original is kept. `data`: `id`, `code`."),
    event(
        "media.playable",
        "An item can be played; more renditions follow. `data`: `id`, `width`, `height`, \
        `duration_ms`.",
    ),
    event("media.ready", "An item is converted completely. `data`: `id`, `width`, `height`, `duration_ms`."),
    event(
        "media.received",
        "An upload was accepted. `data`: `id`, `owner`, `kind`, `format`, `bytes`, `visibility`, \
        `width`, `height`, `duration_ms`.",
    ),
    event("post.changed", "A post that had appeared was changed. `data`: `id`, `author`, `audience`, `version`."),
    event(
        "post.published",
        "A post has appeared, for whatever audience. `data`: `id`, `author`, `audience`, \
        `media`, `thread`, `expires_at`.",
    ),
    event("post.removed", "A post is gone. `data`: `id`."),
    event("report.closed", "A moderator has decided about a report. `data`: `id`, `decision`."),
    event("report.created", "A member has reported something. `data`: `id`, `kind`, `object`, `owner`, `reason`."),
    event("thread.opened", "A thread was opened. `data`: `id`, `opener`, `rule`, `audience`."),
    event(
        "thread.part_added",
        "A member has joined a thread; the clip is shown, or waits for approval. `data`: `thread`, `id`, `author`, \
        `answers`, `state`.",
    ),
    event("thread.part_approved", "A part that waited was approved. `data`: `thread`, `id`, `author`."),
    event("thread.part_removed", "A part belongs to its thread no more. `data`: `thread`, `id`."),
];

/// The subjects of the internal events behind them: the first column of [`TABLE`].
pub(crate) const SUBJECTS: &[&str] = &[
    Received::SUBJECT,
    Changed::SUBJECT,
    Deleted::SUBJECT,
    Playable::SUBJECT,
    Ready::SUBJECT,
    Failed::SUBJECT,
    Erased::SUBJECT,
    PrivacyChanged::SUBJECT,
    StandingChanged::SUBJECT,
    Posted::SUBJECT,
    PostChanged::SUBJECT,
    PostRemoved::SUBJECT,
    ThreadOpened::SUBJECT,
    PartAdded::SUBJECT,
    PartApproved::SUBJECT,
    PartRemoved::SUBJECT,
    Commented::SUBJECT,
    CommentRemoved::SUBJECT,
    Reported::SUBJECT,
    ReportClosed::SUBJECT,
];

/// Reads an internal event and returns the public one.
type Read = fn(&str) -> Result<PublicEvent, serde_json::Error>;

/// Each internal event, and how its public one is made.
const TABLE: [(&str, Read); 20] = [
    (Received::SUBJECT, |payload| read(payload, received)),
    (Changed::SUBJECT, |payload| read(payload, changed)),
    (Deleted::SUBJECT, |payload| read(payload, deleted)),
    (Playable::SUBJECT, |payload| read(payload, playable)),
    (Ready::SUBJECT, |payload| read(payload, ready)),
    (Failed::SUBJECT, |payload| read(payload, failed)),
    (Erased::SUBJECT, |payload| read(payload, erased)),
    (PrivacyChanged::SUBJECT, |payload| read(payload, privacy_changed)),
    (StandingChanged::SUBJECT, |payload| read(payload, standing_changed)),
    (Posted::SUBJECT, |payload| read(payload, social::post_published)),
    (PostChanged::SUBJECT, |payload| read(payload, social::post_changed)),
    (PostRemoved::SUBJECT, |payload| read(payload, social::post_removed)),
    (ThreadOpened::SUBJECT, |payload| read(payload, social::thread_opened)),
    (PartAdded::SUBJECT, |payload| read(payload, social::part_added)),
    (PartApproved::SUBJECT, |payload| read(payload, social::part_approved)),
    (PartRemoved::SUBJECT, |payload| read(payload, social::part_removed)),
    (Commented::SUBJECT, |payload| read(payload, social::comment_published)),
    (CommentRemoved::SUBJECT, |payload| read(payload, social::comment_removed)),
    (Reported::SUBJECT, |payload| read(payload, social::report_created)),
    (ReportClosed::SUBJECT, |payload| read(payload, social::report_closed)),
];

const fn event(name: &'static str, description: &'static str) -> EventType {
    EventType { name, description }
}

/// Whether a webhook can subscribe to a type.
pub(crate) fn is_event_type(name: &str) -> bool {
    EVENT_TYPES.iter().any(|known| known.name == name)
}

/// A public event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PublicEvent {
    /// Its type.
    pub event_type: &'static str,
    /// The account that it is about, so that its log goes when the account is erased.
    pub account: Option<AccountId>,
    /// When it happened, where the internal event says so.
    at: Option<DateTime<Utc>>,
    data: Value,
}

/// A payload, as it is sent.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: DateTime<Utc>,
    data: &'a Value,
}

impl PublicEvent {
    /// Returns the public event of an internal one; `None` if it has none. Fails if the payload is unreadable.
    pub(crate) fn of(subject: &str, payload: &str) -> Result<Option<Self>, serde_json::Error> {
        TABLE.iter().find(|(known, _)| *known == subject).map(|(_, read)| read(payload)).transpose()
    }

    /// Returns the event by which an operator tries a webhook.
    pub(crate) fn test() -> Self {
        let data = json!({ "message": "An operator has sent this to test the webhook." });
        Self { event_type: TEST_TYPE, account: None, at: None, data }
    }

    /// Returns the payload as JSON text. `now` is its time if the event has none of its own.
    pub(crate) fn payload(&self, now: DateTime<Utc>) -> Result<String, serde_json::Error> {
        let timestamp = self.at.unwrap_or(now);
        serde_json::to_string(&Payload { event_type: self.event_type, timestamp, data: &self.data })
    }

    fn about(event_type: &'static str, account: Option<AccountId>, data: Value) -> Self {
        Self { event_type, account, at: None, data }
    }

    fn at(self, at: DateTime<Utc>) -> Self {
        Self { at: Some(at), ..self }
    }
}

fn read<E: Event>(payload: &str, make: fn(&E) -> PublicEvent) -> Result<PublicEvent, serde_json::Error> {
    serde_json::from_str(payload).map(|event| make(&event))
}

fn received(event: &Received) -> PublicEvent {
    let data = json!({
        "id": event.id,
        "owner": event.owner,
        "kind": event.kind,
        "format": event.format,
        "bytes": event.bytes,
        "visibility": event.visibility,
        "width": event.width,
        "height": event.height,
        "duration_ms": event.duration_ms,
    });
    PublicEvent::about("media.received", Some(event.owner), data).at(event.created_at)
}

fn changed(event: &Changed) -> PublicEvent {
    let Changed { id, visibility, trashed, version, .. } = event;
    let data = json!({ "id": id, "visibility": visibility, "trashed": trashed, "version": version });
    PublicEvent::about("media.changed", None, data)
}

fn deleted(event: &Deleted) -> PublicEvent {
    let data = json!({ "id": event.id, "owner": event.owner });
    PublicEvent::about("media.deleted", Some(event.owner), data)
}

fn playable(event: &Playable) -> PublicEvent {
    let Playable { id, width, height, duration_ms } = event;
    let data = json!({ "id": id, "width": width, "height": height, "duration_ms": duration_ms });
    PublicEvent::about("media.playable", None, data)
}

fn ready(event: &Ready) -> PublicEvent {
    let Ready { id, width, height, duration_ms, .. } = event;
    let data = json!({ "id": id, "width": width, "height": height, "duration_ms": duration_ms });
    PublicEvent::about("media.ready", None, data)
}

fn failed(event: &Failed) -> PublicEvent {
    // Its sentence is for the member and may name what is in the file.
    PublicEvent::about("media.failed", None, json!({ "id": event.id, "code": event.code }))
}

fn erased(event: &Erased) -> PublicEvent {
    // No account: this event is about to be sent when the log of the account goes.
    PublicEvent::about("account.erased", None, json!({ "id": event.account })).at(event.at)
}

fn privacy_changed(event: &PrivacyChanged) -> PublicEvent {
    let data = json!({ "id": event.account, "is_private": event.is_private });
    PublicEvent::about("account.privacy_changed", Some(event.account), data).at(event.at)
}

fn standing_changed(event: &StandingChanged) -> PublicEvent {
    let StandingChanged { account, state, until, version } = event;
    let event_type = match state {
        AccountState::Active => "account.restored",
        AccountState::Limited => "account.limited",
        AccountState::Suspended => "account.suspended",
        AccountState::Banned => "account.banned",
    };
    let data = json!({ "id": account, "until": until, "version": version });
    PublicEvent::about(event_type, Some(*account), data)
}

#[cfg(test)]
mod tests {
    use contract::MediaId;
    use contract::media::{Kind, Patch, Visibility};
    use contract::transcode::PictureHashes;
    use uuid::Uuid;

    use super::*;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    /// An event of each type, with every private field set to a text that has "secret".
    fn events() -> Vec<(&'static str, String)> {
        fn row<E: Event>(event: &E) -> (&'static str, String) {
            (E::SUBJECT, serde_json::to_string(event).unwrap())
        }
        let id: MediaId = "5kT0vYq8Zb3mXw1RcHs9Ga".to_owned().try_into().unwrap();
        let (at, secret) = (DateTime::UNIX_EPOCH, || "secret".to_owned());
        let received = json!({
            "id": id, "owner": ACCOUNT, "kind": Kind::Video, "format": "mp4", "content_type": "video/mp4",
            "name": secret(), "bytes": 5, "sha256": secret(), "object": "se/cretsecretsecretsecr",
            "scrub": [Patch { offset: 0, bytes: 1, hex: secret() }], "visibility": Visibility::Private, "width": 1,
            "height": 2, "duration_ms": 3, "orientation": 1, "created_at": at,
        });
        let changed = Changed {
            id: id.clone(),
            name: secret(),
            tags: vec![secret()],
            visibility: Visibility::Public,
            trashed: false,
            captions: Vec::new(),
            version: 2,
        };
        let (width, height, duration_ms) = (Some(1), Some(2), Some(3));
        let standing = |state| row(&StandingChanged { account: ACCOUNT, state, until: None, version: 4 });
        vec![
            (Received::SUBJECT, received.to_string()),
            row(&changed),
            row(&Deleted { id: id.clone(), owner: ACCOUNT }),
            row(&Playable { id: id.clone(), width, height, duration_ms }),
            row(&Ready {
                id: id.clone(),
                width,
                height,
                duration_ms,
                thumbhash: Some(secret()),
                assets: vec![secret()],
                pictures: vec![PictureHashes { hashes: vec![secret()], quality: 100 }],
            }),
            row(&Failed { id, code: "transcode.no_audio_or_video".into(), detail: secret(), retry: Some(0) }),
            row(&Erased { account: ACCOUNT, handle: secret(), at }),
            row(&PrivacyChanged { account: ACCOUNT, is_private: true, at }),
            standing(AccountState::Active),
            standing(AccountState::Limited),
            standing(AccountState::Suspended),
            standing(AccountState::Banned),
        ]
    }

    #[test]
    fn every_public_event_is_made_of_an_internal_one_without_anything_private() {
        let mut seen: Vec<&str> = Vec::new();
        let private = AccountId(Uuid::from_u128(0xfeed));
        for (subject, payload) in events().into_iter().chain(social::examples(private)) {
            let event = PublicEvent::of(subject, &payload).unwrap().unwrap();
            let text = event.payload(DateTime::UNIX_EPOCH).unwrap();
            assert!(!text.contains("secret") && !text.contains(&private.to_string()), "{text}");
            let shown: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(shown["type"], event.event_type);
            assert_eq!(shown["timestamp"], "1970-01-01T00:00:00Z");
            let described = EVENT_TYPES.iter().find(|known| known.name == event.event_type).unwrap().description;
            let fields = shown["data"].as_object().unwrap();
            for field in fields.keys() {
                assert!(described.contains(&format!("`{field}`")), "{subject}: {field} is not described");
            }
            assert_eq!(fields.len(), described.matches('`').count() / 2 - 1, "{described}");
            seen.push(event.event_type);
        }
        seen.sort_unstable();
        assert_eq!(seen, EVENT_TYPES.map(|known| known.name));
    }

    #[test]
    fn the_table_has_the_subjects_that_are_subscribed_to() {
        assert_eq!(TABLE.map(|(subject, _)| subject), SUBJECTS);
        assert_eq!(PublicEvent::of("transcode.progress", "{}").unwrap(), None);
        assert!(PublicEvent::of(Deleted::SUBJECT, "{}").is_err());
        assert!(!is_event_type(TEST_TYPE) && is_event_type("media.ready"));
    }
}

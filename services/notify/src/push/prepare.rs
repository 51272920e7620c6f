//! What pushes say, and whether they are still needed.
//!
//! Invariant: what was seen, read, removed or withdrawn, and what a device would show while it shows the app, is not
//! pushed; this is decided when a push is sent, not when it is enqueued.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use super::{Content, Message};
use crate::error::Error;
use crate::history::{Counts, Notice};
use crate::model::{KnownPerson, Language, Preferences, PushAction, page_url};
use crate::state::Notify;
use crate::store::devices::Device;
use crate::store::pushes::LeasedPush;
use crate::store::{devices, people, reminders, settings};
use crate::texts;

/// The most characters of a text: everything else of a push is small, so it stays far below 4 KiB.
const MAX_TEXT_CHARS: usize = 200;

/// What is done with a push.
pub(super) enum Prepared {
    /// It is sent.
    Ready(Box<Device>, Box<Message>),
    /// It is not needed.
    Skipped,
    /// It has waited for too long.
    Expired,
}

/// What is known about the pushes of a batch.
struct Known {
    devices: HashMap<Uuid, Device>,
    notices: HashMap<(AccountId, Uuid), Notice>,
    counts: HashMap<AccountId, Counts>,
    languages: HashMap<AccountId, Language>,
    people: HashMap<AccountId, KnownPerson>,
    /// What members want to be reminded of, in their own words, by the subjects of the notices.
    reminders: HashMap<String, String>,
}

/// Returns what is done with each push of a batch.
pub(super) async fn prepare(notify: &Notify, batch: &[LeasedPush]) -> Result<Vec<(LeasedPush, Prepared)>, Error> {
    let known = read(notify, batch).await?;
    Ok(batch.iter().map(|push| (push.clone(), known.prepared(notify, push))).collect())
}

async fn read(notify: &Notify, batch: &[LeasedPush]) -> Result<Known, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let devices = devices::find_each(sql, &unique(batch.iter().map(|push| push.device))).await?;
    let shown = batch.iter().filter(|push| push.action == PushAction::Show);
    let ids: Vec<(AccountId, Uuid)> = shown.map(|push| (push.member, push.notice)).collect();
    let notices = notify.history.find_each(&ids).await?;
    let members = unique(batch.iter().map(|push| push.member));
    let counts = notify.history.counts_of_each(&members).await?;
    let preferences = settings::list(sql, &members).await?;
    let actors = unique(notices.iter().flat_map(|(_, notice)| notice.actors.iter().copied()));
    let people = people::list(sql, &actors).await?;
    let reminded = notices.iter().filter(|(_, notice)| notice.kind == NoticeKind::Reminder);
    let reminded: Vec<Uuid> = reminded.filter_map(|(_, notice)| notice.subject.as_deref()?.parse().ok()).collect();
    let reminders = reminders::list_texts(sql, &reminded).await?;
    let language_of = |(member, preferences): (AccountId, Preferences)| Some((member, preferences.language?));
    Ok(Known {
        devices: devices.into_iter().map(|device| (device.id, device)).collect(),
        notices: notices.into_iter().map(|(member, notice)| ((member, notice.id), notice)).collect(),
        counts: counts.into_iter().collect(),
        languages: preferences.into_iter().filter_map(language_of).collect(),
        people: people
            .into_iter()
            .filter(|person| !person.handle.is_empty() && !person.is_hidden(now))
            .map(|person| (person.account, person))
            .collect(),
        reminders: reminders.into_iter().map(|(id, text)| (id.to_string(), text)).collect(),
    })
}

fn unique<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
}

impl Known {
    fn prepared(&self, notify: &Notify, push: &LeasedPush) -> Prepared {
        let now = notify.context.clock.now();
        if push.expires_at <= now {
            return Prepared::Expired;
        }
        let device = self.devices.get(&push.device).filter(|device| device.member == push.member);
        let Some(device) = device else { return Prepared::Skipped };
        let content = match push.action {
            PushAction::Withdraw => Content::Withdraw,
            PushAction::Show => {
                let notice = self.notices.get(&(push.member, push.notice));
                let Some(notice) = notice.filter(|notice| !notice.is_seen && !notice.is_read) else {
                    return Prepared::Skipped;
                };
                if device.foreground_until.is_some_and(|until| now < until) {
                    return Prepared::Skipped;
                }
                self.content(device, notice)
            }
        };
        let message = Message {
            id: push.id,
            group: push.group,
            kind: push.kind,
            priority: push.priority,
            expires_at: push.expires_at,
            badge: self.counts.get(&push.member).map_or(0, |counts| counts.unseen),
            content,
        };
        Prepared::Ready(Box::new(device.clone()), Box::new(message))
    }

    fn content(&self, device: &Device, notice: &Notice) -> Content {
        let language = device.language.or_else(|| self.languages.get(&device.member).copied()).unwrap_or_default();
        let actors: Vec<&KnownPerson> = notice.actors.iter().filter_map(|actor| self.people.get(actor)).collect();
        let names: Vec<&str> = actors.iter().map(|person| person.name()).collect();
        let handle = actors.first().map(|person| person.handle.as_str());
        let text = match notice.subject.as_ref().and_then(|subject| self.reminders.get(subject)) {
            Some(own) => own.clone(),
            None => texts::text(language, notice.kind, &names, notice.actor_count),
        };
        Content::Show {
            notice: notice.id,
            text: text.chars().take(MAX_TEXT_CHARS).collect(),
            url: page_url(notice.kind, notice.subject.as_deref(), handle),
        }
    }
}

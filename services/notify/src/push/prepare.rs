//! What pushes say, and whether they are still needed.
//!
//! Invariant: what was seen, read, removed or withdrawn, and what a device would show while it shows the app, is not
//! pushed, and what a device shows of an unread notice is not removed there. This is decided when a push is sent, not
//! when it is enqueued.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use super::{Content, Message};
use crate::error::Error;
use crate::history::{Counts, Notice};
use crate::model::{KnownPerson, Language, Preferences, PushAction, page_url};
use crate::queries;
use crate::state::Notify;
use crate::store::devices::Device;
use crate::store::pushes::LeasedPush;
use crate::store::{devices, people, reminders, settings};
use crate::texts;

/// The most characters of a text: a push stays below 4 KiB, also one of Firebase's, which has it three times.
pub(super) const MAX_TEXT_CHARS: usize = 200;

/// What is done with a push.
pub(super) enum Prepared {
    /// It is sent.
    Ready(Box<Device>, Box<Message>),
    /// It is not needed.
    Skipped,
    /// It is not needed, and what the device shows of the notice stays there.
    Kept,
    /// It has waited for too long.
    Expired,
}

/// What is known about the pushes of a batch.
struct Known {
    devices: HashMap<Uuid, Device>,
    notices: HashMap<(AccountId, Uuid), Notice>,
    counts: HashMap<AccountId, Counts>,
    /// The announcements that are shown to members.
    announced: HashMap<AccountId, Vec<Notice>>,
    languages: HashMap<AccountId, Language>,
    people: HashMap<AccountId, KnownPerson>,
    /// Accounts that are suspended: nothing is shown to them, as nothing is mailed.
    hidden: HashSet<AccountId>,
    /// What members want to be reminded of, in their own words, by the subjects of the notices.
    reminders: HashMap<String, String>,
}

/// Returns what is done with each push of a batch.
pub(super) async fn prepare(notify: &Notify, batch: &[LeasedPush]) -> Result<Vec<(LeasedPush, Prepared)>, Error> {
    let (known, now) = (read(notify, batch).await?, notify.context.clock.now());
    Ok(batch.iter().map(|push| (push.clone(), known.prepared(push, now))).collect())
}

async fn read(notify: &Notify, batch: &[LeasedPush]) -> Result<Known, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let devices = devices::find_each(sql, &unique(batch.iter().map(|push| push.device))).await?;
    let ids: Vec<(AccountId, Uuid)> = batch.iter().map(|push| (push.member, push.notice)).collect();
    let notices = notify.history.find_each(&ids).await?;
    let members = unique(batch.iter().map(|push| push.member));
    let counts = notify.history.counts_of_each(&members).await?;
    let announced = queries::announced_of_each(notify, &members).await?;
    let preferences = settings::list(sql, &members).await?;
    let actors = notices.iter().flat_map(|(_, notice)| notice.actors.iter().copied());
    let people = people::list(sql, &unique(actors.chain(members.iter().copied()))).await?;
    let reminded = notices.iter().filter(|(_, notice)| notice.kind == NoticeKind::Reminder);
    let reminded: Vec<Uuid> = reminded.filter_map(|(_, notice)| notice.subject.as_deref()?.parse().ok()).collect();
    let reminders = reminders::list_texts(sql, &reminded).await?;
    let language_of = |(member, preferences): (AccountId, Preferences)| Some((member, preferences.language?));
    Ok(Known {
        devices: devices.into_iter().map(|device| (device.id, device)).collect(),
        notices: notices.into_iter().map(|(member, notice)| ((member, notice.id), notice)).collect(),
        counts: counts.into_iter().collect(),
        announced,
        languages: preferences.into_iter().filter_map(language_of).collect(),
        hidden: people.iter().filter(|person| person.is_hidden(now)).map(|person| person.account).collect(),
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

fn shows_app(device: &Device, now: DateTime<Utc>) -> bool {
    device.foreground_until.is_some_and(|until| now < until)
}

impl Known {
    fn prepared(&self, push: &LeasedPush, now: DateTime<Utc>) -> Prepared {
        if push.expires_at <= now {
            // What the device shows of an earlier one can be withdrawn for longer.
            let is_kept = push.action == PushAction::Show && push.is_shown;
            return if is_kept { Prepared::Kept } else { Prepared::Expired };
        }
        let device = self.devices.get(&push.device).filter(|device| device.member == push.member);
        let Some(device) = device else { return Prepared::Skipped };
        let notice = self.notices.get(&(push.member, push.notice)).filter(|notice| !notice.is_read);
        let content = match (push.action, notice) {
            // It arrived later than what was read.
            (PushAction::Withdraw, Some(_)) => return Prepared::Kept,
            (PushAction::Withdraw, None) => Content::Withdraw,
            (PushAction::Show, Some(notice))
                if !notice.is_seen && !shows_app(device, now) && !self.hidden.contains(&push.member) =>
            {
                self.content(device, notice)
            }
            // What is shown of a notice that was read, or is gone, is withdrawn once it is settled.
            (PushAction::Show, _) => return if push.is_shown { Prepared::Kept } else { Prepared::Skipped },
        };
        let message = Message {
            id: push.id,
            group: push.group,
            kind: push.kind.clone(),
            priority: push.priority,
            expires_at: push.expires_at,
            badge: self.badge(push.member),
            content,
        };
        Prepared::Ready(Box::new(device.clone()), Box::new(message))
    }

    /// Returns how many notices of a member's list are unseen.
    fn badge(&self, member: AccountId) -> u64 {
        let announced = self.announced.get(&member).map(Vec::as_slice).unwrap_or_default();
        let unseen = announced.iter().filter(|notice| !notice.is_seen).count() as u64;
        unseen + self.counts.get(&member).map_or(0, |counts| counts.unseen)
    }

    fn content(&self, device: &Device, notice: &Notice) -> Content {
        let language = device.language.or_else(|| self.languages.get(&device.member).copied()).unwrap_or_default();
        let actors: Vec<&KnownPerson> = notice.actors.iter().filter_map(|actor| self.people.get(actor)).collect();
        let names: Vec<&str> = actors.iter().map(|person| person.name()).collect();
        let handle = actors.first().map(|person| person.handle.as_str());
        let text = match notice.subject.as_ref().and_then(|subject| self.reminders.get(subject)) {
            Some(own) => own.clone(),
            None => texts::text(language, notice.kind.known(), &names, notice.actor_count),
        };
        Content::Show {
            notice: notice.id,
            text: text.chars().take(MAX_TEXT_CHARS).collect(),
            url: page_url(notice.kind.known(), notice.subject.as_deref(), handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::model::{Address, Priority};

    const MEMBER: AccountId = AccountId(Uuid::from_u128(1));
    const DEVICE: Uuid = Uuid::from_u128(2);
    const NOTICE: Uuid = Uuid::from_u128(3);

    fn notice(is_seen: bool, is_read: bool) -> Notice {
        Notice {
            id: NOTICE,
            group: NOTICE,
            kind: NoticeKind::Followed.into(),
            subject: None,
            actors: Vec::new(),
            actor_count: 1,
            is_seen,
            is_read,
            is_filtered: false,
        }
    }

    /// Returns what is known of a member with a device and a notice, if that is not gone.
    fn known(notice: Option<Notice>) -> Known {
        let device = Device {
            id: DEVICE,
            member: MEMBER,
            address: Address::Fcm("a".to_owned()),
            language: None,
            registered_at: DateTime::UNIX_EPOCH,
            foreground_until: None,
        };
        Known {
            devices: HashMap::from([(DEVICE, device)]),
            notices: notice.map(|notice| ((MEMBER, NOTICE), notice)).into_iter().collect(),
            counts: HashMap::new(),
            announced: HashMap::new(),
            languages: HashMap::new(),
            people: HashMap::new(),
            hidden: HashSet::new(),
            reminders: HashMap::new(),
        }
    }

    /// Returns what is done with a push. `of` is whether its notice was seen and read; `None` if it is gone.
    fn done(action: PushAction, is_shown: bool, of: Option<(bool, bool)>) -> &'static str {
        done_with(&known(of.map(|(is_seen, is_read)| notice(is_seen, is_read))), action, is_shown)
    }

    fn done_with(known: &Known, action: PushAction, is_shown: bool) -> &'static str {
        let now = DateTime::UNIX_EPOCH;
        let push = LeasedPush {
            id: Uuid::nil(),
            device: DEVICE,
            member: MEMBER,
            group: NOTICE,
            notice: NOTICE,
            kind: NoticeKind::Followed.into(),
            action,
            priority: Priority::Normal,
            attempts: 0,
            expires_at: now + TimeDelta::hours(1),
            is_shown,
        };
        match known.prepared(&push, now) {
            Prepared::Ready(_, message) if message.content == Content::Withdraw => "withdrawn",
            Prepared::Ready(..) => "shown",
            Prepared::Skipped => "skipped",
            Prepared::Kept => "kept",
            Prepared::Expired => "expired",
        }
    }

    #[test]
    fn a_device_shows_what_is_unread_and_nothing_of_what_was_read_or_is_gone() {
        use PushAction::{Show, Withdraw};
        let (new, seen, read) = (Some((false, false)), Some((true, false)), Some((true, true)));
        // Nothing of the group is shown yet.
        assert_eq!([new, seen, read, None].map(|of| done(Show, false, of)), ["shown", "skipped", "skipped", "skipped"]);
        let suspended = Known { hidden: HashSet::from([MEMBER]), ..known(Some(notice(false, false))) };
        assert_eq!(done_with(&suspended, Show, false), "skipped");
        // An earlier push of the group is.
        assert_eq!([new, seen, read, None].map(|of| done(Show, true, of)), ["shown", "kept", "kept", "kept"]);
        // What arrived later than the mark that withdraws it stays.
        assert_eq!(
            [new, seen, read, None].map(|of| done(Withdraw, true, of)),
            ["kept", "kept", "withdrawn", "withdrawn"]
        );
    }

    #[test]
    fn a_badge_counts_notices_and_announcements_that_are_unseen() {
        let counts = HashMap::from([(MEMBER, Counts { unseen: 2, unread: 3 })]);
        let announced = HashMap::from([(MEMBER, vec![notice(false, false), notice(true, false)])]);
        let known = Known { counts, announced, ..known(None) };
        assert_eq!((known.badge(MEMBER), known.badge(AccountId(Uuid::nil()))), (3, 0));
    }
}

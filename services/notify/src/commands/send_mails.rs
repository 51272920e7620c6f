//! Mailing members the notices that are due.
//!
//! Invariant: what is mailed is in the member's list then, neither seen nor read; a notice is mailed once, by any
//! number of processes, because its row and the mail are one transaction; without a confirmed address nothing is.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{FindMailboxes, Mailbox};
use contract::notify::NoticeKind;
use db::Lane;
use db::schedule::Run;
use uuid::Uuid;

use crate::error::Error;
use crate::history::{Filter, Notice};
use crate::mails;
use crate::model::{DueMail, Language, MailPlan, Preferences, Zone, plan_mail};
use crate::sentences::sentences;
use crate::state::Notify;
use crate::store::{self, people, settings};
use crate::unsubscribe::Unsubscription;

/// Due notices whose members are mailed in one step, and so the most accounts that are asked for at once.
const BATCH: usize = 50;
/// Notices of a member that are due for one mail.
const MAX_DUE: usize = 200;
/// Unread notices of a member among which those are that are mailed. Older ones are not mailed.
const MAX_UNREAD: usize = 200;

/// While as many mails wait for an address as may, its notices wait for this long.
const OUTBOX_PAUSE: TimeDelta = TimeDelta::minutes(30);

/// Mails all members for whom notices are due.
pub(crate) async fn send_mails(notify: &Notify, run: &Run) -> Result<(), Error> {
    loop {
        let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
        let members = store::mails::list_due_members(sql, now, BATCH).await?;
        if members.is_empty() {
            return Ok(());
        }
        let query = FindMailboxes(members.clone());
        let found = notify.context.peers.ask(&query).await?.unwrap_or_default();
        let mailboxes: HashMap<AccountId, Mailbox> =
            found.into_iter().map(|mailbox| (mailbox.account, mailbox)).collect();
        for member in members {
            mail_member(notify, run, member, mailboxes.get(&member)).await?;
        }
    }
}

async fn mail_member(notify: &Notify, run: &Run, member: AccountId, mailbox: Option<&Mailbox>) -> Result<(), Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let due = store::mails::list_due(sql, member, now, MAX_DUE).await?;
    let Some(mailbox) = mailbox else {
        let plan = dropped(&due);
        return settle(notify, run, member, due, plan, None).await;
    };
    let preferences = settings::find(sql, member).await?;
    let mailed_at = store::mails::find_mailed(sql, member).await?;
    let plan = plan_mail(&due, &preferences, &zone(&preferences, mailbox)?, mailed_at, now);
    let mail = write_mail(notify, member, &plan, &preferences, mailbox).await?;
    settle(notify, run, member, due, plan, mail).await
}

/// Returns the plan to mail nothing of what is due.
fn dropped(due: &[DueMail]) -> MailPlan {
    MailPlan { dropped: due.iter().map(|mail| mail.group).collect(), ..MailPlan::default() }
}

/// Returns the zone of daily mails. A zone of a later release is UTC.
fn zone(preferences: &Preferences, mailbox: &Mailbox) -> Result<Zone, Error> {
    let mut names = preferences.zone.as_deref().into_iter().chain([mailbox.time_zone.as_str(), "UTC"]);
    names.find_map(Zone::find).ok_or(Error::Db(db::Error::Corrupt("a time zone")))
}

/// Writes the mail about the notices that are ready; `None` if none of them is in the list any more, unseen.
async fn write_mail(
    notify: &Notify,
    member: AccountId,
    plan: &MailPlan,
    preferences: &Preferences,
    mailbox: &Mailbox,
) -> Result<Option<mail::NewMail>, Error> {
    if plan.ready.is_empty() {
        return Ok(None);
    }
    let filter = Filter { is_unread: true, ..Filter::default() };
    let unread = notify.history.list(member, filter, Uuid::max(), MAX_UNREAD).await?;
    let is_ready = |notice: &Notice| !notice.is_seen && plan.ready.contains(&notice.group);
    let notices: Vec<Notice> = unread.into_iter().filter(is_ready).collect();
    if notices.is_empty() {
        return Ok(None);
    }
    let language = preferences.language.unwrap_or_else(|| Language::of_header(&mailbox.locale));
    let texts: Vec<String> =
        sentences(notify, language, &notices).await?.into_iter().map(|sentence| sentence.text).collect();
    let is_private = notices.iter().any(|notice| notice.kind == NoticeKind::Reminder);
    let kinds: BTreeSet<NoticeKind> = notices.iter().filter_map(|notice| notice.kind.known()).collect();
    let stopped = Unsubscription { member, kinds: kinds.into_iter().collect() };
    let token = stopped.token(&notify.context.url_signer, notify.context.clock.now());
    Ok(Some(mails::notices(&notify.context.mail, mailbox, language, &texts, is_private, &token)))
}

/// Carries out a plan, unless what was due has changed since it was made.
async fn settle(
    notify: &Notify,
    run: &Run,
    member: AccountId,
    due: Vec<DueMail>,
    plan: MailPlan,
    new: Option<mail::NewMail>,
) -> Result<(), Error> {
    let (now, outbox, run) = (notify.context.clock.now(), notify.context.mail.clone(), run.clone());
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        run.fence(tx).await?;
        if store::mails::list_due(tx, member, now, MAX_DUE).await? != due {
            return Ok(());
        }
        if !people::list_erased(tx, &[member]).await?.is_empty() {
            return Ok(store::mails::settle(tx, member, &dropped(&due)).await?);
        }
        let plan = match new {
            Some(new) => match outbox.enqueue(tx, new).await? {
                mail::Enqueued::TooMany => plan.delayed(now + OUTBOX_PAUSE),
                _ => {
                    store::mails::set_mailed(tx, member, now).await?;
                    plan
                }
            },
            None => plan,
        };
        Ok::<_, Error>(store::mails::settle(tx, member, &plan).await?)
    });
    written.await
}

#[cfg(test)]
mod tests;

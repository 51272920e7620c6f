//! Withdrawing notices that nobody may have any more, step by step.
//!
//! Devices of phones are told to remove what they show of them. Invariant: what forbids a notice was stored before this
//! runs, so that what is added meanwhile is withdrawn by the command that adds it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::AccountId;

use super::withdraw_pushes::withdraw_gone;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::live;
use crate::model::{Known, Proposal};
use crate::state::Notify;
use crate::store::known;

/// Withdraws notices until none is left.
pub(super) async fn withdraw(notify: &Notify, withdrawn: &Withdrawn) -> Result<(), Error> {
    loop {
        let step = notify.history.withdraw(withdrawn).await?;
        live::publish(&notify.context.bus, &step.members);
        match withdrawn {
            // Also if a process was killed after it has removed the notices.
            Withdrawn::Between { member, .. } if !step.has_more => withdraw_gone(notify, &[*member]).await?,
            // No device shows anything for as long as notices are kept.
            Withdrawn::Between { .. } | Withdrawn::Before(_) => {}
            _ => withdraw_gone(notify, &step.members).await?,
        }
        if !step.has_more {
            return Ok(());
        }
    }
}

/// Reads again what forbids the notices of proposals, and withdraws those that were forbidden while they were added, or
/// before. A process may have been killed after it has added them.
pub(super) async fn withdraw_forbidden(notify: &Notify, proposals: &[Proposal]) -> Result<(), Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let known = known::read_forbidding(sql, proposals, now).await?;
    let mut forbidden: Vec<Withdrawn> = Vec::new();
    for proposal in proposals {
        if let Some(withdrawn) = forbidden_by(proposal, &known, now)
            && !forbidden.contains(&withdrawn)
        {
            forbidden.push(withdrawn);
        }
    }
    let narrowed = proposals.iter().filter(|proposal| known.is_narrowed(proposal) || known.has_parted(proposal));
    let mut by_subject: BTreeMap<String, Vec<AccountId>> = BTreeMap::new();
    for Proposal { member, subject, .. } in narrowed {
        by_subject.entry(subject.clone().unwrap_or_default()).or_default().push(*member);
    }
    forbidden.extend(by_subject.into_iter().map(|(subject, members)| Withdrawn::About { subject, members }));
    for withdrawn in &forbidden {
        withdraw(notify, withdrawn).await?;
    }
    Ok(())
}

/// Returns what is withdrawn, if the notice of a proposal is forbidden.
fn forbidden_by(proposal: &Proposal, known: &Known, now: DateTime<Utc>) -> Option<Withdrawn> {
    let (member, actor) = (proposal.member, proposal.actor);
    if known.erased.contains(&member) {
        return Some(Withdrawn::OfMember(member));
    }
    if let Some(subject) = proposal.subject.as_ref().filter(|subject| known.removed.contains(*subject)) {
        return Some(Withdrawn::OfSubject(subject.clone()));
    }
    if known.removed.contains(&proposal.entry) {
        return Some(Withdrawn::OfEntry(proposal.entry.clone()));
    }
    let actor = actor?;
    if known.erased.contains(&actor) || known.people.get(&actor).is_some_and(|person| person.is_hidden(now)) {
        return Some(Withdrawn::OfActor(actor));
    }
    known.is_silenced(member, actor).then_some(Withdrawn::Between { member, actor })
}

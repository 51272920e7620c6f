//! Telling members what events propose.
//!
//! Invariant: handling an event again adds nothing, and leaves no notice that was forbidden meanwhile.

use contract::AccountId;

use super::withdraw::withdraw_forbidden;
use crate::error::Error;
use crate::history::{NewEntry, Told};
use crate::live;
use crate::model::{Proposal, decide};
use crate::state::Notify;
use crate::store::known;

/// Adds the notices of proposals that may be told.
pub(crate) async fn tell(notify: &Notify, proposals: Vec<Proposal>) -> Result<(), Error> {
    if proposals.is_empty() {
        return Ok(());
    }
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let known = known::read(sql, &proposals, now).await?;
    let entries: Vec<NewEntry> =
        proposals.iter().filter_map(|proposal| decide(proposal.clone(), &known, now)).collect();
    let told = notify.history.add(entries, now).await?;
    withdraw_forbidden(notify, &proposals).await?;
    announce(notify, &told);
    Ok(())
}

/// Counts notices, and tells their members' processes.
pub(super) fn announce(notify: &Notify, told: &[Told]) {
    notify.metrics.notices.inc_by(told.len() as u64);
    let members: Vec<AccountId> = told.iter().map(|told| told.member).collect();
    live::publish(&notify.context.bus, &members);
}

//! Appending an operator's act to the audit trail.
//!
//! All appends, in all processes, are in one lane. Invariant: an entry follows from the one before it, and an act of
//! another role is appended once, however often it is delivered.

use chrono::{DateTime, SubsecRound as _, Utc};
use db::{Lane, Tx};
use http_server::operators::Act;

use crate::model::{AuditEntry, FIRST_PREVIOUS_HASH};
use crate::state::Accounts;
use crate::store;

/// The lane of all appends. It has a space, as no handle, address or id has.
pub(super) const AUDIT_LANE: &str = "audit trail";
/// The durable consumer of other roles' acts.
pub(crate) const AUDIT_CONSUMER: &str = "accounts.audit";

/// Appends an act that another role has recorded as the event `event`, unless that was done before.
pub(crate) async fn record_act(accounts: &Accounts, act: Act, event: String) -> Result<(), db::Error> {
    let now = accounts.context.clock.now();
    accounts
        .context
        .db
        .write(Lane::of(AUDIT_LANE), async move |tx| {
            if tx.record_once(AUDIT_CONSUMER, &event, now).await? {
                append(tx, act).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await
}

/// Appends an act in the transaction that does it, which must have [`AUDIT_LANE`].
pub(super) async fn append(tx: &Tx, act: Act) -> Result<(), db::Error> {
    let (number, hash) = store::audit::find_last(tx).await?.unwrap_or((0, FIRST_PREVIOUS_HASH.to_owned()));
    store::audit::insert(tx, entry(act.sanitized(), number + 1, hash)).await
}

fn entry(act: Act, number: i64, previous_hash: String) -> AuditEntry {
    let Act { actor, action, target, before, after, reason, at } = act;
    let (target_kind, target_id) = target.map(|target| (target.kind, target.id)).unzip();
    let entry = AuditEntry {
        number,
        at: stored_time(at),
        actor_id: actor.account,
        actor: actor.name,
        roles: actor.roles.join(" "),
        address: actor.address,
        user_agent: actor.user_agent,
        request_id: actor.request_id,
        action,
        target_kind,
        target_id,
        before: before.map(|value| value.to_string()),
        after: after.map(|value| value.to_string()),
        reason,
        previous_hash,
        hash: String::new(),
    };
    entry.sealed()
}

/// Returns a time as both databases store it, or the hash of what is read back would be another.
fn stored_time(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

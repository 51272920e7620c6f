//! Turning a flag on or off.
//!
//! Invariant: a change and its entry in the audit trail are one transaction, in which the member who makes it has the
//! role for it.

use contract::AccountId;
use db::Lane;
use http_server::operators::{Act, Actor, OperatorRole};
use serde_json::json;
use service::Flag;

use super::acting_account::acting_roles;
use super::record_act::{AUDIT_LANE, append};
use crate::error::Error;
use crate::state::Accounts;
use crate::store;
use crate::store::flags::FlagRow;

/// Sets a flag for all processes, and returns it. Does nothing, and records nothing, if it is so already.
pub(crate) async fn set_flag(
    accounts: &Accounts,
    by: AccountId,
    actor: Actor,
    flag: Flag,
    is_on: bool,
    reason: &str,
) -> Result<Option<FlagRow>, Error> {
    let (reason, now) = (reason.to_owned(), accounts.context.clock.now());
    // All flags are in the lane of the trail, which every change of one needs.
    accounts
        .context
        .db
        .write(Lane::of(&by).and(AUDIT_LANE), async move |tx| {
            let roles = acting_roles(tx, by, now).await?;
            if !OperatorRole::Developer.is_fulfilled_by(&roles.names()) {
                return Err(Error::BeyondRole("This needs the role developer."));
            }
            let before = store::flags::find(tx, flag.name()).await?;
            let was_on = before.as_ref().is_none_or(|before| before.is_on);
            if was_on == is_on {
                return Ok(before);
            }
            let changed_by = actor.name.clone();
            let after = FlagRow { name: flag.name().to_owned(), is_on, changed_at: now, changed_by };
            store::flags::set(tx, &after).await?;
            let act = Act::new(actor, "flags.changed", now).on("flag", flag.name()).because(&reason);
            append(tx, act.change(json!({ "on": was_on }), json!({ "on": is_on }))).await?;
            Ok(Some(after))
        })
        .await
}

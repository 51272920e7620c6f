//! Revoking an API key of the team.
//!
//! Invariant: every process refuses the tokens of a revoked key, and the act is in the audit trail in the same
//! transaction.

use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::Value;
use uuid::Uuid;

use super::acting_account::acting_roles;
use super::create_team_key::shown;
use super::record_act::{AUDIT_LANE, append};
use crate::error::Error;
use crate::model::{CurrentSession, Role};
use crate::state::Accounts;
use crate::store;

/// Revokes a key of the team. Fails with [`Error::NoSuchApiKey`] if there is none with this id.
pub(crate) async fn remove_team_key(
    accounts: &Accounts,
    current: &CurrentSession,
    actor: Actor,
    id: Uuid,
    reason: &str,
) -> Result<(), Error> {
    let (by, now) = (current.account.id, accounts.context.clock.now());
    let act = Act::new(actor, "accounts.team_key_revoked", now).on("team_key", id).because(reason);
    accounts
        .context
        .db
        .write(Lane::of(&by).and(AUDIT_LANE), async move |tx| {
            if !acting_roles(tx, by, now).await?.has(Role::Operator) {
                return Err(Error::BeyondRole("This needs the role operator."));
            }
            let removed = store::team_keys::remove(tx, id, now).await?.ok_or(Error::NoSuchApiKey)?;
            append(tx, act.change(shown(&removed.key), Value::Null)).await?;
            Ok(())
        })
        .await
}

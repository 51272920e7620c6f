//! Writing a standing: the part that suspending, restoring and the end of a suspension have in common.
//!
//! Invariant: the account, the rule that every process reads and the event change in one transaction.

use chrono::{DateTime, Utc};
use db::Tx;
use http_server::operators::{Act, Actor};
use serde_json::{Value, json};

use crate::error::Error;
use crate::model::{Account, Standing};
use crate::store;

/// Gives the account this standing. The caller holds the account's lane.
pub(super) async fn change_standing(
    tx: &Tx,
    mut account: Account,
    standing: Standing,
    now: DateTime<Utc>,
) -> Result<Account, Error> {
    let version = store::sanctions::set_standing(tx, account.id, &standing).await?;
    account.standing = Standing { version, ..standing };
    store::account_rules::set_denial(tx, account.id, &account.standing, now).await?;
    tx.publish(&account.standing.changed(account.id), now)?;
    Ok(account)
}

/// Returns the act of giving an account this standing, as the audit trail has it.
pub(super) fn standing_act(
    actor: Actor,
    action: &str,
    account: &Account,
    standing: &Standing,
    now: DateTime<Utc>,
) -> Act {
    let shown = |standing: &Standing| -> Value { json!({ "state": standing.state, "until": standing.until }) };
    Act::new(actor, action, now).on("account", account.id).change(shown(&account.standing), shown(standing))
}

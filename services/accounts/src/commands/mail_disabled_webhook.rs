//! Mailing operators that a webhook was disabled because of its receiver.
//!
//! The role `webhooks` knows no addresses, so it publishes an event. Invariant: the event is mailed to an account once,
//! and only to one that is an operator's at that time; while there is an operator, one is mailed.

use contract::AccountId;
use contract::webhooks::Disabled;
use db::Lane;
use uuid::Uuid;

use crate::mails;
use crate::model::{Account, Role};
use crate::state::Accounts;
use crate::store;

/// The most operators that are mailed of a webhook whose own operator is none any more.
const MAX_OPERATORS: usize = 50;
/// Accounts that are read at once.
const BATCH: usize = 200;

/// Mails the operator who made the webhook or enabled it last; if that account is erased, suspended or no operator's
/// any more, all operators, at most [`MAX_OPERATORS`]. The event `event_id` is handled once by `consumer` for each.
pub(crate) async fn mail_disabled_webhook(
    accounts: &Accounts,
    disabled: Disabled,
    consumer: &'static str,
    event_id: String,
) -> Result<(), db::Error> {
    if let Some(maker) = disabled.operator
        && mail_one(accounts, &disabled, maker, (consumer, event_id.clone())).await?
    {
        return Ok(());
    }
    let (mut after, mut count) = (AccountId(Uuid::nil()), 0);
    loop {
        let page = store::account_pages::list_with_roles(accounts.context.db.read(), after, BATCH).await?;
        for account in page.iter().filter(|account| account.roles.has(Role::Operator)) {
            let id = format!("{event_id}/{}", account.id);
            count += usize::from(mail_one(accounts, &disabled, account.id, (consumer, id)).await?);
            if count == MAX_OPERATORS {
                return Ok(());
            }
        }
        match page.last() {
            Some(last) if page.len() == BATCH => after = last.id,
            _ => break,
        }
    }
    if count == 0 {
        tracing::warn!(webhook.id = %disabled.id, "a webhook is disabled, and there is no operator to mail");
    }
    Ok(())
}

/// Mails an account, unless it was mailed under this name and id before. Returns whether it is an operator's.
async fn mail_one(
    accounts: &Accounts,
    disabled: &Disabled,
    id: AccountId,
    (consumer, event_id): (&'static str, String),
) -> Result<bool, db::Error> {
    let (mail, now, disabled) = (accounts.context.mail.clone(), accounts.context.clock.now(), disabled.clone());
    let is_operator = move |account: &Account| account.roles.has(Role::Operator) && !account.standing.is_denied(now);
    accounts
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            let Some(account) = store::accounts::find_by_id(tx, id).await?.filter(is_operator) else {
                return Ok(false);
            };
            if tx.record_once(consumer, &event_id, now).await? {
                mail.enqueue(tx, mails::webhook_disabled(&account, &disabled)).await?;
            }
            Ok::<_, db::Error>(true)
        })
        .await
}

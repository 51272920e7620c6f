//! Mailing an operator that a webhook was disabled because of its receiver.
//!
//! The role `webhooks` knows no addresses, so it publishes an event. Invariant: the event is mailed once, and to an
//! account only that is an operator's at that time.

use contract::webhooks::Disabled;
use db::Lane;

use crate::mails;
use crate::model::Role;
use crate::state::Accounts;
use crate::store;

/// Mails the operator who made the webhook or enabled it last. The event `event_id` is handled once by `consumer`.
pub(crate) async fn mail_disabled_webhook(
    accounts: &Accounts,
    disabled: Disabled,
    consumer: &'static str,
    event_id: String,
) -> Result<(), db::Error> {
    let (mail, now) = (accounts.context.mail.clone(), accounts.context.clock.now());
    let Some(id) = disabled.operator else {
        tracing::warn!(webhook.id = %disabled.id, "a webhook is disabled, and the account of its operator is erased");
        return Ok(());
    };
    accounts
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            if !tx.record_once(consumer, &event_id, now).await? {
                return Ok(());
            }
            let found = store::accounts::find_by_id(tx, id).await?;
            let operator =
                found.filter(|account| account.roles.has(Role::Operator) && !account.standing.is_denied(now));
            match operator {
                Some(account) => {
                    mail.enqueue(tx, mails::webhook_disabled(&account, &disabled)).await?;
                }
                None => {
                    tracing::warn!(webhook.id = %disabled.id, "a webhook is disabled, and its operator is none now");
                }
            }
            Ok::<_, db::Error>(())
        })
        .await
}

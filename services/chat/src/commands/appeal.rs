//! Appealing against a verdict.
//!
//! Invariant: only the sender appeals, once, and only where the reason has an appeal.

use contract::AccountId;
use contract::chat::Appealed;
use db::Lane;
use screening::reason::Reason;
use uuid::Uuid;

use crate::error::Error;
use crate::model::AppealText;
use crate::state::Chat;
use crate::store::appeals::Appeal;
use crate::store::{appeals, people, verdicts};

/// Stores an appeal, and returns it.
pub(crate) async fn appeal(chat: &Chat, account: AccountId, verdict: Uuid, text: AppealText) -> Result<Appeal, Error> {
    let now = chat.context.clock.now();
    let id = chat.context.random.uuid_v7(now);
    let appeal = Appeal { id, verdict, account, text: text.into_string(), created_at: now };
    chat.context
        .db
        .write(Lane::of(&account), async move |tx| {
            let found = verdicts::find(tx, verdict, account).await?.ok_or(Error::NoSuchVerdict)?;
            if !people::list_erased(tx, &[account]).await?.is_empty() {
                return Err(Error::NoSuchVerdict);
            }
            let is_stopped = matches!(found.outcome.as_str(), "hold" | "refuse");
            let reason: Option<Reason> = found.reason.and_then(|code| code.parse().ok());
            if !is_stopped || !reason.is_some_and(Reason::can_appeal) {
                return Err(Error::NoAppeal);
            }
            if !appeals::insert(tx, &appeal).await? {
                return Err(Error::AppealedAlready);
            }
            tx.publish(&Appealed { id, verdict, member: account, at: now }, now)?;
            Ok(appeal)
        })
        .await
}

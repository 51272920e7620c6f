//! What a member wants of messages.
//!
//! Invariant: what is set counts for the next message that is sent.

use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::Settings;
use crate::state::Chat;
use crate::store::{people, settings};

/// Stores what a member wants.
pub(crate) async fn set_settings(chat: &Chat, account: AccountId, wanted: Settings) -> Result<(), Error> {
    chat.context
        .db
        .write(Lane::of(&account), async move |tx| {
            if people::list_erased(tx, &[account]).await?.is_empty() {
                settings::put(tx, account, wanted).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

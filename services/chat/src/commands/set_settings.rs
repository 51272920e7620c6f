//! What a member wants of messages.
//!
//! Invariant: what is set counts for the next message that is sent, and for the next time that presence is shown.

use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::{PresenceAudience, Settings};
use crate::presence::messages::{PresenceChange, publish_change};
use crate::queries;
use crate::state::Chat;
use crate::store::{last_seen, people, settings};

/// What a member wants from now on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSettings {
    /// Whether people whom the member does not follow may write.
    pub allows_strangers: bool,
    /// Whether others are told what the member has read.
    pub sends_receipts: bool,
    /// Who sees whether the member is online; `None` for those who see it now.
    pub presence: Option<PresenceAudience>,
}

/// Stores what a member wants, and returns it.
pub(crate) async fn set_settings(chat: &Chat, account: AccountId, new: NewSettings) -> Result<Settings, Error> {
    let (before, wanted) = chat
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            let before = settings::find(tx, account).await?;
            let NewSettings { allows_strangers, sends_receipts, presence } = new;
            let presence = presence.unwrap_or(before.presence);
            let wanted = Settings { allows_strangers, sends_receipts, presence };
            if people::list_erased(tx, &[account]).await?.is_empty() {
                settings::put(tx, account, wanted).await?;
                if presence == PresenceAudience::Nobody {
                    last_seen::remove(tx, account).await?;
                }
            }
            Ok::<_, Error>((before, wanted))
        })
        .await?;
    if before.presence != wanted.presence {
        let mut viewers = queries::presence::list_partners(chat, account).await?;
        viewers.push(account);
        publish_change(&chat.context.bus, account, PresenceChange::Unknown, &viewers);
    }
    Ok(wanted)
}

//! Recording when members were online last.
//!
//! Invariant: nothing is stored of a member who shows it to no one, nor of one whose account is gone.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::PresenceAudience;
use crate::presence::table::SEEN_INTERVAL;
use crate::state::Chat;
use crate::store::{last_seen, people, settings};

/// Records when members were online last. A member is named once.
pub(crate) async fn record_seen(chat: &Chat, seen: Vec<(AccountId, DateTime<Utc>)>) -> Result<(), Error> {
    let before = chat.context.clock.now() - SEEN_INTERVAL;
    let lanes = Lane::of_each(seen.iter().map(|(account, _)| *account));
    chat.context
        .db
        .write(lanes, async move |tx| {
            let accounts: Vec<AccountId> = seen.iter().map(|(account, _)| *account).collect();
            let erased = people::list_erased(tx, &accounts).await?;
            let wanted = settings::list(tx, &accounts).await?;
            let is_hidden = |account: &AccountId| {
                wanted.get(account).is_some_and(|wanted| wanted.presence == PresenceAudience::Nobody)
            };
            let mut kept = seen;
            kept.retain(|(account, _)| !erased.contains(account) && !is_hidden(account));
            Ok::<_, Error>(last_seen::put(tx, &kept, before).await?)
        })
        .await
}

//! Taking over changed profiles and standings.
//!
//! Invariant: a profile changes rows that are there, and makes none; an older standing than the known one is discarded.

use contract::accounts::{Profile, StandingChanged};
use db::Lane;

use crate::error::Error;
use crate::presence::messages::{PresenceChange, publish_change};
use crate::queries;
use crate::state::Chat;
use crate::store::people;

/// Records a changed profile, if the person is known here.
pub(crate) async fn record_profile(chat: &Chat, profile: Profile) -> Result<(), Error> {
    chat.context
        .db
        .write(Lane::of(&profile.account), async move |tx| Ok::<_, Error>(people::set_profile(tx, &profile).await?))
        .await
}

/// Records a changed standing. Of one who is suspended, the presence is not shown.
pub(crate) async fn record_standing(chat: &Chat, standing: StandingChanged) -> Result<(), Error> {
    let account = standing.account;
    chat.context
        .db
        .write(Lane::of(&account), async move |tx| {
            if people::list_erased(tx, &[account]).await?.is_empty() {
                people::put_standing(tx, &standing).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    let viewers = queries::presence::list_partners(chat, account).await?;
    publish_change(&chat.context.bus, account, PresenceChange::Unknown, &viewers);
    Ok(())
}

//! Revoking a greeting.
//!
//! Invariant: only its sender revokes it; its link opens nothing from the commit on.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::greetings;

/// Removes a greeting of the sender's.
pub(crate) async fn remove_greeting(social: &Social, sender: Person, id: Uuid) -> Result<(), Error> {
    social
        .context
        .db
        .write(Lane::of(&sender.account), async move |tx| {
            greetings::find(tx, id, sender.number).await?.ok_or(Error::NoSuchGreeting)?;
            greetings::remove(tx, &[id]).await?;
            Ok::<_, Error>(())
        })
        .await
}

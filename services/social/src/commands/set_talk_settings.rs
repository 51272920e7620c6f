//! Setting what a member wants of comments on their posts.
//!
//! Invariant: a comment that is written after the settings were set obeys them: both are written in the member's lane.

use db::Lane;

use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::people;
use crate::store::talk_settings::{self, TalkSettings};

/// Sets the settings of a member. Comments that wait or are shown already stay as they are.
pub(crate) async fn set_talk_settings(social: &Social, member: Person, settings: TalkSettings) -> Result<(), Error> {
    social
        .context
        .db
        .write(Lane::of(&member.account), async move |tx| {
            if people::is_erased(tx, member.account).await? {
                return Err(Error::NoSuchPerson);
            }
            Ok(talk_settings::set(tx, member.number, &settings).await?)
        })
        .await
}

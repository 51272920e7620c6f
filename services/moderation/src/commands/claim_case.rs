//! Claiming a case.
//!
//! Invariant: of moderators who claim one case at once, one has it; it is free again after `claim_minutes`.

use contract::AccountId;
use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::model::{Case, Claim};
use crate::queries::check_party;
use crate::state::Moderation;
use crate::store::cases;

/// Gives a moderator a case until the claim ends. Claiming again makes it longer.
pub(crate) async fn claim_case(moderation: &Moderation, by: AccountId, id: Uuid) -> Result<(), Error> {
    let (sql, now) = (moderation.context.db.read(), moderation.context.clock.now());
    let case: Case = cases::find(sql, id).await?.ok_or(Error::NoSuchCase)?;
    let claim = Claim { by, until: now + moderation.config.claim_time() };
    moderation
        .context
        .db
        .write(lane_of(&case.thing), async move |tx| {
            let case = cases::find(tx, id).await?.ok_or(Error::NoSuchCase)?;
            check_party(tx, &case, by).await?;
            case.check_claim(by, false, now)?;
            if cases::claim(tx, id, claim, now).await? { Ok(()) } else { Err(Error::DecidedAlready) }
        })
        .await
}

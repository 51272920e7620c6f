//! Recording that accounts has not followed a decision.
//!
//! Invariant: the console shows it at the case, so that no sanction is missing unseen.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Moderation;
use crate::store::decisions;

/// Records why a sanction was refused.
pub(crate) async fn record_refusal(moderation: &Moderation, decision: Uuid, why: String) -> Result<(), Error> {
    let db = &moderation.context.db;
    db.write(Lane::NONE, async move |tx| Ok(decisions::set_refusal(tx, decision, &why).await?)).await
}

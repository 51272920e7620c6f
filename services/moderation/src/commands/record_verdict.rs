//! Keeping the verdict of a check, so that its sender can read and appeal it.
//!
//! Invariant: a member has `max_verdicts` of them at most, whatever they send.

use contract::moderation::{Action, Evidence, Screened};
use contract::social::talk::ReportReason;
use db::Lane;

use crate::error::Error;
use crate::model::{DecisionRow, NewDecision};
use crate::state::Moderation;
use crate::store::{counts, decisions, erasure};

/// Records a verdict. Does nothing if it is known, if its member was erased, or if the member has as many as are kept.
pub(crate) async fn record_verdict(moderation: &Moderation, verdict: Screened) -> Result<(), Error> {
    let (now, max) = (moderation.context.clock.now(), moderation.config.max_verdicts);
    moderation
        .context
        .db
        .write(Lane::of(&verdict.owner), async move |tx| {
            let owner = verdict.owner;
            if erasure::is_one_erased(tx, owner, owner).await?
                || decisions::count_screened(tx, owner, max).await? >= u64::from(max)
            {
                return Ok(());
            }
            let Evidence { text, media, place } = verdict.evidence;
            let row = DecisionRow {
                id: verdict.id,
                case: None,
                thing: verdict.thing,
                owner,
                decision: NewDecision {
                    action: Action::Screened,
                    reason: ReportReason::Other,
                    statement: verdict.statement,
                    until: None,
                    removes: false,
                    blocked_media: Vec::new(),
                },
                check: Some(verdict.check.clone()),
                evidence: Evidence::of(&text, media, place),
                decided_by: None,
                decided_at: verdict.at,
                overturned_at: None,
                refusal: None,
            };
            if decisions::insert(tx, &row).await? {
                counts::add(tx, &format!("screened.{}", verdict.check), now).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

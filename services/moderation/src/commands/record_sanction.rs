//! Keeping a sanction that was imposed without a case, so that its member can read and appeal it.
//!
//! Invariant: the decision has the id of the sanction, so it is recorded once, and an appeal that undoes it ends that
//! sanction.

use contract::accounts::{AccountState, SanctionImposed};
use contract::moderation::{Action, Evidence, Thing};
use contract::social::talk::ReportReason;

use super::lane_of;
use crate::error::Error;
use crate::model::{DecisionRow, NewDecision};
use crate::state::Moderation;
use crate::store::{decisions, erasure};

/// Records a sanction. Does nothing if it is known, or if its member was erased.
pub(crate) async fn record_sanction(moderation: &Moderation, sanction: SanctionImposed) -> Result<(), Error> {
    let action = match sanction.state {
        AccountState::Active => return Ok(()),
        AccountState::Limited => Action::Limit,
        AccountState::Suspended => Action::Suspend,
        AccountState::Banned => Action::Ban,
    };
    let SanctionImposed { id, account, statement, until, by, at, .. } = sanction;
    let row = DecisionRow {
        id,
        // A moderator has decided, and there is no case: it has the id that one would have.
        case: Some(id),
        thing: Thing { role: "accounts".to_owned(), kind: "account".to_owned(), id: account.to_string() },
        owner: account,
        decision: NewDecision {
            action,
            reason: ReportReason::Other,
            statement,
            until,
            removes: false,
            blocked_media: Vec::new(),
        },
        check: None,
        evidence: Evidence::default(),
        decided_by: Some(by),
        decided_at: at,
        overturned_at: None,
        refusal: None,
    };
    moderation
        .context
        .db
        .write(lane_of(&row.thing).and(&account), async move |tx| {
            if !erasure::is_one_erased(tx, account, account).await? {
                decisions::insert(tx, &row).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

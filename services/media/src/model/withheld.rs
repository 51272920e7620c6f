//! Why an item is shown to its owner only: it is like a picture that may not be shared here.
//!
//! Invariant: what withholds an item names its verdict, so that its owner can appeal, and remembers the visibility that
//! the item gets back.

use chrono::{DateTime, Utc};
use contract::media::Visibility;
use screening::reason::Reason;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The check that finds known pictures, as a verdict names it.
pub(super) const CHECK: Reason = Reason::ListedMedia;

/// Why an item is shown to its owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Withheld {
    /// The verdict or the decision, which its owner can appeal.
    pub verdict: Uuid,
    /// The entry of the list that it is like; `None` once a moderator has decided about it.
    pub entry: Option<Uuid>,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The visibility that it had.
    pub visibility: Visibility,
}

/// Why only its owner sees an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WithheldMedia, example = json!({
    "verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72",
    "reason": "screening.listed_media",
    "statement": "This picture is known as one that may not be shared here.",
    "at": "2026-06-20T18:30:02Z",
}))]
pub struct WithheldView {
    /// The verdict or the decision, for an appeal.
    pub verdict: Uuid,
    /// A stable code.
    pub reason: String,
    /// The same as a sentence.
    pub statement: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

impl Withheld {
    /// Returns what its owner reads.
    pub(crate) fn view(&self) -> WithheldView {
        WithheldView {
            verdict: self.verdict,
            reason: CHECK.code().to_owned(),
            statement: CHECK.sentence().to_owned(),
            at: self.at,
        }
    }
}

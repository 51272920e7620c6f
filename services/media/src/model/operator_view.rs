//! An item as operators see it, and which items they list. No I/O.
//!
//! Invariant: a view has no URL that opens more than everyone may read: the poster of an item that is not public is not
//! shown, whoever asks.

use chrono::{DateTime, Utc};
use contract::media::{Kind, Visibility};
use contract::transcode::{RenditionProgress, Task};
use contract::{AccountId, MediaId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Failure, Item, State};

/// Which items operators list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperatorFilter {
    /// Those of a member, in this state or in any.
    Member(AccountId, Option<State>),
    /// Those of all members whose conversion has failed.
    Failed,
}

/// Why an item is shown to its owner only.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminWithheld, example = json!({
    "verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72",
    "entry": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b73",
    "at": "2026-05-17T09:32:00Z",
}))]
pub struct OperatorWithheldView {
    /// The verdict or the decision.
    pub verdict: Uuid,
    /// The entry of the list of known pictures that it is like; `null` once a moderator has decided about it.
    #[schema(required)]
    pub entry: Option<Uuid>,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// An item as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMedia, example = json!({
    "id": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "owner": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "kind": "video",
    "title": "The sea.mp4",
    "state": "failed",
    "visibility": "private",
    "in_trash": false,
    "withheld": null,
    "bytes": 73_400_320,
    "created_at": "2026-05-17T09:30:00Z",
    "updated_at": "2026-05-17T09:32:00Z",
    "error": {
        "code": "transcode.gave_up",
        "detail": "This file could not be converted after several attempts; the original is kept.",
    },
    "attempts": 1,
    "nudity_score": 0.93,
    "marked_sensitive": null,
    "sensitive": true,
    "poster_url": null,
}))]
pub struct OperatorMediaView {
    /// The id.
    pub id: MediaId,
    /// The id of its owner.
    #[schema(value_type = String, format = "uuid")]
    pub owner: AccountId,
    /// Whether it is a photo, an audio file or a video.
    pub kind: Kind,
    /// The name of the file, cleaned, or what its owner calls it.
    pub title: String,
    /// The state of its conversion.
    pub state: State,
    /// Who may read it now: an item in the trash, one that is withheld and one that is not claimed yet are private.
    pub visibility: Visibility,
    /// Whether its owner has moved it to the trash.
    pub in_trash: bool,
    /// Why only its owner sees it, if it is like a known picture.
    pub withheld: Option<OperatorWithheldView>,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Why it could not be converted; `null` unless its state is `failed`.
    #[schema(required)]
    pub error: Option<Failure>,
    /// How often its conversion was begun: once, and again at each retry.
    pub attempts: u32,
    /// What a classifier has scored its picture for nudity, 0 to 1; `null` where none has.
    #[schema(required)]
    pub nudity_score: Option<f64>,
    /// What a moderator has marked; `null` if nothing.
    #[schema(required)]
    pub marked_sensitive: Option<bool>,
    /// Whether its picture stays blurred for strangers until they open it.
    pub sensitive: bool,
    /// The absolute URL of a picture of it; `null` where there is none, and for an item that is not public.
    #[schema(required)]
    pub poster_url: Option<String>,
}

/// An item as operators see it, with what is known of its conversion.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMediaDetail)]
pub struct OperatorMediaDetailView {
    /// The item.
    #[serde(flatten)]
    pub media: OperatorMediaView,
    /// The tasks of its conversion; `null` while transcode does not respond.
    #[schema(required)]
    pub tasks: Option<Vec<Task>>,
    /// The renditions that are made of it; `null` as `tasks`.
    #[schema(required)]
    pub renditions: Option<Vec<RenditionProgress>>,
}

impl Item {
    /// Returns the item as operators see it. `site_url` makes an absolute URL of a path of the site.
    pub(crate) fn operator_view(&self, retries: u32, site_url: impl Fn(&str) -> String) -> OperatorMediaView {
        let visibility = self.effective_visibility();
        let picture = if visibility == Visibility::Public { self.picture_path() } else { None };
        OperatorMediaView {
            id: self.id.clone(),
            owner: self.owner,
            kind: self.kind,
            title: self.name.clone(),
            state: self.state,
            visibility,
            in_trash: self.trashed.is_some(),
            withheld: self.withheld.as_ref().map(|reason| OperatorWithheldView {
                verdict: reason.verdict,
                entry: reason.entry,
                at: reason.at,
            }),
            bytes: self.bytes,
            created_at: self.created_at,
            updated_at: self.updated_at,
            error: self.failure.clone().filter(|_| self.state == State::Failed),
            attempts: retries.saturating_add(1),
            nudity_score: self.marks.nudity.map(|score| f64::from(score.thousandths()) / 1000.0),
            marked_sensitive: self.marks.moderator,
            sensitive: self.is_sensitive(false),
            poster_url: picture.map(|path| site_url(&path)),
        }
    }
}

//! The kinds of notices as they are stored, what there is to prefer for a kind, and what a member who has set nothing
//! hears of, kind by kind.
//!
//! Invariant: a kind of which many come at once is not pushed unless its member wants that.

use std::convert::Infallible;
use std::str::FromStr;

use contract::notify::NoticeKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of a notice that is stored: one that this release knows, or the word of a later one.
///
/// A notice of a kind that is not known here is listed in general words and is counted, so that the counts are those of
/// the list whichever release reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum StoredKind {
    /// One that this release knows.
    Known(NoticeKind),
    /// One of a later release.
    Later(String),
}

impl StoredKind {
    /// Returns the word.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(kind) => kind.as_str(),
            Self::Later(word) => word,
        }
    }

    /// Returns the kind; `None` for one of a later release.
    pub(crate) fn known(&self) -> Option<NoticeKind> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Later(_) => None,
        }
    }
}

impl From<NoticeKind> for StoredKind {
    fn from(kind: NoticeKind) -> Self {
        Self::Known(kind)
    }
}

impl From<String> for StoredKind {
    fn from(word: String) -> Self {
        match word.parse() {
            Ok(kind) => Self::Known(kind),
            Err(_) => Self::Later(word),
        }
    }
}

impl FromStr for StoredKind {
    type Err = Infallible;
    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(Self::from(word.to_owned()))
    }
}

impl PartialEq<NoticeKind> for StoredKind {
    fn eq(&self, kind: &NoticeKind) -> bool {
        self.known() == Some(*kind)
    }
}

/// From whom notices of a kind come; the others are in the filtered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "following")]
pub(crate) enum FromWhom {
    /// Everyone.
    Everyone,
    /// People whom the member follows.
    Following,
    /// Nobody.
    Nobody,
}

/// When notices of a kind are mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "daily")]
pub(crate) enum MailFrequency {
    /// Never.
    Off,
    /// At once.
    Now,
    /// Once a day, together.
    Daily,
}

/// What counts for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"from": "everyone", "push": true, "mail": "off"}))]
pub(crate) struct EffectivePreference {
    /// From whom.
    pub from: FromWhom,
    /// Whether devices show it.
    pub push: bool,
    /// When it is mailed.
    pub mail: MailFrequency,
}

/// Returns the default of a kind.
pub(super) fn default_of(kind: NoticeKind) -> EffectivePreference {
    let (push, mail) = match kind {
        NoticeKind::FollowRequested
        | NoticeKind::Answered
        | NoticeKind::Mentioned
        | NoticeKind::CommentPending
        | NoticeKind::PartPending
        | NoticeKind::MediaFailed => (true, MailFrequency::Daily),
        NoticeKind::Followed
        | NoticeKind::FollowAccepted
        | NoticeKind::Commented
        | NoticeKind::PartAdded
        | NoticeKind::PartApproved
        | NoticeKind::PartRemoved
        | NoticeKind::GreetingOpened
        | NoticeKind::MediaReady => (true, MailFrequency::Off),
        NoticeKind::Reminder => (true, MailFrequency::Now),
        NoticeKind::Announcement | NoticeKind::Reacted | NoticeKind::Reposted | NoticeKind::Posted => {
            (false, MailFrequency::Off)
        }
    };
    EffectivePreference { from: FromWhom::Everyone, push, mail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_later_release_is_kept_as_it_is() {
        let later = StoredKind::from("waved".to_owned());
        assert_eq!((later.as_str(), later.known()), ("waved", None));
        assert_eq!(serde_json::to_value(&later).unwrap(), "waved");
        assert_eq!("waved".parse(), Ok(later));
        assert_eq!("posted".parse(), Ok(StoredKind::Known(NoticeKind::Posted)));
        assert_eq!(serde_json::to_value(StoredKind::Known(NoticeKind::Posted)).unwrap(), "posted");
    }
}

//! The kinds of notices as they are stored.
//!
//! Invariant: a kind of a later release is read, and written again, as its word.

use std::convert::Infallible;
use std::str::FromStr;

use contract::notify::NoticeKind;
use serde::Serialize;

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

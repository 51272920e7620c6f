//! What makes a post a part of a thread.
//!
//! Invariant: a part has a number from the moment on in which it appears, and only while it belongs to the thread.

use contract::social::threads::PartState;
use uuid::Uuid;

use super::InvalidPost;

/// The longest reason, in characters.
const MAX_REASON_CHARS: usize = 500;

/// The thread that a post is a part of, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ThreadPart {
    /// The thread.
    pub thread: Uuid,
    /// How it stands to the thread.
    pub state: PartState,
    /// Its place among the parts; `None` before it has appeared, and when it was removed.
    pub number: Option<i64>,
    /// The part that it answers.
    pub answers: Option<Uuid>,
    /// Why it was removed or unlinked, for its author.
    pub reason: Option<String>,
}

impl ThreadPart {
    /// Whether it has a place in the thread.
    pub(crate) fn is_joined(&self) -> bool {
        self.state == PartState::Joined
    }
}

/// Checks and normalizes the reason for which a part of another member's is removed.
pub(crate) fn parse_reason(text: Option<&str>) -> Result<String, InvalidPost> {
    let reason = codec::filename::lines(text.unwrap_or_default());
    if reason.is_empty() {
        return Err(InvalidPost("Say why, in `reason`: the author of the part will read it."));
    }
    if reason.chars().count() > MAX_REASON_CHARS {
        return Err(InvalidPost("A reason has at most 500 characters."));
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_and_short() {
        assert_eq!(parse_reason(Some(" Off\u{202e} topic. ")).unwrap(), "Off topic.");
        assert!(parse_reason(Some(&"é".repeat(500))).is_ok());
        for wrong in [None, Some(""), Some(" \u{200b} "), Some("a".repeat(501).as_str())] {
            assert!(parse_reason(wrong).is_err(), "{wrong:?}");
        }
    }
}

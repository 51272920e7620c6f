//! What a member is told of a post or a comment of theirs that a moderator of the site has removed.
//!
//! Invariant: it says why, and neither who has reported it nor who has decided.

use contract::social::talk::{ReportDecision, ReportKind, ReportReason};
use uuid::Uuid;

use super::comment::Comment;
use super::person::PersonNumber;
use super::position::Position;
use super::post::Post;

/// The longest message, in characters.
const MAX_MESSAGE_CHARS: usize = 500;
/// The longest excerpt, in characters.
const MAX_EXCERPT_CHARS: usize = 200;

/// Why something is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemovalNotice {
    /// The reason of the report that was decided about.
    pub reason: ReportReason,
    /// What the moderator says to the author; may be empty.
    pub message: String,
    /// The place in the author's list, at the moment of the decision.
    pub position: Position,
}

/// What was removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Whose it was.
    pub author: PersonNumber,
    /// A post or a comment.
    pub kind: ReportKind,
    /// The id that it had.
    pub object: Uuid,
    /// The beginning of its text.
    pub excerpt: String,
    /// Why.
    pub notice: RemovalNotice,
}

impl RemovalNotice {
    /// Returns the removal of a post.
    pub(crate) fn of_post(self, post: &Post) -> Removal {
        let excerpt = excerpt(&post.text);
        Removal { author: post.author, kind: ReportKind::Post, object: post.id, excerpt, notice: self }
    }

    /// Returns the removal of a comment.
    pub(crate) fn of_comment(self, comment: &Comment) -> Removal {
        let excerpt = excerpt(&comment.text);
        Removal { author: comment.author, kind: ReportKind::Comment, object: comment.id, excerpt, notice: self }
    }
}

/// Checks and normalizes what a moderator says to an author; the error is a sentence that names the rule.
pub(crate) fn parse_message(decision: ReportDecision, text: &str) -> Result<String, &'static str> {
    let message = codec::filename::lines(text);
    if message.chars().count() > MAX_MESSAGE_CHARS {
        return Err("A message to the author has at most 500 characters.");
    }
    if decision == ReportDecision::Keep && !message.is_empty() {
        return Err("A message is for the author of what is removed. Leave it out, or decide `remove`.");
    }
    Ok(message)
}

fn excerpt(text: &str) -> String {
    text.chars().take(MAX_EXCERPT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_short_and_goes_with_a_removal() {
        let parse = |text: &str| parse_message(ReportDecision::Remove, text);
        assert_eq!(parse(" No\u{202e} advertising. ").unwrap(), "No advertising.");
        assert_eq!((parse(""), parse_message(ReportDecision::Keep, " ")), (Ok(String::new()), Ok(String::new())));
        assert!(parse(&"é".repeat(500)).is_ok() && parse(&"é".repeat(501)).is_err());
        assert!(parse_message(ReportDecision::Keep, "Well done.").is_err());
        assert_eq!(excerpt(&"é".repeat(300)).chars().count(), MAX_EXCERPT_CHARS);
    }
}

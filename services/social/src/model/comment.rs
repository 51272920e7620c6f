//! A comment on a post, and the rules of its text.
//!
//! There is one level of answers: an answer to an answer stands under the same comment. Invariant: a [`CommentText`]
//! is not empty, has no character that is invisible or changes the direction of the text, and has bounds.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::person::PersonNumber;
use super::position::Position;
use super::post_text::words_of;

/// The longest comment, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// The most people whom a comment mentions.
const MAX_MENTIONS: usize = 10;

/// The text of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommentText {
    /// The text, normalized.
    pub text: String,
    /// The handles that are mentioned, in lower case, each once.
    pub mentions: Vec<String>,
}

impl CommentText {
    /// Checks and normalizes a text; the error is a sentence that names the rule.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = codec::filename::lines(text);
        if text.is_empty() {
            return Err("A comment needs a text.");
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err("A comment has at most 2,000 characters.");
        }
        let (_, mentions) = words_of(&text);
        if mentions.len() > MAX_MENTIONS {
            return Err("A comment mentions at most 10 people.");
        }
        Ok(Self { text, mentions })
    }
}

/// A verdict that holds something, as its author reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldBy {
    /// The verdict.
    pub verdict: Uuid,
    /// The code of its reason.
    pub reason: String,
}

/// A comment as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// The id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
    /// Who wrote the post.
    pub post_author: PersonNumber,
    /// Who wrote the comment.
    pub author: PersonNumber,
    /// The comment that it answers; the post's id, if it answers none.
    pub parent: Uuid,
    /// Its place in lists.
    pub position: Position,
    /// Whether it waits for approval, or for a moderator.
    pub is_pending: bool,
    /// The verdict that holds it until a moderator has read it; it is pending then.
    pub held: Option<HeldBy>,
    /// The text.
    pub text: String,
    /// The answers that are shown.
    pub answer_count: u64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

impl Comment {
    /// Returns the URL of a comment, with the token of the post's link if the request had something that can be one.
    pub(crate) fn location(id: Uuid, token: Option<&str>) -> String {
        let is_plain = |token: &&str| token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let query = token.filter(is_plain).map_or_else(String::new, |token| format!("?link={token}"));
        format!("/v1/comments/{id}{query}")
    }

    /// Returns the comment that it answers.
    pub(crate) fn answers(&self) -> Option<Uuid> {
        (self.parent != self.post).then_some(self.parent)
    }

    /// Whether a person may remove it: its author, and the author of the post.
    pub(crate) fn may_remove(&self, person: PersonNumber) -> bool {
        self.author == person || self.post_author == person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_bounds_and_no_tricks() {
        let parsed = CommentText::parse(" Hi\u{202e} @Bob\u{200b}, @bob \r\n#x ").unwrap();
        assert_eq!((parsed.text.as_str(), parsed.mentions), ("Hi @Bob, @bob \n#x", vec!["bob".to_owned()]));
        assert!(CommentText::parse(&"é".repeat(MAX_TEXT_CHARS)).is_ok());
        let many = (0..=MAX_MENTIONS).map(|at| format!("@user{at}")).collect::<Vec<_>>().join(" ");
        for wrong in ["", " \n", "\u{200b}\u{2060}", &"a".repeat(MAX_TEXT_CHARS + 1), &many] {
            assert!(CommentText::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! A message, and the rules of what a member writes.
//!
//! Invariant: a text of these types has passed its rules; what was deleted for all has no text.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use uuid::Uuid;

use super::member::ConversationMember;

/// The longest text of a message, in characters.
const MAX_TEXT_CHARS: usize = 4000;
/// The longest id that a client gives a message, in bytes.
const MAX_CLIENT_ID_BYTES: usize = 64;
/// The longest reaction, in bytes: a family of four with skin colours has 41.
const MAX_REACTION_BYTES: usize = 48;
/// The most media of a message.
pub(crate) const MAX_MEDIA: usize = 10;
/// How long an author may change a text.
pub(crate) const EDIT_WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Who sees a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageState {
    /// All members.
    Sent,
    /// Its author; a moderator reads it first.
    Held,
    /// Its author, who takes it for sent: the other member has blocked them.
    Withheld,
    /// It was deleted for all. All members see that there was one.
    Removed,
    /// Its author, who has deleted it for all and takes it for removed: no other member has seen it.
    Retracted,
}

impl MessageState {
    /// Whether it was deleted for all, as its author knows it.
    pub(crate) fn is_removed(self) -> bool {
        matches!(self, Self::Removed | Self::Retracted)
    }

    /// Returns the state as its author may know it: whether another member has blocked them makes no difference.
    pub(crate) fn shown(self) -> Self {
        match self {
            Self::Sent | Self::Withheld => Self::Sent,
            Self::Held => Self::Held,
            Self::Removed | Self::Retracted => Self::Removed,
        }
    }
}

contract::string_enum!(
    MessageState:
    Sent => "sent", Held => "held", Withheld => "withheld", Removed => "removed", Retracted => "retracted"
);

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its id.
    pub id: Uuid,
    /// Its conversation.
    pub conversation: Uuid,
    /// The place of the change that has added it.
    pub seq: i64,
    /// Who wrote it.
    pub author: AccountId,
    /// The id that the author's client gave it.
    pub client_id: String,
    /// The text; empty if there are media only, or if it was deleted.
    pub text: String,
    /// The message that it replies to.
    pub reply_to: Option<Uuid>,
    /// Who sees it.
    pub state: MessageState,
    /// The outcome of the verdict, as `screening` writes it.
    pub outcome: String,
    /// The code of the verdict's reason.
    pub reason: Option<String>,
    /// The verdict, if it was worse than delivery.
    pub verdict: Option<Uuid>,
    /// Whether its media stay blurred until they are opened.
    pub is_blurred: bool,
    /// When its text was changed.
    pub edited_at: Option<DateTime<Utc>>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
}

impl Message {
    /// Whether a member sees it, unless they have deleted it for themselves: it lies in their window, and is not kept
    /// from them. The same rule is the condition of the statements in `store::messages`.
    pub(crate) fn is_in_sight_of(&self, member: &ConversationMember) -> bool {
        let is_for_all = matches!(self.state, MessageState::Sent | MessageState::Removed);
        self.conversation == member.conversation
            && self.seq > member.from_seq
            && member.until_seq.is_none_or(|until| self.seq <= until)
            && (is_for_all || self.author == member.account)
    }
}

/// The rule that a text breaks, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidText(pub &'static str);

/// The text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageText(String);

impl MessageText {
    /// Checks a text, without the white space around it. One without media has something to read.
    pub(crate) fn parse(text: &str, has_media: bool) -> Result<Self, InvalidText> {
        let text = text.trim();
        if text.is_empty() && !has_media {
            return Err(InvalidText("A message needs a text or media."));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(InvalidText("The text of a message has at most 4,000 characters."));
        }
        if text.contains('\0') {
            return Err(InvalidText("The text of a message has no NUL character."));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id that a client gives a message, so that sending it again stores it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientId(String);

impl ClientId {
    /// Checks an id.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidText> {
        let is_right =
            (1..=MAX_CLIENT_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_right {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidText("`client_id` has 1 to 64 visible characters."))
        }
    }

    /// Returns the id.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A reaction to a message: an emoji, or a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction(String);

impl Reaction {
    /// Checks a reaction.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidText> {
        let is_wrong = |letter: char| letter.is_whitespace() || letter.is_control();
        let is_right = (1..=MAX_REACTION_BYTES).contains(&text.len()) && !text.chars().any(is_wrong);
        if is_right { Ok(Self(text.to_owned())) } else { Err(InvalidText("A reaction is one emoji, or a short word.")) }
    }

    /// Returns the reaction.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::member::MemberState;
    use super::*;

    #[test]
    fn a_message_is_in_sight_within_the_window_and_of_its_author_while_it_is_kept_from_others() {
        let [ada, bob] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let mut message = Message {
            id: Uuid::from_u128(3),
            conversation: Uuid::from_u128(4),
            seq: 5,
            author: ada,
            client_id: "a".to_owned(),
            text: "hi".to_owned(),
            reply_to: None,
            state: MessageState::Sent,
            outcome: "deliver".to_owned(),
            reason: None,
            verdict: None,
            is_blurred: false,
            edited_at: None,
            created_at: now,
        };
        let member = |account, from_seq, until_seq| ConversationMember {
            until_seq,
            ..ConversationMember::new(Uuid::from_u128(4), account, MemberState::Joined, from_seq, now)
        };
        let (mine, others) = (member(ada, 0, None), member(bob, 4, Some(5)));
        let windows = [(0, None, true), (4, Some(5), true), (5, None, false), (0, Some(4), false)];
        for (from_seq, until_seq, is_in_sight) in windows {
            assert_eq!(message.is_in_sight_of(&member(bob, from_seq, until_seq)), is_in_sight, "{from_seq}");
        }
        for (state, is_for_all) in [
            (MessageState::Removed, true),
            (MessageState::Held, false),
            (MessageState::Withheld, false),
            (MessageState::Retracted, false),
        ] {
            message.state = state;
            assert!(message.is_in_sight_of(&mine), "{state:?}");
            assert_eq!(message.is_in_sight_of(&others), is_for_all, "{state:?}");
        }
        let elsewhere = ConversationMember { conversation: Uuid::from_u128(9), ..mine };
        assert!(!message.is_in_sight_of(&elsewhere));
    }

    #[test]
    fn texts_ids_and_reactions_have_bounds() {
        assert_eq!(MessageText::parse(" hi \n", false).unwrap().as_str(), "hi");
        assert!(MessageText::parse(" ", false).is_err() && MessageText::parse(" ", true).is_ok());
        assert!(MessageText::parse(&"é".repeat(4000), false).is_ok());
        assert!(MessageText::parse(&"é".repeat(4001), false).is_err() && MessageText::parse("a\0b", false).is_err());
        assert!(ClientId::parse("0198b2a4-6f0e").is_ok());
        for wrong in ["", "two words", &"a".repeat(65)] {
            assert!(ClientId::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Reaction::parse("\u{2764}\u{fe0f}").is_ok() && Reaction::parse("a b").is_err());
    }

    #[test]
    fn an_author_sees_no_difference_where_they_are_blocked() {
        use MessageState::{Held, Removed, Retracted, Sent, Withheld};
        let shown = [Sent, Withheld, Held, Removed, Retracted].map(MessageState::shown);
        assert_eq!(shown, [Sent, Sent, Held, Removed, Removed]);
        assert!(Removed.is_removed() && Retracted.is_removed() && !Withheld.is_removed());
    }
}

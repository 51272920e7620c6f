//! Types and rules, without I/O.
//!
//! Invariant: a value of these types has passed its rules.

mod change;
mod conversation;
mod cursor;
mod media;
mod member;
mod message;
mod permissions;
mod presence;
mod report;
mod sender;
mod settings;

pub(crate) use change::{Change, ChangeKind};
pub(crate) use conversation::{Conversation, ConversationKind, GroupName, InviteToken, MAX_EVER, pair_key};
pub(crate) use cursor::{InboxCursor, parse_seq};
pub(crate) use media::{MediaUpdate, MessageMedia, picture_url};
pub(crate) use member::{ConversationMember, MemberState};
pub(crate) use message::{ClientId, EDIT_WINDOW, InvalidText, MAX_MEDIA, Message, MessageState, MessageText, Reaction};
pub(crate) use permissions::{Permissions, WriteTarget};
pub(crate) use presence::{Presence, PresenceAudience, PresencePair};
pub(crate) use report::{NewReport, ROLE, is_own_thing, kind_of, message_thing, own_message};
pub(crate) use sender::Author;
pub(crate) use settings::Settings;

//! Conversations as clients see them.
//!
//! Invariant: a view is made for one reader, and tells nothing of what others have done with a request.

use chrono::{DateTime, Utc};
use contract::MediaId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{MessageView, message_view};
use crate::model::{ConversationKind, MemberState, Permissions, Presence, picture_url};
use crate::queries::conversations::{SeenConversation, SeenMember, SharedContext};
use crate::state::Chat;

/// A member of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationMember, example = json!({
    "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "handle": "ada",
    "display_name": "Ada Lovelace",
    "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "admin": true,
    "read_seq": 17,
    "delivered_seq": 18,
    "presence": {"state": "online", "last_seen_at": null},
}))]
pub(super) struct MemberView {
    /// The account.
    account: Uuid,
    /// The unique name.
    #[schema(required)]
    handle: Option<String>,
    /// The name to show.
    #[schema(required)]
    display_name: Option<String>,
    /// The id of a photo, whose image is at `/v1/media/{id}/image`.
    #[schema(required)]
    avatar: Option<MediaId>,
    /// Whether they look after the group.
    admin: bool,
    /// Up to where they have said that they have read.
    read_seq: i64,
    /// Up to where their devices have said that they have everything.
    delivered_seq: i64,
    /// Whether they are online. Null where the reader does not see it, for the reader, and in lists for groups.
    #[schema(required)]
    presence: Option<Presence>,
}

impl From<SeenMember> for MemberView {
    fn from(seen: SeenMember) -> Self {
        let (handle, display_name, avatar) = match seen.person {
            Some(person) => (Some(person.handle), Some(person.display_name), person.avatar),
            None => (None, None, None),
        };
        Self {
            account: seen.member.account.0,
            handle,
            display_name,
            avatar,
            admin: seen.member.is_admin,
            read_seq: seen.member.told_read_seq,
            delivered_seq: seen.member.told_delivered_seq,
            presence: seen.presence,
        }
    }
}

/// What a reader learns of who asks them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestContext, example = json!({"friends_in_common": 3, "account_age_days": 412}))]
pub(super) struct ContextView {
    /// How many friends they have in common, at most 100.
    friends_in_common: u64,
    /// How many whole days old the account of who asks is.
    account_age_days: u32,
}

impl From<SharedContext> for ContextView {
    fn from(context: SharedContext) -> Self {
        Self { friends_in_common: context.friends_in_common, account_age_days: context.account_age_days }
    }
}

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70",
    "kind": "pair",
    "state": "joined",
    "name": null,
    "picture": null,
    "has_invite": false,
    "members": [],
    "epoch": 81_236_712,
    "last_seq": 18,
    "unread": 2,
    "newest": null,
    "can": {"write": true, "goes_to": "inbox", "manage": false},
    "request": null,
    "created_at": "2026-05-04T18:30:00Z",
}))]
pub(super) struct ConversationView {
    /// Its id.
    id: Uuid,
    /// How many take part.
    kind: ConversationKind,
    /// How the reader takes part.
    state: MemberState,
    /// The name of a group.
    #[schema(required)]
    name: Option<String>,
    /// The URL of the picture of a group; it ends within an hour. Only for members who take part.
    #[schema(required)]
    picture: Option<String>,
    /// Whether there is a link by which people join.
    has_invite: bool,
    /// Who takes part; of a conversation of two, both. None for who has left a group.
    members: Vec<MemberView>,
    /// The number of its sequence of changes.
    epoch: i64,
    /// The place of the newest change that the reader sees.
    last_seq: i64,
    /// How many messages of others the reader has not read.
    unread: u64,
    /// The newest message that the reader sees.
    #[schema(required)]
    newest: Option<MessageView>,
    /// What the reader may do; null in lists.
    #[schema(required)]
    can: Option<Permissions>,
    /// Of a request: what the reader has in common with who asks.
    #[schema(required)]
    request: Option<ContextView>,
    /// When it was begun.
    created_at: DateTime<Utc>,
}

/// Returns a conversation as its reader sees it.
pub(super) fn conversation_view(
    chat: &Chat,
    seen: SeenConversation,
    can: Option<Permissions>,
    request: Option<SharedContext>,
) -> ConversationView {
    let SeenConversation { conversation, reader, members, unread, newest } = seen;
    let picture = conversation.picture.as_ref().filter(|_| reader.is_joined());
    let picture = picture.map(|id| picture_url(id, &chat.context.url_signer, chat.context.clock.now()));
    ConversationView {
        id: conversation.id,
        kind: conversation.kind,
        state: reader.state,
        picture,
        has_invite: conversation.has_invite && reader.is_joined(),
        members: members.into_iter().map(MemberView::from).collect(),
        epoch: conversation.epoch,
        last_seq: reader.last_visible(conversation.last_seq),
        unread,
        newest: newest.map(|newest| message_view(chat, newest)),
        can,
        request: request.filter(|_| reader.is_requested()).map(ContextView::from),
        created_at: conversation.created_at,
        name: conversation.name,
    }
}

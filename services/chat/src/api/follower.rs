//! What a client that is connected is told: where its conversations are, what happens in them, who is typing and who is
//! online. The stream and the socket carry it.
//!
//! Invariant: it hears of changes before it says where a conversation is, so nothing falls in between; it reads what is
//! stored and holds one page of it; each place is told once, in order; nothing of a request is in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use contract::AccountId;
use http_server::auth::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{ChangesView, changes_view};
use crate::error::Error;
use crate::model::{ConversationMember, InboxCursor, MemberState, Presence};
use crate::presence::messages::PresenceChange;
use crate::presence::table::ActiveConnection;
use crate::queries;
use crate::queries::changes::ChangePage;
use crate::state::Chat;
use crate::store::members;
use crate::streams::{Changed, OpenStream};

/// The most conversations that a client is told the places of: those with the newest messages.
const MAX_PLACES: usize = 100;
/// The most changes that a client is sent of what it missed; beyond them it reads the conversation again.
const MAX_MISSED: i64 = 1000;
/// How often a client that waits has its token checked.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After so many checks all places are read, although no change was heard of: a process that is killed after its commit
/// tells none.
pub(super) const CHECKS_PER_READ: u32 = 12;

/// Where a conversation is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatPlace)]
pub(super) struct PlaceView {
    /// The conversation.
    conversation: Uuid,
    /// The number of its sequence. Places of another one mean nothing.
    epoch: i64,
    /// The place of its newest change.
    last_seq: i64,
}

/// Where conversations are: those with the newest messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatPlaces)]
pub(super) struct PlacesView {
    /// At most 100 conversations.
    places: Vec<PlaceView>,
}

/// Someone is typing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatTyping)]
pub(super) struct TypingView {
    /// Where.
    conversation: Uuid,
    /// Who.
    member: Uuid,
}

/// The presence of a member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatMemberPresence)]
pub(super) struct MemberPresenceView {
    /// The member.
    account: Uuid,
    /// Whether they are online; null if the client does not see that, or no more.
    #[schema(required)]
    presence: Option<Presence>,
}

/// Members are online, or away, or are not shown any more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatPresences)]
pub(super) struct PresencesView {
    /// Whose presence has changed, at most 500.
    members: Vec<MemberPresenceView>,
    /// Whether no one else is online, as at the beginning: others whom the client has as online are away.
    all: bool,
}

/// A conversation is to be read again: the client's place is too far behind, or of another sequence, or the
/// conversation is not the client's to follow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatReset)]
pub(super) struct ResetView {
    /// The conversation.
    conversation: Uuid,
}

/// Up to where a client has the changes of a conversation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatKnownPlace)]
pub(super) struct KnownPlace {
    /// The conversation.
    conversation: Uuid,
    /// The number of the sequence that the place is of.
    epoch: i64,
    /// The client has all changes up to this place.
    seq: i64,
}

/// What a client is told.
#[derive(Debug)]
pub(super) enum Told {
    /// Where its conversations are.
    Places(PlacesView),
    /// Changes of a conversation.
    Changes(ChangesView),
    /// Someone is typing.
    Typing(TypingView),
    /// The presence of members.
    Presence(PresencesView),
    /// A conversation is to be read again.
    Reset(ResetView),
}

/// Whether a client follows what its member sees of a conversation: of a request it hears nothing.
fn is_followed(member: &ConversationMember) -> bool {
    member.may_read() && !member.is_requested()
}

/// One client that follows.
pub(super) struct Follower {
    chat: Chat,
    account: AccountId,
    /// Whether a person uses the client. One with a token that has scopes is a program.
    is_personal: bool,
    /// While the client is in use, its member is online.
    active: Option<ActiveConnection>,
    open: OpenStream,
    /// Whether the client was told who is online.
    has_presence: bool,
    /// The most changes that are told at once.
    page_size: usize,
    /// Up to where the client was told of each conversation; `None` before it was told of any.
    places: Option<HashMap<Uuid, i64>>,
    /// The conversations that may have more to tell.
    behind: BTreeSet<Uuid>,
    ready: VecDeque<Told>,
}

impl Follower {
    /// Opens a follower of a member, which hears of changes from now on.
    pub(super) fn open(chat: &Chat, member: &Member, page_size: usize) -> Result<Self, Error> {
        let account = AccountId(member.id());
        let open = chat.streams.open(account).ok_or(Error::TooManyStreams)?;
        Ok(Self {
            chat: chat.clone(),
            account,
            is_personal: member.0.scope.is_empty(),
            active: None,
            open,
            has_presence: false,
            page_size,
            places: None,
            behind: BTreeSet::new(),
            ready: VecDeque::new(),
        })
    }

    /// Sets whether the client is in use, so that its member is online.
    pub(super) fn set_active(&mut self, is_active: bool) {
        if !is_active || !self.is_personal {
            self.active = None;
        } else if self.active.is_none() {
            self.active = Some(self.chat.presence.enter(self.account, self.chat.context.clock.now()));
        }
    }

    /// Whether the client was told where its conversations are.
    pub(super) fn has_begun(&self) -> bool {
        self.places.is_some()
    }

    /// Says where each conversation is, and goes on from there. A place that was told before stays: what is above it,
    /// and what no update told of, comes next.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let sql = self.chat.context.db.read();
        let (state, before) = (MemberState::Joined, InboxCursor::START);
        let mine = members::list_box(sql, self.account, state, before, MAX_PLACES).await?;
        let found = queries::changes::places(&self.chat, &mine).await?;
        let place = |(conversation, epoch, last_seq)| PlaceView { conversation, epoch, last_seq };
        let places: Vec<PlaceView> = found.into_iter().map(place).collect();
        let told = self.places.get_or_insert_default();
        for place in &places {
            if *told.entry(place.conversation).or_insert(place.last_seq) < place.last_seq {
                // No update told of it, so a copy may be from before.
                self.chat.streams.recent().forget(place.conversation);
                self.behind.insert(place.conversation);
            }
        }
        self.ready.push_back(Told::Places(PlacesView { places }));
        if !self.has_presence {
            self.has_presence = true;
            let online = queries::presence::list_online(&self.chat, self.account).await?;
            self.tell_presence(online, true);
        }
        Ok(())
    }

    fn tell_presence(&mut self, members: Vec<(AccountId, Option<Presence>)>, all: bool) {
        let view = |(account, presence): (AccountId, _)| MemberPresenceView { account: account.0, presence };
        if all || !members.is_empty() {
            let members = members.into_iter().map(view).collect();
            self.ready.push_back(Told::Presence(PresencesView { members, all }));
        }
    }

    /// Reads what has become of the presence of others.
    async fn take_presence(
        &mut self,
        changes: BTreeMap<AccountId, PresenceChange>,
        is_reset: bool,
    ) -> Result<(), Error> {
        // What the client's own member wants shows and hides all others.
        let all = is_reset || changes.contains_key(&self.account);
        let members = if all {
            queries::presence::list_all(&self.chat, self.account).await?
        } else {
            queries::presence::list_changed(&self.chat, self.account, changes).await?
        };
        self.tell_presence(members, all);
        Ok(())
    }

    /// Goes on after the places that the client has. Where that is not possible, the client is told to read the
    /// conversation again.
    pub(super) async fn resume(&mut self, known: Vec<KnownPlace>) -> Result<(), Error> {
        for KnownPlace { conversation, epoch, seq } in known {
            let place = match self.find_member(conversation).await? {
                Some(member) => queries::changes::place(&self.chat, &member).await?,
                None => None,
            };
            let is_near = |(of, last): (i64, i64)| of == epoch && seq >= 0 && (0..=MAX_MISSED).contains(&(last - seq));
            let told = self.places.get_or_insert_default();
            if place.is_some_and(is_near) {
                told.insert(conversation, seq);
                self.chat.streams.recent().forget(conversation);
                self.behind.insert(conversation);
            } else {
                // The client reads up to here, or further.
                told.extend(place.map(|(_, last_seq)| (conversation, last_seq)));
                self.behind.remove(&conversation);
                self.ready.push_back(Told::Reset(ResetView { conversation }));
            }
        }
        Ok(())
    }

    /// Returns what is to be told now; `None` if there is nothing more.
    pub(super) async fn next(&mut self) -> Result<Option<Told>, Error> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(Some(told));
            }
            let Some(conversation) = self.behind.first().copied() else {
                // A client that waits holds no room for what it was told.
                self.ready = VecDeque::new();
                return Ok(None);
            };
            if !self.read_page(conversation).await? {
                self.behind.remove(&conversation);
            }
        }
    }

    /// Waits until there may be something new.
    pub(super) async fn changed(&self) {
        self.open.changed().await;
    }

    /// Takes what is new. Before the beginning nothing is, because the beginning has it.
    pub(super) async fn take_changed(&mut self) -> Result<(), Error> {
        let Changed { conversations, typing, is_lagged, presence, is_presence_reset } = self.open.take();
        if !self.has_begun() {
            return Ok(());
        }
        self.behind.extend(conversations);
        let told = typing.into_iter().map(|(conversation, member)| TypingView { conversation, member: member.0 });
        self.ready.extend(told.map(Told::Typing));
        self.take_presence(presence, is_presence_reset).await?;
        if is_lagged { self.begin().await } else { Ok(()) }
    }

    /// Returns the client's member of a conversation that is no request.
    async fn find_member(&self, conversation: Uuid) -> Result<Option<ConversationMember>, Error> {
        let found = members::find(self.chat.context.db.read(), conversation, self.account).await?;
        Ok(found.filter(is_followed))
    }

    /// Returns the place after which the client is told of a conversation; `None` if there is nothing more.
    fn find_place(&self, member: &ConversationMember, last_seq: i64) -> Option<i64> {
        // A conversation that the client was told nothing of begins as a whole if it is short, else with its newest
        // change.
        let is_short = last_seq - member.from_seq <= i64::try_from(self.page_size).unwrap_or(i64::MAX);
        let start = if is_short { member.from_seq } else { last_seq - 1 };
        let known = self.places.as_ref().and_then(|places| places.get(&member.conversation).copied());
        Some(known.unwrap_or(start)).filter(|after| *after < last_seq)
    }

    /// Reads the next changes of a conversation. Returns whether there are more.
    async fn read_page(&mut self, conversation: Uuid) -> Result<bool, Error> {
        let context = &self.chat.context;
        let recent = self.chat.streams.recent().read(&context.db, &context.tasks, conversation).await;
        let found = recent.as_deref().and_then(|recent| Some((recent, recent.find_member(self.account)?)));
        if let Some((recent, member)) = found.filter(|(_, member)| is_followed(member)) {
            let last_seq = member.last_visible(recent.conversation.last_seq);
            let Some(after) = self.find_place(member, last_seq) else { return Ok(false) };
            let page = queries::changes::list_recent(&self.chat, recent, member, after, self.page_size);
            if let Some(page) = page {
                return Ok(self.tell_changes(page));
            }
        }
        self.read_alone(conversation).await
    }

    /// Does what [`Self::read_page`] does, for a client that is further behind than a copy reaches.
    async fn read_alone(&mut self, conversation: Uuid) -> Result<bool, Error> {
        let Some(member) = self.find_member(conversation).await? else { return Ok(false) };
        let Some((_, last_seq)) = queries::changes::place(&self.chat, &member).await? else { return Ok(false) };
        let Some(after) = self.find_place(&member, last_seq) else { return Ok(false) };
        let read = queries::changes::list(&self.chat, self.account, conversation, after, None, self.page_size).await;
        let page = match read {
            Ok(page) => page,
            // It was deleted, or the member is out of it, meanwhile.
            Err(Error::NotFound | Error::ChangesReset) => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(self.tell_changes(page))
    }

    /// Tells the client changes. Returns whether there are more.
    fn tell_changes(&mut self, page: ChangePage) -> bool {
        let until = page.changes.last().map_or(page.last_seq, |last| last.change.seq);
        let has_more = until < page.last_seq;
        self.places.get_or_insert_default().insert(page.conversation.id, until);
        self.ready.push_back(Told::Changes(changes_view(&self.chat, page)));
        has_more
    }
}

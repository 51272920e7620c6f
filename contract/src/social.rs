//! The events of `social` (who follows and blocks whom, which posts appear and disappear), and the internal queries for
//! what a reader sees of people and posts.
//!
//! Owns the words for audiences, policies and states. Invariant: an event is published in the transaction of its
//! change, and carries ids, never a text of a member: a consumer that shows a post asks for it with its reader.

mod contacts;
mod feeds;
pub mod own_list_views;
mod relations;
pub mod talk;
pub mod talk_views;
pub mod threads;
pub mod views;

pub use contacts::{Contact, FindContacts, MAX_CONTACTS_PER_QUERY};
pub use feeds::{FeedWanted, FindHomeFeed, parse_cursor_word};
pub use relations::{Blocked, CloseChanged, FollowRequested, Followed, Muted, Unblocked, Unfollowed, Unmuted};

use base::Query;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{AccountId, Event, MediaId};
use views::{PersonView, PostView, ProfileView};

/// Who may read a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everyone; of a member whose profile is private, the followers.
    Public,
    /// The author's followers.
    Followers,
    /// The author's friends: those who follow the author and whom the author follows.
    Friends,
    /// The people whom the author has picked by hand.
    Close,
    /// Everyone who has the link. It is in no list but the author's own.
    Link,
}

crate::string_enum!(
    Audience:
    Public => "public", Followers => "followers", Friends => "friends", Close => "close", Link => "link"
);

impl Audience {
    /// All audiences, the widest first.
    pub const ALL: [Self; 5] = [Self::Public, Self::Followers, Self::Friends, Self::Close, Self::Link];
}

/// Who of those who may read a post may do something with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Everyone who may read it.
    #[default]
    Everyone,
    /// The author's followers.
    Followers,
    /// The author's friends.
    Friends,
    /// Everyone who may read it, and the author approves it first.
    Approval,
    /// Only the author.
    Nobody,
}

crate::string_enum!(
    Policy:
    Everyone => "everyone", Followers => "followers", Friends => "friends", Approval => "approval", Nobody => "nobody"
);

/// What readers of a post may do with it, as its author says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"comment": "everyone", "repost": "followers", "join": "approval"}))]
pub struct Policies {
    /// Who may comment.
    pub comment: Policy,
    /// Who may repost.
    pub repost: Policy,
    /// Who may join with a clip of their own.
    pub join: Policy,
}

/// The state of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostState {
    /// It waits until its media can be shown. Only its author sees it.
    Waiting,
    /// Its audience sees it.
    Published,
}

crate::string_enum!(PostState: Waiting => "waiting", Published => "published");

/// What a member follows besides people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopicKind {
    /// A tag of posts.
    Tag,
    /// A place, as posts name it.
    Place,
    /// A song, as posts name it: by the id of an audio item.
    Song,
}

crate::string_enum!(TopicKind: Tag => "tag", Place => "place", Song => "song");

/// `social.posted`: a post has appeared. One that waits for its media appears, and is announced, when they can be
/// shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The post's id.
    pub id: Uuid,
    /// Its author.
    pub author: AccountId,
    /// Its place in every list that is sorted by time: greater is newer, and no two posts have the same.
    pub position: i64,
    /// Who may read it.
    pub audience: Audience,
    /// Its tags, in lower case.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whom it mentions. A mention does not let them read it.
    #[serde(default)]
    pub mentions: Vec<AccountId>,
    /// Its media, in order.
    #[serde(default)]
    pub media: Vec<MediaId>,
    /// The thread that it is a part of. Whoever may not see the thread may not see the part, whatever its audience is.
    #[serde(default)]
    pub thread: Option<Uuid>,
    /// When it ends, if it is a story.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it has appeared.
    pub at: DateTime<Utc>,
}

impl Event for Posted {
    const SUBJECT: &'static str = "social.posted";
}

/// `social.post_changed`: the author has changed a post that has appeared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostChanged {
    /// The post's id.
    pub id: Uuid,
    /// Its author.
    pub author: AccountId,
    /// Its place, as [`Posted::position`].
    pub position: i64,
    /// Who may read it now.
    pub audience: Audience,
    /// Whether this change has changed who may read it. A post that gets the audience `link` has a new link then. An
    /// earlier release does not say it.
    #[serde(default = "unknown_is_changed")]
    pub is_audience_changed: bool,
    /// The tags that it has now.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Increases with every change, so that a subscriber can discard an older event that arrives late.
    pub version: u64,
}

fn unknown_is_changed() -> bool {
    true
}

impl Event for PostChanged {
    const SUBJECT: &'static str = "social.post_changed";
}

/// `social.post_removed`: a post is gone, and every copy of it must be removed. Also for each post of an erased
/// account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostRemoved {
    /// The post's id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: AccountId,
    /// The place that it had, as [`Posted::position`].
    pub position: i64,
}

impl Event for PostRemoved {
    const SUBJECT: &'static str = "social.post_removed";
}

/// The largest number of posts or people in one query.
pub const MAX_IDS_PER_QUERY: usize = 100;

/// What stands in the path for a reader without an account.
const NO_READER: &str = "-";

/// Returns the path's word for a reader.
fn reader_word(reader: Option<AccountId>) -> String {
    reader.map_or_else(|| NO_READER.to_owned(), |reader| reader.to_string())
}

/// Returns the reader of a path's word; an error if it is neither an id nor the word for none.
pub fn parse_reader(word: &str) -> Result<Option<AccountId>, uuid::Error> {
    if word == NO_READER { Ok(None) } else { word.parse().map(AccountId).map(Some) }
}

fn joined<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Asks social for posts as a reader sees them, at most [`MAX_IDS_PER_QUERY`], in the order of the ids. Those that the
/// reader may not see are left out, like those that don't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindPosts {
    /// Who reads; `None` for a visitor.
    pub reader: Option<AccountId>,
    /// The posts.
    pub ids: Vec<Uuid>,
}

impl Query for FindPosts {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/posts/{ids}";
    type Response = Vec<PostView>;

    fn path(&self) -> String {
        format!("/internal/readers/{}/posts/{}", reader_word(self.reader), joined(&self.ids))
    }
}

/// Asks social which of some posts a reader may not see, at most [`MAX_IDS_PER_QUERY`]. Posts that don't exist are none
/// of them, nor are those of the audience `link`, for which no relation counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindHiddenPosts {
    /// Who reads.
    pub reader: AccountId,
    /// The posts.
    pub ids: Vec<Uuid>,
}

impl Query for FindHiddenPosts {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/hidden-posts/{ids}";
    type Response = Vec<Uuid>;

    fn path(&self) -> String {
        format!("/internal/readers/{}/hidden-posts/{}", self.reader, joined(&self.ids))
    }
}

/// Asks social for people as a reader sees them, at most [`MAX_IDS_PER_QUERY`]. Those who are not shown to the reader
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindPeople {
    /// Who reads; `None` for a visitor.
    pub reader: Option<AccountId>,
    /// The accounts.
    pub accounts: Vec<AccountId>,
}

impl Query for FindPeople {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/people/{accounts}";
    type Response = Vec<PersonView>;

    fn path(&self) -> String {
        format!("/internal/readers/{}/people/{}", reader_word(self.reader), joined(&self.accounts))
    }
}

/// Asks social for the social part of an account's page: counts, and how the reader and the member stand to each other.
/// There is no response for a member who is not shown to the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindProfileView {
    /// Who reads; `None` for a visitor.
    pub reader: Option<AccountId>,
    /// The member.
    pub account: AccountId,
}

impl Query for FindProfileView {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/profiles/{account}";
    type Response = ProfileView;

    fn path(&self) -> String {
        format!("/internal/readers/{}/profiles/{}", reader_word(self.reader), self.account)
    }
}

/// Asks social whether a member is shown to a reader: the account is not suspended, and has not blocked the reader.
/// There is no response for one who is not, as for one who does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindShownPerson {
    /// Who reads.
    pub reader: AccountId,
    /// The handle, or the id of the account. It must be able to be one: letters, digits, `_`, `.` and `-`.
    pub name: String,
}

impl Query for FindShownPerson {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/names/{name}";
    type Response = PersonView;

    fn path(&self) -> String {
        format!("/internal/readers/{}/names/{}", self.reader, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_sent_to_the_paths_that_are_routed() {
        let account = AccountId(Uuid::from_u128(7));
        let (reader, id) = (Some(account), Uuid::from_u128(9));
        let filled = |path: &str, reader: &str, name: &str, ids: &str| {
            path.replace("{reader}", reader).replace(&format!("{{{name}}}"), ids)
        };
        let (one, two) = (account.to_string(), format!("{id},{id}"));
        assert_eq!(FindPosts { reader, ids: vec![id, id] }.path(), filled(FindPosts::PATH, &one, "ids", &two));
        assert_eq!(
            FindPeople { reader: None, accounts: vec![account] }.path(),
            filled(FindPeople::PATH, "-", "accounts", &one)
        );
        assert_eq!(FindProfileView { reader, account }.path(), filled(FindProfileView::PATH, &one, "account", &one));
        let shown = FindShownPerson { reader: account, name: "ada".to_owned() };
        assert_eq!(shown.path(), filled(FindShownPerson::PATH, &one, "name", "ada"));
    }

    #[test]
    fn the_word_of_a_reader_comes_back() {
        for reader in [None, Some(AccountId(Uuid::from_u128(7)))] {
            assert_eq!(parse_reader(&reader_word(reader)), Ok(reader));
        }
        assert!(parse_reader("ada").is_err());
    }

    #[test]
    fn strings_match_the_json_form() {
        for audience in Audience::ALL {
            assert_eq!(serde_json::to_value(audience).unwrap(), audience.as_str());
            assert_eq!(audience.as_str().parse(), Ok(audience));
        }
    }
}

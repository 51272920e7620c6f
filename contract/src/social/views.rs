//! What `social` shows of people and posts: the bodies of its public API and of its internal queries.
//!
//! Invariant: a view is made for one reader. It has nothing that this reader may not see, and the URLs in it open the
//! media of the post for at most an hour.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::talk::ReactionKind;
use super::{Audience, Policies, PostState, TopicKind};
use crate::media::{Conversion, Kind};
use crate::{AccountId, MediaId};

/// A member, as others see them beside what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Person, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "handle": "ada",
    "display_name": "Ada Lovelace",
    "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "is_private": false,
}))]
pub struct PersonView {
    /// The id of the account.
    #[schema(value_type = String, format = "uuid")]
    pub id: AccountId,
    /// The unique name, lower-case.
    pub handle: String,
    /// The name to show.
    pub display_name: String,
    /// The id of a photo, whose image is at `/v1/media/{id}/image`.
    #[schema(required)]
    pub avatar: Option<MediaId>,
    /// Whether others follow only after approval, and the profile shows its posts to followers only.
    pub is_private: bool,
}

/// How one member follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowState {
    /// Not at all.
    None,
    /// A request waits for an answer.
    Requested,
    /// Follows.
    Following,
}

/// How the reader and a member stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Relationship, example = json!({
    "follow": "following",
    "follows_you": true,
    "requested_you": false,
    "blocked": false,
    "muted": false,
    "close": false,
}))]
pub struct RelationshipView {
    /// Whether you follow the member.
    pub follow: FollowState,
    /// Whether the member follows you.
    pub follows_you: bool,
    /// Whether the member has asked to follow you.
    pub requested_you: bool,
    /// Whether you have blocked the member.
    pub blocked: bool,
    /// Whether you have muted the member.
    pub muted: bool,
    /// Whether the member is one of your close friends.
    pub close: bool,
}

/// A topic that a member follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Topic, example = json!({"kind": "tag", "name": "karaoke"}))]
pub struct TopicView {
    /// What it is.
    pub kind: TopicKind,
    /// The tag or the place, in lower case, or the id of the song.
    pub name: String,
}

/// The counts of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PersonCounts, example = json!({"followers": 31, "following": 18, "posts": 4}))]
pub struct PersonCountsView {
    /// Who follow the member.
    pub followers: u64,
    /// Whom the member follows.
    pub following: u64,
    /// The posts that have appeared: for the member, all of them; for everyone else, the public ones that are no parts
    /// of threads, so that the number tells nothing about other audiences.
    pub posts: u64,
}

/// The social part of an account's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileView {
    /// The member.
    pub person: PersonView,
    /// Their counts.
    pub counts: PersonCountsView,
    /// How the reader and the member stand to each other; `None` for a visitor, and for the member themselves.
    pub relationship: Option<RelationshipView>,
}

/// The URLs of a media item in a post, relative to the site. They are signed and end within an hour: read the post
/// again for new ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PostMediaUrls, example = json!({
    "image": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/image?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
    "motion": null,
    "poster": null,
    "hls": null,
    "waveform": null,
}))]
pub struct PostMediaUrls {
    /// A photo in any size (`w`, `h`, `fit`, `format`).
    #[schema(required)]
    pub image: Option<String>,
    /// An animated photo as a muted MP4 to repeat; null for a still one.
    #[schema(required)]
    pub motion: Option<String>,
    /// A video's poster, in any size.
    #[schema(required)]
    pub poster: Option<String>,
    /// The stream (HLS master playlist), as soon as it can be played.
    #[schema(required)]
    pub hls: Option<String>,
    /// Loudness along the time line (JSON).
    #[schema(required)]
    pub waveform: Option<String>,
}

/// A media item in a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PostMedia, example = json!({
    "id": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "kind": "photo",
    "state": "ready",
    "alt": "A black cat looks out of a porthole.",
    "width": 4032,
    "height": 3024,
    "duration_ms": null,
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "sensitive": false,
    "urls": {
        "image": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/image?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
        "motion": null,
        "poster": null,
        "hls": null,
        "waveform": null,
    },
}))]
pub struct PostMediaView {
    /// The item's id.
    pub id: MediaId,
    /// Whether it is a photo, an audio file or a video.
    pub kind: Kind,
    /// The state of its conversion. Others than the author see only what can be shown.
    pub state: Conversion,
    /// What stands for the picture where it is not seen; empty if the author has written nothing.
    pub alt: String,
    /// Width in pixels, upright.
    #[schema(required)]
    pub width: Option<u32>,
    /// Height in pixels, upright.
    #[schema(required)]
    pub height: Option<u32>,
    /// Duration in milliseconds.
    #[schema(required)]
    pub duration_ms: Option<u64>,
    /// A tiny placeholder image: thumbhash, base64.
    #[schema(required)]
    pub thumbhash: Option<String>,
    /// Whether its picture should stay blurred until you open it: it is sensitive, or it may be and its owner is a
    /// stranger to you. Always false for its owner.
    #[serde(default)]
    #[schema(required)]
    pub sensitive: bool,
    /// The URLs of its files.
    pub urls: PostMediaUrls,
}

/// The song of a post: an audio item of its author's, or of another member's who shows it in a public post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Song, example = json!({
    "id": "5kT0vYq8Zb3mXw1RcHs9Gb",
    "title": "Blue in Green",
    "handle": "bob",
    "duration_ms": 337_000,
    "hls": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Gb/hls/master.m3u8?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
}))]
pub struct SongView {
    /// The id of the item. `/v1/feeds/songs/{id}` has the posts with it, and it can be followed.
    pub id: MediaId,
    /// What it is called: the name of the item, without the extension of a file.
    pub title: String,
    /// The handle of the member whose song it is.
    pub handle: String,
    /// Duration in milliseconds.
    #[schema(required)]
    pub duration_ms: Option<u64>,
    /// The stream (HLS master playlist), relative to the site. It is signed and ends within an hour: read the post
    /// again for a new one.
    pub hls: String,
}

/// What the reader may do with a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PostCan, example = json!({
    "comment": true,
    "react": true,
    "repost": true,
    "join": false,
    "change": false,
    "remove": false,
}))]
pub struct PostCanView {
    /// Comment, possibly after the author's approval.
    pub comment: bool,
    /// React and save.
    pub react: bool,
    /// Repost, possibly after the author's approval.
    pub repost: bool,
    /// Join with a clip, possibly after the author's approval.
    pub join: bool,
    /// Change it.
    pub change: bool,
    /// Remove it.
    pub remove: bool,
}

/// The counts of a post: of all that is shown, the same numbers for every reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PostCounts, example = json!({"comments": 3, "reactions": 12, "reposts": 1}))]
pub struct PostCountsView {
    /// Comments.
    pub comments: u64,
    /// Reactions.
    pub reactions: u64,
    /// Reposts.
    pub reposts: u64,
}

/// What the reader has done with a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PostMine, example = json!({
    "reaction": "applause",
    "saved": true,
    "reposted": true,
    "repost_pending": false,
}))]
pub struct PostMineView {
    /// How you have reacted.
    #[schema(required)]
    pub reaction: Option<ReactionKind>,
    /// Whether you have saved it.
    pub saved: bool,
    /// Whether you have reposted it, and others see that.
    pub reposted: bool,
    /// Whether you have reposted it, and its author has not approved that yet.
    pub repost_pending: bool,
}

/// A post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Post, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "author": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "display_name": "Ada Lovelace",
        "avatar": null,
        "is_private": false,
    },
    "state": "published",
    "text": "First take of the evening, with @bob. #karaoke",
    "tags": ["karaoke"],
    "mentions": [{
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    }],
    "media": [],
    "place": "London",
    "song": {
        "id": "5kT0vYq8Zb3mXw1RcHs9Gb",
        "title": "Blue in Green",
        "handle": "bob",
        "duration_ms": 337_000,
        "hls": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Gb/hls/master.m3u8?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
    },
    "audience": "public",
    "policies": {"comment": "everyone", "repost": "everyone", "join": "approval"},
    "can": {"comment": true, "react": true, "repost": true, "join": true, "change": false, "remove": false},
    "counts": {"comments": 3, "reactions": 12, "reposts": 1},
    "mine": {"reaction": "applause", "saved": false, "reposted": false, "repost_pending": false},
    "thread": null,
    "link": null,
    "created_at": "2026-06-20T18:30:00Z",
    "published_at": "2026-06-20T18:30:12Z",
    "edited_at": null,
    "expires_at": null,
}))]
pub struct PostView {
    /// The post's id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: PersonView,
    /// Its state. Others than the author see only what is published.
    pub state: PostState,
    /// The text. Lines are separated by line feeds.
    pub text: String,
    /// The tags in the text, in lower case.
    pub tags: Vec<String>,
    /// The members whom the text mentions, without those who are not shown to you.
    pub mentions: Vec<PersonView>,
    /// The media, in order.
    pub media: Vec<PostMediaView>,
    /// The place, in the author's words.
    #[schema(required)]
    pub place: Option<String>,
    /// The song that the author has named. `null` if there is none, or it is not shown to you.
    #[serde(default)]
    #[schema(required)]
    pub song: Option<SongView>,
    /// Who may read it.
    pub audience: Audience,
    /// What the author allows its readers.
    pub policies: Policies,
    /// What you may do with it.
    pub can: PostCanView,
    /// Its counts.
    pub counts: PostCountsView,
    /// What you have done with it.
    #[serde(default)]
    #[schema(required)]
    pub mine: PostMineView,
    /// The thread that it is a part of. A post that others may join opens one itself, with the post's id.
    #[serde(default)]
    #[schema(required)]
    pub thread: Option<Uuid>,
    /// The path of a post with the audience `link`, for its author only.
    #[schema(required)]
    pub link: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it has appeared.
    #[schema(required)]
    pub published_at: Option<DateTime<Utc>>,
    /// When its author last changed the text.
    #[schema(required)]
    pub edited_at: Option<DateTime<Utc>>,
    /// When it ends, if it is a story.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A page of home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Feed, example = json!({
    "items": [],
    "next": "h-854775807000000001",
    "marker": "h-854775807000000099",
}))]
pub struct FeedView {
    /// The posts, the newest first.
    pub items: Vec<PostView>,
    /// Where the next page starts: send it as `after`. `null` on the last page.
    #[schema(required)]
    pub next: Option<String>,
    /// Where home began when it was read: send it as `since` to learn how many posts are new. `null` on later pages.
    #[schema(required)]
    pub marker: Option<String>,
}

/// How many posts are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewPosts, example = json!({"count": 7, "has_more": false}))]
pub struct NewPostsView {
    /// The new posts that you may see, at most 100.
    pub count: u64,
    /// Whether there are more.
    pub has_more: bool,
}

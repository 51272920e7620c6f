//! A post, and the rules of a new one and of a change.
//!
//! Invariant: a post has a text or media; one that waits for its media has no time of publication.

use chrono::{DateTime, TimeDelta, Utc};
use contract::MediaId;
use contract::social::{Audience, Policies, PostState};
use uuid::Uuid;

use super::InvalidPost;
use super::may_see::ObjectFacts;
use super::person::{Person, PersonNumber};
use super::position::Position;
use super::post_text::PostText;
use super::song::SongChoice;
use super::thread_part::ThreadPart;

/// How long a story is shown.
const STORY_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// The most media of a post.
const MAX_MEDIA: usize = 20;
/// The longest alternative text, in characters.
const MAX_ALT_CHARS: usize = 1_000;
/// The longest place, in characters.
const MAX_PLACE_CHARS: usize = 80;

/// A place, in the author's words: one line, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place(String);

impl Place {
    /// Checks and normalizes a place; an empty text is no place.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPost> {
        let line = codec::filename::lines(text).split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > MAX_PLACE_CHARS {
            return Err(InvalidPost("A place has at most 80 characters."));
        }
        Ok(Self(line))
    }

    /// Returns the text; `None` for no place.
    pub(crate) fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// A post as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    /// The id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: PersonNumber,
    /// Its place in lists.
    pub position: Position,
    /// Its state.
    pub state: PostState,
    /// Who may read it.
    pub audience: Audience,
    /// The text.
    pub text: String,
    /// Whether there was something to show when the row was read: a text, or a media item that can be shown.
    pub has_content: bool,
    /// The place.
    pub place: Option<String>,
    /// What its readers may do.
    pub policies: Policies,
    /// The secret of its link, if its audience is `link`.
    pub link_token: Option<String>,
    /// Whether it ends a day after it has appeared.
    pub is_story: bool,
    /// Grows with every change.
    pub version: u64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it has appeared.
    pub published_at: Option<DateTime<Utc>>,
    /// When the text last changed.
    pub edited_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The thread that it is a part of.
    pub part: Option<ThreadPart>,
}

impl Post {
    /// Returns what the rule of [`super::may_see`] needs to know.
    pub(crate) fn facts(&self, author: &Person, now: DateTime<Utc>) -> ObjectFacts {
        ObjectFacts {
            audience: self.audience,
            state: self.state,
            has_content: self.has_content,
            is_expired: self.expires_at.is_some_and(|end| end <= now),
            author_is_private: author.is_private,
            author_is_hidden: author.standing.is_hidden(now),
        }
    }

    /// Whether it is a part that is not shown in its thread: it waits for approval, or was removed.
    pub(crate) fn is_withheld(&self) -> bool {
        self.part.as_ref().is_some_and(|part| !part.is_joined())
    }

    /// Returns the post as it is from its publication on.
    #[must_use]
    pub(crate) fn published(self, position: Position, now: DateTime<Utc>) -> Self {
        let expires_at = self.is_story.then(|| now + STORY_LIFETIME);
        Self { position, state: PostState::Published, published_at: Some(now), expires_at, ..self }
    }
}

/// A new post, normalized.
#[derive(Debug, Clone)]
pub(crate) struct NewPost {
    /// The text.
    pub text: PostText,
    /// The media, each once, in order.
    pub media: Vec<MediaId>,
    /// Alternative texts in the order of the media; an empty one is that of the library.
    pub alts: Vec<String>,
    /// Who may read it.
    pub audience: Audience,
    /// What its readers may do.
    pub policies: Policies,
    /// The place.
    pub place: Place,
    /// The song.
    pub song: SongChoice,
    /// Whether it is a story.
    pub is_story: bool,
}

impl NewPost {
    /// Checks what the parts have to do with each other.
    pub(crate) fn check(self) -> Result<Self, InvalidPost> {
        if self.text.text.is_empty() && self.media.is_empty() {
            return Err(InvalidPost("A post needs a text or a media item."));
        }
        if self.media.len() > MAX_MEDIA {
            return Err(InvalidPost("A post has at most 20 media items."));
        }
        if (1..self.media.len()).any(|at| self.media.iter().take(at).any(|earlier| Some(earlier) == self.media.get(at)))
        {
            return Err(InvalidPost("A post has each media item once."));
        }
        if self.alts.len() > self.media.len() {
            return Err(InvalidPost("`alts` has at most one text for each media item."));
        }
        let alts: Vec<String> = self.alts.iter().map(|alt| codec::filename::lines(alt)).collect();
        if alts.iter().any(|alt| alt.chars().count() > MAX_ALT_CHARS) {
            return Err(InvalidPost("An alternative text has at most 1,000 characters."));
        }
        Ok(Self { alts, ..self })
    }
}

/// A change of a post. `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct PostChange {
    /// The new text.
    pub text: Option<PostText>,
    /// The new audience.
    pub audience: Option<Audience>,
    /// The new policies, all of them.
    pub policies: Option<Policies>,
    /// The new place.
    pub place: Option<Place>,
    /// The new song.
    pub song: Option<SongChoice>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> NewPost {
        NewPost {
            text: PostText::default(),
            media: Vec::new(),
            alts: Vec::new(),
            audience: Audience::Public,
            policies: Policies::default(),
            place: Place::default(),
            song: SongChoice::default(),
            is_story: false,
        }
    }

    #[test]
    fn a_post_needs_something_and_has_bounds() {
        assert!(post().check().is_err());
        assert!(NewPost { text: PostText::parse("hello").unwrap(), ..post() }.check().is_ok());
        let ids: Vec<MediaId> = (0..=MAX_MEDIA).map(|_| MediaId::random()).collect();
        let with = |media: &[MediaId]| NewPost { media: media.to_vec(), ..post() };
        assert!(with(&ids[1..]).check().is_ok());
        assert!(with(&ids).check().is_err());
        assert!(with(&[ids[0].clone(), ids[0].clone()]).check().is_err());
        assert!(NewPost { alts: vec![String::new()], ..post() }.check().is_err());
        let long = NewPost { alts: vec!["a".repeat(MAX_ALT_CHARS + 1)], ..with(&ids[1..]) };
        assert!(long.check().is_err());
    }

    #[test]
    fn a_place_is_one_line() {
        let text = |text: &str| Place::parse(text).unwrap().into_text();
        assert_eq!(text(" Rue\n de\u{202e} Rivoli ").as_deref(), Some("Rue de Rivoli"));
        assert_eq!(text(" "), None);
        assert!(Place::parse(&"a".repeat(81)).is_err());
    }
}

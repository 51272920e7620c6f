//! Writing a post: of its own, as the opening of a thread, or as a part of one.
//!
//! A verdict comes before a post that mentions people who don't know its author. Invariant: its media were in the
//! author's library when it was written; it appears at once if all of them can be shown, and otherwise when they can.
//! The state of the media is read again after the write: an event about them may have come before the post's rows were
//! there.

use chrono::{DateTime, Utc};
use contract::media::{FindOwnedItems, OwnedItem};
use contract::social::{Audience, PostState};
use db::{Lane, Tx};
use http_server::Effect;
use screening::facts::{Relation as Closeness, Surface};
use uuid::Uuid;

use super::publish_post::{announce, draw_position, numbered};
use super::screen::{Candidate, Disposition, NotStored, Words, into_error};
use super::set_song::{confirm_song, write_song};
use super::settle_waiting::settle_post;
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{Conclusion, NewPost, Person, Post, PostMedia, Sender, Song, ThreadPart, conclude};
use crate::queries::songs::find_usable;
use crate::state::Social;
use crate::store::{budgets, counts, people, post_media, post_words, posts};

/// A post with everything that its transaction writes.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The post as it is before it appears.
    pub post: Post,
    /// Its media.
    pub media: Vec<PostMedia>,
    /// What is to be decided about, with the people whom it mentions.
    pub candidate: Candidate,
    /// Those whom it mentions.
    pub mentioned: Vec<Person>,
    song: Option<Song>,
    tags: Vec<String>,
    max_per_hour: u32,
    now: DateTime<Utc>,
}

impl Draft {
    /// Returns the draft as that of a part of a thread.
    pub(super) fn into_part(self, part: ThreadPart) -> Self {
        Self { post: Post { part: Some(part), ..self.post }, ..self }
    }
}

/// Writes a post and returns its id.
pub(crate) async fn create_post(social: &Social, sender: Sender, new: NewPost, effect: Effect) -> Result<Uuid, Error> {
    let draft = prepare(social, &sender, new).await?;
    let author = sender.person;
    let (id, has_media, song) = (draft.post.id, !draft.media.is_empty(), draft.song.clone());
    let lane = Lane::of(&author.account);
    let stopped = social
        .context
        .db
        .write(lane, async move |tx| {
            let author = read_author(tx, &author, draft.now).await?;
            let stopped = screen_mentions(tx, &author, &draft).await?;
            if stopped.is_none() {
                write(tx, &author, draft).await?;
                effect.created(tx, format!("/v1/posts/{id}")).await?;
            }
            Ok::<_, Error>(stopped)
        })
        .await?;
    if let Some(what) = stopped {
        return Err(into_error(what, social));
    }
    finish(social, id, has_media).await;
    if let Some(song) = song {
        confirm_song(social, &song).await;
    }
    Ok(id)
}

/// Decides about a post that mentions people who don't know its author. It can't wait for a moderator: what would be
/// held is refused.
pub(super) async fn screen_mentions(tx: &Tx, author: &Person, draft: &Draft) -> Result<Option<NotStored>, Error> {
    if draft.mentioned.is_empty() {
        return Ok(None);
    }
    let reach = draft.candidate.reach(tx, author, None, &draft.mentioned).await?;
    if reach.relation == Closeness::Connected {
        return Ok(None);
    }
    // Alike texts are counted by the people whom they reach: of several, the first stands for all.
    let first = draft.mentioned.first().map_or(author.account, |person| person.account);
    match draft.candidate.screen(tx, first, reach).await? {
        Disposition::NotStored(what) => Ok(Some(what)),
        Disposition::Held(_) | Disposition::Delivered => Ok(None),
    }
}

/// Reads everything that a post needs from elsewhere.
pub(super) async fn prepare(social: &Social, sender: &Sender, new: NewPost) -> Result<Draft, Error> {
    let author = &sender.person;
    let media = find_media(social, author, &new).await?;
    let song = match &new.song.0 {
        Some(id) => Some(find_usable(social, author, id).await?),
        None => None,
    };
    let mentioned = by_handles(social, &new.text.mentions).await?;
    let now = social.context.clock.now();
    let post = first_form(social, author, &new, now);
    let max_per_hour = social.config.max_posts_per_hour;
    let words = Words { surface: Surface::Mention, kind: "post", place: post.id, text: &new.text.text };
    let candidate = Candidate::new(social, sender, words);
    Ok(Draft { post, media, candidate, mentioned, song, tags: new.text.tags, max_per_hour, now })
}

/// Returns the author as they are in the transaction, if they may publish.
pub(super) async fn read_author(tx: &Tx, author: &Person, now: DateTime<Utc>) -> Result<Person, Error> {
    let author = people::find(tx, author.number).await?.ok_or(Error::NoSuchPerson)?;
    if people::is_erased(tx, author.account).await? {
        return Err(Error::NoSuchPerson);
    }
    if author.standing.may_publish(now) { Ok(author) } else { Err(Error::AccountLimited) }
}

/// Writes a post. It appears now, unless it waits for its media or, as a part of a thread, for approval.
pub(super) async fn write(tx: &Tx, author: &Person, draft: Draft) -> Result<(), Error> {
    let Draft { post, media, song, mentioned, tags, max_per_hour: max, now, .. } = draft;
    if !budgets::take(tx, author.number, Act::Post, max, now).await? {
        return Err(Error::TooManyPosts { max, wait: rest_of_hour(now) });
    }
    let waits = post.is_withheld() || conclude(!post.text.is_empty(), &media) != Conclusion::Appears;
    let post = if waits {
        post
    } else {
        let position = post.position;
        numbered(tx, post.published(position, now)).await?
    };
    posts::insert(tx, &post).await?;
    counts::insert_of_post(tx, post.id).await?;
    post_media::insert(tx, post.id, &media).await?;
    post_words::set_tags(tx, post.id, &tags, post.position).await?;
    post_words::set_place(tx, post.id, post.place.as_deref(), post.position).await?;
    write_song(tx, &post, song.as_ref()).await?;
    let mentioned = people::retain_known(tx, mentioned).await?;
    let numbers: Vec<_> = mentioned.iter().map(|person| person.number).collect();
    post_words::set_mentions(tx, post.id, &numbers).await?;
    if !waits {
        let mentions = mentioned.iter().map(|person| person.account).collect();
        announce(tx, &post, author, mentions, media.iter().map(|item| item.id.clone()).collect(), now).await?;
    }
    Ok(())
}

/// Counts a post that was written, and asks about its media once more.
pub(super) async fn finish(social: &Social, id: Uuid, has_media: bool) {
    social.metrics.posts.inc();
    if has_media && let Err(error) = settle_post(social, id).await {
        // The post is written. If it waits, a job asks again within a minute.
        tracing::warn!(%error, post.id = %id, "the media of a new post could not be read again");
    }
}

/// Returns the post as it is before it appears.
fn first_form(social: &Social, author: &Person, new: &NewPost, now: DateTime<Utc>) -> Post {
    let context = &social.context;
    Post {
        id: context.random.uuid_v7(now),
        author: author.number,
        position: draw_position(&context.random, now),
        state: PostState::Waiting,
        audience: new.audience,
        text: new.text.text.clone(),
        // Every reading asks the rows of its media again.
        has_content: !new.text.text.is_empty(),
        place: new.place.clone().into_text(),
        policies: new.policies,
        link_token: (new.audience == Audience::Link).then(|| context.random.id()),
        is_story: new.is_story,
        version: 1,
        created_at: now,
        published_at: None,
        edited_at: None,
        expires_at: None,
        part: None,
    }
}

/// Returns the media of a new post, each of which the author must have in their library.
async fn find_media(social: &Social, author: &Person, new: &NewPost) -> Result<Vec<PostMedia>, Error> {
    if new.media.is_empty() {
        return Ok(Vec::new());
    }
    let query = FindOwnedItems { owner: author.account, ids: new.media.clone() };
    let owned: Vec<OwnedItem> = social.context.peers.ask(&query).await?.unwrap_or_default();
    let mut media = Vec::with_capacity(new.media.len());
    for (at, id) in new.media.iter().enumerate() {
        // One that is staged would be removed after a day.
        let item = owned.iter().find(|item| item.id == *id && !item.staged);
        let item = item.ok_or_else(|| Error::NoSuchMedia(id.to_string()))?;
        media.push(PostMedia::of(item.clone(), new.alts.get(at).map_or("", String::as_str)));
    }
    Ok(media)
}

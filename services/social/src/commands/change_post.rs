//! Changing a post.
//!
//! Invariant: only its author changes a post, and what its readers may do counts from the commit on. A mention that is
//! added widens nothing, and who may not publish writes nothing into what is there. A new text has the verdict that a
//! new post or part has.

use chrono::{DateTime, Utc};
use contract::social::threads::ThreadAudienceChanged;
use contract::social::{Audience, Policies, PostChanged, PostState};
use db::{Lane, Tx};
use screening::facts::{Relation as Closeness, Surface};
use uuid::Uuid;

use super::screen::{Candidate, Disposition, NotStored, Words, into_error};
use super::set_song::{confirm_song, write_song};
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::thread::{MAX_CAP, policies_of_part, rule_after};
use crate::model::{InvalidPost, Person, Place, Post, PostChange, Relation, Sender, Song, words_of};
use crate::queries::songs::find_usable;
use crate::state::Social;
use crate::store::{counts, people, post_media, post_words, posts, relations, thread_parts, threads};

/// Changes a post of the author's.
pub(crate) async fn change_post(social: &Social, sender: Sender, id: Uuid, change: PostChange) -> Result<(), Error> {
    let song = match change.song.as_ref().and_then(|choice| choice.0.as_ref()) {
        Some(id) => Some(find_usable(social, &sender.person, id).await?),
        None => None,
    };
    let prepared = Prepared { song: song.clone(), ..prepare(social, &sender, id, change).await? };
    let author = sender.person;
    let stopped = social
        .context
        .db
        .write(Lane::of(&author.account).and(&id), async move |tx| {
            let stopped = screen_change(tx, &author, id, &prepared).await?;
            if stopped.is_none() {
                apply(tx, &author, id, prepared).await?;
            }
            Ok::<_, Error>(stopped)
        })
        .await?;
    if let Some(what) = stopped {
        return Err(into_error(what, social));
    }
    if let Some(song) = song {
        confirm_song(social, &song).await;
    }
    Ok(())
}

/// A change with everything that its transaction writes.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    change: PostChange,
    /// The new song, if the change has one that is not none.
    song: Option<Song>,
    mentioned: Vec<Person>,
    /// What is to be decided about, if there is a new text.
    candidate: Candidate,
    token: String,
    now: DateTime<Utc>,
}

impl Prepared {
    /// Returns the change with new policies.
    pub(super) fn with_policies(self, policies: Policies) -> Self {
        Self { change: PostChange { policies: Some(policies), ..self.change }, ..self }
    }
}

/// Reads everything that a change needs from elsewhere, besides a song.
pub(super) async fn prepare(social: &Social, sender: &Sender, id: Uuid, change: PostChange) -> Result<Prepared, Error> {
    let mentioned = match &change.text {
        Some(text) => by_handles(social, &text.mentions).await?,
        None => Vec::new(),
    };
    // A post that gets the audience `link` gets a new link, so that an earlier one stays dead.
    let (now, token) = (social.context.clock.now(), social.context.random.id());
    let text = change.text.as_ref().map_or("", |text| text.text.as_str());
    let words = Words { surface: Surface::Mention, kind: "post", place: id, text };
    let candidate = Candidate::new(social, sender, words).without_waiting();
    Ok(Prepared { change, song: None, mentioned, candidate, token, now })
}

/// Decides about a new text, where it is that of a part in a thread of another member, or mentions strangers whom the
/// old one does not.
pub(super) async fn screen_change(
    tx: &Tx,
    author: &Person,
    id: Uuid,
    prepared: &Prepared,
) -> Result<Option<NotStored>, Error> {
    let Prepared { change, mentioned, candidate, now, .. } = prepared;
    let (Some(text), Some(author)) = (&change.text, people::find(tx, author.number).await?) else { return Ok(None) };
    let post = posts::find(tx, id).await?.filter(|post| post.author == author.number && post.text != text.text);
    // Who may not publish is refused for that.
    let Some(post) = post.filter(|_| author.standing.may_publish(*now)) else { return Ok(None) };
    let before = post_words::list_mentions(tx, &[id]).await?.remove(&id).unwrap_or_default();
    let mut added = mentioned.clone();
    added.retain(|person| !before.contains(&person.number));
    let thread = post.part.map(|part| part.thread);
    let (candidate, opener) = match thread {
        Some(thread) => {
            let candidate = candidate.clone().moved(Surface::Join, thread).without_waiting();
            (candidate, find_opener(tx, &author, thread, *now).await?)
        }
        None => (candidate.clone(), None),
    };
    let to = opener.as_ref().map(|(opener, relation)| (opener, *relation));
    let reach = candidate.reach(tx, &author, to, &added).await?;
    if to.is_none() && reach.relation == Closeness::Connected {
        return Ok(None);
    }
    let first = to.map(|(opener, _)| opener).or(added.first()).unwrap_or(&author).account;
    match candidate.screen(tx, first, reach).await? {
        Disposition::NotStored(what) => Ok(Some(what)),
        Disposition::Held(_) | Disposition::Delivered => Ok(None),
    }
}

/// Returns who has opened a thread, and how a member stands to them; `None` if it is the member.
async fn find_opener(
    tx: &Tx,
    member: &Person,
    thread: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<(Person, Relation)>, Error> {
    let Some(opening) = posts::find(tx, thread).await? else { return Ok(None) };
    let opener = people::find(tx, opening.author).await?.filter(|opener| opener.number != member.number);
    match opener {
        Some(opener) => {
            let relation = relations::find(tx, member.number, opener.number, now).await?;
            Ok(Some((opener, relation)))
        }
        None => Ok(None),
    }
}

/// Changes a post of the author's. Where it opens a thread, the thread's rule follows the policy.
pub(super) async fn apply(tx: &Tx, author: &Person, id: Uuid, prepared: Prepared) -> Result<(), Error> {
    let Prepared { change, song, mentioned, token, now, .. } = prepared;
    let author = people::find(tx, author.number).await?.ok_or(Error::NotFound)?;
    let post = posts::find(tx, id).await?.filter(|post| post.author == author.number);
    let post = post.filter(|post| post.expires_at.is_none_or(|end| end > now)).ok_or(Error::NotFound)?;
    if post.part.is_some() && change.audience.is_some_and(|audience| audience != post.audience) {
        return Err(InvalidPost("A part of a thread is shown to those who see the thread.").into());
    }
    if shows_something_new(&post, &change) && !author.standing.may_publish(now) {
        return Err(Error::AccountLimited);
    }
    let audience_before = post.audience;
    let post = changed(post, &change, token);
    let post = if change.text.is_some() { Post { edited_at: Some(now), ..post } } else { post };
    if post.text.is_empty() && post_media::list(tx, &[id]).await?.is_empty() {
        return Err(InvalidPost("A post needs a text or a media item.").into());
    }
    posts::update(tx, &post).await?;
    counts::settle_public(tx, author.number, id).await?;
    if let (Some(policies), Some(thread)) = (&change.policies, threads::find(tx, id).await?)
        && !post.is_story
    {
        threads::update(tx, id, rule_after(thread.rule, policies.join), thread.cap).await?;
    }
    if let Some(text) = &change.text {
        post_words::set_tags(tx, id, &text.tags, post.position).await?;
        let mentioned = people::retain_known(tx, mentioned).await?;
        let numbers: Vec<_> = mentioned.iter().map(|person| person.number).collect();
        post_words::set_mentions(tx, id, &numbers).await?;
    }
    if change.place.is_some() {
        post_words::set_place(tx, id, post.place.as_deref(), post.position).await?;
    }
    if change.song.is_some() {
        write_song(tx, &post, song.as_ref()).await?;
    }
    if post.state == PostState::Published {
        let changed = PostChanged {
            id,
            author: author.account,
            position: post.position.0,
            audience: post.audience,
            is_audience_changed: post.audience != audience_before,
            tags: words_of(&post.text).0,
            version: post.version,
        };
        tx.publish(&changed, now)?;
        if changed.is_audience_changed {
            publish_parts(tx, &changed, now).await?;
        }
    }
    Ok(())
}

/// Tells that others see the parts of a thread, if a post has opened one whose audience has changed.
async fn publish_parts(tx: &Tx, changed: &PostChanged, now: DateTime<Utc>) -> Result<(), db::Error> {
    let PostChanged { id: thread, author: opener, audience, version, .. } = *changed;
    let parts = thread_parts::list_ids(tx, thread, MAX_CAP as usize).await?;
    if parts.is_empty() {
        return Ok(());
    }
    tx.publish(&ThreadAudienceChanged { thread, opener, audience, parts, version }, now)
}

/// Whether others read something after a change that they could not read before.
fn shows_something_new(post: &Post, change: &PostChange) -> bool {
    let place = change.place.clone().and_then(Place::into_text);
    change.audience.is_some_and(|audience| audience != post.audience)
        || change.text.as_ref().is_some_and(|text| !text.text.is_empty() && text.text != post.text)
        || place.is_some() && place != post.place
}

/// Returns the post as it is after a change.
fn changed(post: Post, change: &PostChange, token: String) -> Post {
    let audience = change.audience.unwrap_or(post.audience);
    Post {
        audience,
        text: change.text.as_ref().map_or(post.text, |text| text.text.clone()),
        place: match &change.place {
            Some(place) => place.clone().into_text(),
            None => post.place,
        },
        policies: match (&post.part, change.policies) {
            // A part can't be joined or reposted, whatever its author says.
            (Some(_), Some(policies)) => Policies { comment: policies.comment, ..policies_of_part() },
            (_, policies) => policies.unwrap_or(post.policies),
        },
        link_token: match (audience, post.link_token) {
            (Audience::Link, Some(kept)) => Some(kept),
            (Audience::Link, None) => Some(token),
            _ => None,
        },
        version: post.version + 1,
        ..post
    }
}

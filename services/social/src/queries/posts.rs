//! Posts as a reader sees them: with authors, media, counts, and what the reader may do.
//!
//! Every list ends here: it gives posts that the reader may see, and gets their views, with one query for each kind of
//! row however many posts there are. Invariant: [`views`] is never given a post that the reader may not see.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use contract::social::views::{PersonView, PostCanView, PostMediaView, PostView};
use contract::social::{Audience, PostState};
use db::Sql;
use uuid::Uuid;

use super::openings;
use crate::error::Error;
use crate::known_people::shown_by_name;
use crate::model::{
    Feed, PartFacts, Person, PersonNumber, Position, Post, PostMedia, ReaderFacts, Relation, ThreadPart, may_do,
    may_see, may_see_part,
};
use crate::state::Social;
use crate::store;

/// Returns a post that the reader may see. `token` is that of its link, if the request has one.
pub(crate) async fn get(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<PostView, Error> {
    let post = find_visible(social, reader, id, token).await?;
    views(social, reader, vec![post]).await?.pop().ok_or(Error::NotFound)
}

/// Returns the row of a post that the reader may see.
pub(crate) async fn find_visible(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<Post, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let post = store::posts::find(sql, id).await?.ok_or(Error::NotFound)?;
    let author = store::people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let relation = store::relations::find(sql, reader, post.author, now).await?;
    let is_seen = is_visible(sql, (reader, relation), (&post, &author), token, now).await?;
    if is_seen { Ok(post) } else { Err(Error::NotFound) }
}

/// Whether a reader who stands so to the author of a post may see it. `token` is that of its link, or of its thread's,
/// if the request has one.
pub(crate) async fn is_visible(
    sql: &impl Sql,
    (reader, relation): (PersonNumber, Relation),
    (post, author): (&Post, &Person),
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let has_link = token.is_some() && token == post.link_token.as_deref();
    let (facts, object) = (ReaderFacts { relation, has_link }, post.facts(author, now));
    match &post.part {
        Some(part) => Ok(may_see_part(facts, object, part_facts(sql, reader, (post, part), token, now).await?)),
        None => Ok(may_see(facts, object)),
    }
}

/// Returns what the rule needs to know of a part. `token` is that of the thread's link, if the request has one.
pub(super) async fn part_facts(
    sql: &impl Sql,
    reader: PersonNumber,
    (post, part): (&Post, &ThreadPart),
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<PartFacts, Error> {
    match openings::find(sql, reader, part.thread, token, now).await {
        Ok(opening) => {
            let relation = store::relations::find(sql, opening.post.author, post.author, now).await?;
            Ok(PartFacts { state: part.state, sees_opening: true, is_blocked: relation.is_blocked() })
        }
        Err(Error::NotFound) => Ok(PartFacts { state: part.state, sees_opening: false, is_blocked: false }),
        Err(error) => Err(error),
    }
}

/// Returns those of these posts that a reader may see, in this order.
pub(crate) async fn list(social: &Social, reader: PersonNumber, ids: &[Uuid]) -> Result<Vec<PostView>, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let posts = store::posts::list_visible(sql, ids, reader, now).await?;
    let mut found: HashMap<Uuid, PostView> =
        views(social, reader, posts).await?.into_iter().map(|view| (view.id, view)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Returns those of the posts at these positions that a reader may see, the newest first.
pub(crate) async fn list_at(
    social: &Social,
    reader: PersonNumber,
    positions: &[Position],
) -> Result<Vec<PostView>, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let mut posts = store::posts::list_visible_at(sql, positions, reader, now).await?;
    posts.sort_unstable_by_key(|post| std::cmp::Reverse(post.position));
    views(social, reader, posts).await
}

/// Returns those of these posts that a reader may not see. What has the audience `link` is not among them.
pub(crate) async fn list_hidden(social: &Social, reader: PersonNumber, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let mut hidden = store::posts::list_limited(sql, ids).await?;
    let visible = store::posts::list_visible(sql, &hidden, reader, now).await?;
    hidden.retain(|id| visible.iter().all(|post| post.id != *id));
    Ok(hidden)
}

/// Returns a page of the posts of a person that a reader may see, the newest first, and the cursor of the next page.
pub(crate) async fn list_of_person(
    social: &Social,
    reader: PersonNumber,
    name: &str,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let (person, _) = shown_by_name(social, reader, name).await?;
    let feed = Feed::Author(person.number);
    let before = after.map_or(Ok(Position::END), |text| feed.parse(text).ok_or(Error::WrongCursor))?;
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let mut posts = store::posts::list_of_author(sql, person.number, reader, now, before, size + 1).await?;
    let has_more = posts.len() > size;
    posts.truncate(size);
    let next = posts.last().filter(|_| has_more).map(|post| feed.cursor(post.position));
    Ok((views(social, reader, posts).await?, next))
}

/// Returns the views of posts that the reader may see, in this order.
pub(crate) async fn views(social: &Social, reader: PersonNumber, posts: Vec<Post>) -> Result<Vec<PostView>, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let ids: Vec<Uuid> = posts.iter().map(|post| post.id).collect();
    let mentions = store::post_words::list_mentions(sql, &ids).await?;
    let mut media = store::post_media::list(sql, &ids).await?;
    let mut songs = store::songs::list(sql, &ids, reader, now).await?;
    let counts = store::counts::list_of_posts(sql, &ids).await?;
    let is_member = reader != PersonNumber::NONE;
    let mine = if is_member { store::own_marks::list(sql, reader, &ids).await? } else { HashMap::new() };
    let named: BTreeSet<PersonNumber> =
        posts.iter().map(|post| post.author).chain(mentions.values().flatten().copied()).chain([reader]).collect();
    let named: Vec<PersonNumber> = named.into_iter().collect();
    let people = store::people::list(sql, &named).await?;
    let people = People {
        by_number: people.into_iter().map(|person| (person.number, person)).collect(),
        relations: store::relations::list(sql, reader, &named, now).await?,
        reader,
        now,
    };
    let mut views = Vec::with_capacity(posts.len());
    for post in posts {
        // The author was erased in between.
        let Some(author) = people.by_number.get(&post.author) else { continue };
        let relation = people.relation(post.author);
        let media = media.remove(&post.id).unwrap_or_default();
        views.push(PostView {
            author: author.view(),
            media: media_views(social, &media, &relation, now),
            mentions: people.shown(mentions.get(&post.id).map(Vec::as_slice).unwrap_or_default()),
            counts: counts.get(&post.id).copied().unwrap_or_default(),
            mine: mine.get(&post.id).copied().unwrap_or_default(),
            can: can(&post, author, &relation, people.reader_may_act()),
            thread: post.part.as_ref().filter(|part| part.is_joined()).map(|part| part.thread),
            song: songs.remove(&post.id).map(|song| song.view(&social.context.url_signer, now)),
            link: post.link_token.as_ref().filter(|_| relation.is_self).map(|token| link(post.id, token)),
            id: post.id,
            state: post.state,
            tags: crate::model::words_of(&post.text).0,
            text: post.text,
            place: post.place,
            audience: post.audience,
            policies: post.policies,
            created_at: post.created_at,
            published_at: post.published_at,
            edited_at: post.edited_at,
            expires_at: post.expires_at,
        });
    }
    Ok(views)
}

/// Returns what a reader may do with a post that they may see.
pub(crate) async fn find_can(social: &Social, reader: PersonNumber, post: &Post) -> Result<PostCanView, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let author = store::people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let relation = store::relations::find(sql, reader, post.author, now).await?;
    let reader = store::people::find(sql, reader).await?;
    Ok(can(post, &author, &relation, reader.is_some_and(|reader| reader.standing.may_publish(now))))
}

/// Returns a page of the posts that a member has saved and may see, the last saved first, and the cursor of the next
/// page.
pub(crate) async fn list_saved(
    social: &Social,
    member: PersonNumber,
    before: Position,
    size: usize,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let mut saved = store::saves::list(sql, member, now, before, size + 1).await?;
    let has_more = saved.len() > size;
    saved.truncate(size);
    let next = saved.last().filter(|_| has_more).map(|last| last.saved_at.to_string());
    let ids: Vec<Uuid> = saved.iter().map(|one| one.post).collect();
    Ok((list(social, member, &ids).await?, next))
}

/// The people who are named in a page, as the reader stands to them.
struct People {
    by_number: HashMap<PersonNumber, Person>,
    relations: HashMap<PersonNumber, Relation>,
    reader: PersonNumber,
    now: DateTime<Utc>,
}

impl People {
    fn relation(&self, person: PersonNumber) -> Relation {
        self.relations.get(&person).copied().unwrap_or_default()
    }

    /// Whether the reader is a member who may send something to others.
    fn reader_may_act(&self) -> bool {
        self.by_number.get(&self.reader).is_some_and(|reader| reader.standing.may_publish(self.now))
    }

    /// Returns those of these people who are shown to the reader.
    fn shown(&self, people: &[PersonNumber]) -> Vec<PersonView> {
        let people = people.iter().filter_map(|number| self.by_number.get(number));
        let is_shown = |person: &&Person| {
            person.number == self.reader
                || !person.standing.is_hidden(self.now) && !self.relation(person.number).is_blocked()
        };
        people.filter(is_shown).map(Person::view).collect()
    }
}

/// Returns the media that the reader sees: the author all, others what can be shown.
fn media_views(social: &Social, media: &[PostMedia], relation: &Relation, now: DateTime<Utc>) -> Vec<PostMediaView> {
    let signer = &social.context.url_signer;
    let shown = media.iter().filter(|item| relation.is_self || item.is_viewable());
    shown.map(|item| item.view(relation, signer, now)).collect()
}

/// Returns what the reader may do. A repost never shows a post to more people than its audience, so only what everyone
/// may read is reposted.
pub(crate) fn can(post: &Post, author: &Person, relation: &Relation, may_act: bool) -> PostCanView {
    let is_published = post.state == PostState::Published;
    let is_for_everyone = post.audience == Audience::Public && !author.is_private;
    let may = |policy| is_published && may_do(policy, relation, may_act);
    PostCanView {
        comment: may(post.policies.comment),
        react: is_published && may_act,
        repost: is_for_everyone && may(post.policies.repost),
        join: post.part.is_none() && !post.is_story && may(post.policies.join),
        change: relation.is_self,
        remove: relation.is_self,
    }
}

/// Returns the path of a post with its link's token.
fn link(id: Uuid, token: &str) -> String {
    format!("/v1/posts/{id}?link={token}")
}

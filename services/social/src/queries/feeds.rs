//! Feeds: home, explore, and those of a tag, of a place and of a song.
//!
//! Home is what the people and topics that a member follows show, and the member's own posts. Where the entries that
//! fan-out has written are complete, home is read from them, and what is in no entries is merged; elsewhere all of it
//! is merged (decision 44). Invariant: home is a function of follows and posts only; whether a post has entries, and
//! when it gets them, changes nothing that a reader sees.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contract::social::TopicKind;
use contract::social::views::{FeedView, NewPostsView, PostView};
use uuid::Uuid;

use super::merge::{Head, Reading, merge};
use super::posts;
use crate::error::Error;
use crate::model::{Feed, PersonNumber, Position, RisingCursor, Topic};
use crate::state::Social;
use crate::store::feed_owners::FeedOwner;
use crate::store::feed_sources::{self, Candidate, Followees, Source, Window};
use crate::store::{feed_entries, feed_owners, rising, topics};

/// New posts are counted up to this number.
const MAX_NEW: usize = 100;

/// Returns the position below which a page begins.
fn before(feed: Feed<'_>, after: Option<&str>) -> Result<Position, Error> {
    after.map_or(Ok(Position::END), |text| feed.parse(text).ok_or(Error::WrongCursor))
}

/// Returns a page of home, and whether the reader's feed should be asked for entries.
pub(crate) async fn home(
    social: &Social,
    reader: PersonNumber,
    after: Option<&str>,
    size: usize,
) -> Result<(FeedView, bool), Error> {
    let window = Window { above: Position::START, before: before(Feed::Home, after)? };
    let reading = Reading { reader, now: social.context.clock.now(), window, limit: size + 1 };
    let owner = feed_owners::find(social.context.db.read(), reader).await?;
    let found = home_posts(social, reading, owner).await?;
    let marker = after.is_none().then(|| Feed::Home.cursor(found.first().copied().unwrap_or(Position::START)));
    let (mut items, mut next) = page(social, reader, found, size, Feed::Home).await?;
    // What was removed or has expired since its position was read leaves a gap, which the posts behind it fill.
    while items.len() < size
        && let Some(after) = &next
    {
        let left = size - items.len();
        let window = Window { before: before(Feed::Home, Some(after.as_str()))?, ..window };
        let found = home_posts(social, Reading { window, limit: left + 1, ..reading }, owner).await?;
        let (more, behind) = page(social, reader, found, left, Feed::Home).await?;
        items.extend(more);
        next = behind;
    }
    let wants_entries = after.is_none() && owner.is_none_or(|owner| is_due(owner, reading.now));
    Ok((FeedView { items, next, marker }, wants_entries))
}

/// Returns how many posts home has above a marker.
pub(crate) async fn new_in_home(social: &Social, reader: PersonNumber, since: &str) -> Result<NewPostsView, Error> {
    let above = Feed::Home.parse(since).ok_or(Error::WrongCursor)?;
    let window = Window { above, before: Position::END };
    let reading = Reading { reader, now: social.context.clock.now(), window, limit: MAX_NEW + 1 };
    let owner = feed_owners::find(social.context.db.read(), reader).await?;
    let count = home_posts(social, reading, owner).await?.len();
    Ok(NewPostsView { count: count.min(MAX_NEW) as u64, has_more: count > MAX_NEW })
}

/// Returns a page of the newest posts for everyone.
pub(crate) async fn recent(
    social: &Social,
    reader: PersonNumber,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let window = Window { above: Position::START, before: before(Feed::Recent, after)? };
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let found = positions(feed_sources::list_recent(sql, reader, now, window, size + 1).await?);
    page(social, reader, found, size, Feed::Recent).await
}

/// Returns a page of the posts with a tag, at a place, or with a song that the reader is shown.
pub(crate) async fn topic(
    social: &Social,
    reader: PersonNumber,
    topic: &Topic,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let feed = Feed::of_topic(topic);
    let window = Window { above: Position::START, before: before(feed, after)? };
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let found = positions(feed_sources::list(sql, &Source::of_topic(topic), reader, now, window, size + 1).await?);
    page(social, reader, found, size, feed).await
}

/// Returns a page of the rising posts. While there is no edition, they are the newest ones, without a next page.
pub(crate) async fn rising(
    social: &Social,
    reader: PersonNumber,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let after = match after {
        Some(text) => {
            let cursor = RisingCursor::parse(text).ok_or(Error::WrongCursor)?;
            // The edition of a walk that took too long is gone.
            if !rising::has_edition(sql, cursor.edition).await? {
                return Err(Error::WrongCursor);
            }
            cursor
        }
        None => match rising::find_edition(sql).await? {
            Some(edition) => RisingCursor { edition, ordinal: 0 },
            None => return Ok((recent(social, reader, None, size).await?.0, None)),
        },
    };
    let mut listed = rising::list(sql, reader, now, after, size + 1).await?;
    let has_more = listed.len() > size;
    listed.truncate(size);
    let next =
        listed.last().filter(|_| has_more).map(|(_, ordinal)| RisingCursor { ordinal: *ordinal, ..after }.text());
    let ids: Vec<Uuid> = listed.into_iter().map(|(post, _)| post).collect();
    Ok((posts::list(social, reader, &ids).await?, next))
}

/// Returns the views of a page that was read with one post more than it has, and the cursor of the next page.
async fn page(
    social: &Social,
    reader: PersonNumber,
    mut found: Vec<Position>,
    size: usize,
    feed: Feed<'_>,
) -> Result<(Vec<PostView>, Option<String>), Error> {
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| feed.cursor(*last));
    Ok((posts::list_at(social, reader, &found).await?, next))
}

fn positions(found: Vec<Candidate>) -> Vec<Position> {
    found.into_iter().map(|post| post.position).collect()
}

/// Returns the positions of the posts of home in a window, the newest first.
async fn home_posts(social: &Social, reading: Reading, owner: Option<FeedOwner>) -> Result<Vec<Position>, Error> {
    let Reading { reader, now, window, limit } = reading;
    let sql = social.context.db.read();
    let Some(FeedOwner { complete_s, .. }) = owner.filter(|owner| owner.floor != Position::END) else {
        let everyone = feed_sources::list_followees(sql, reader, now, window, Followees::All, limit).await?;
        let heads = with_topics(social, reading, everyone).await?;
        return merge(social, reading, heads).await;
    };
    // In this order: a post whose fan-out ends in between is in the entries that are read afterwards.
    let merged = feed_sources::list_followees(sql, reader, now, window, Followees::Merged, limit).await?;
    let new = feed_sources::list_followees(sql, reader, now, window, Followees::Since(complete_s), limit).await?;
    let heads = with_topics(social, reading, without_repeats(merged, new)).await?;
    let (entries, floor) = feed_entries::list(sql, reader, now, window, limit).await?;
    let mut found = united(merge(social, reading, heads).await?, positions(entries));
    let floor = floor.unwrap_or(Position::END).min(window.before);
    let complete = found.iter().filter(|position| **position >= floor).count();
    if complete < limit && floor > window.above {
        found = united(found, below(social, reading, floor).await?);
    }
    found.truncate(limit);
    Ok(found)
}

/// Returns the positions of the posts of home below the floor of the entries.
async fn below(social: &Social, reading: Reading, floor: Position) -> Result<Vec<Position>, Error> {
    let window = Window { before: floor, ..reading.window };
    let Reading { reader, now, limit, .. } = reading;
    let sql = social.context.db.read();
    let everyone = feed_sources::list_followees(sql, reader, now, window, Followees::All, limit).await?;
    merge(social, Reading { window, ..reading }, Head::all(everyone)).await
}

/// Adds the topics that the reader follows, and the reader, to people.
async fn with_topics(
    social: &Social,
    reading: Reading,
    mut sources: Vec<(Source, Position)>,
) -> Result<Vec<Head>, Error> {
    let Reading { reader, now, window, limit } = reading;
    let sql = social.context.db.read();
    for kind in topics::list_kinds(sql, reader).await? {
        sources.extend(match kind {
            TopicKind::Tag => feed_sources::list_tags(sql, reader, now, window, limit).await?,
            TopicKind::Place => feed_sources::list_places(sql, reader, now, window, limit).await?,
            TopicKind::Song => feed_sources::list_songs(sql, reader, now, window, limit).await?,
        });
    }
    let own = Head { source: Source::Author(reader), newest: None };
    Ok(Head::all(sources).into_iter().chain([own]).collect())
}

/// Returns the sources of both, each once, at the higher of its positions.
fn without_repeats(one: Vec<(Source, Position)>, two: Vec<(Source, Position)>) -> Vec<(Source, Position)> {
    let mut all: Vec<(Source, Position)> = one.into_iter().chain(two).collect();
    all.sort_by_key(|(_, newest)| std::cmp::Reverse(*newest));
    let mut seen = HashSet::new();
    all.retain(|(source, _)| seen.insert(source.clone()));
    all
}

/// Returns the positions of both lists, each once, the newest first.
fn united(one: Vec<Position>, two: Vec<Position>) -> Vec<Position> {
    let mut all: Vec<Position> = one.into_iter().chain(two).collect();
    all.sort_by_key(|position| std::cmp::Reverse(*position));
    all.dedup();
    all
}

/// Entries of a feed are asked for again after this time, in microseconds, if none have come.
const RETRY_US: i64 = 60_000_000;
/// After this time, in seconds, they are asked for again, so that few follows are later than they.
const RENEWAL_S: i64 = 86_400;

/// Whether a feed that has an owner should be asked for entries: none have come, or its owner comes back after a day.
fn is_due(owner: FeedOwner, now: DateTime<Utc>) -> bool {
    let is_late = owner.floor == Position::END && now.timestamp_micros() - owner.wanted_us > RETRY_US;
    is_late || now.timestamp() - owner.seen_s > RENEWAL_S
}

//! Merging the posts of many sources into one list, the newest first.
//!
//! Owns which source is read when: the newest posts of all are known, what stands behind them is read at once for those
//! that can be on the page, and of a source with more posts on it than that, the rest. Invariant: the list has every
//! post of the sources in its window that is above its last one.

use std::collections::{BinaryHeap, VecDeque};

use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::model::{PersonNumber, Position};
use crate::state::Social;
use crate::store::feed_heads::{self, DEPTH};
use crate::store::feed_sources::{self, Source, Window};

/// A source that is merged.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// The source.
    pub source: Source,
    /// The position of its newest post in the window that the reader may see; `None` if it was not read.
    pub newest: Option<Position>,
}

impl Head {
    /// Returns the heads of sources whose newest posts were read.
    pub(super) fn all(sources: Vec<(Source, Position)>) -> Vec<Self> {
        sources.into_iter().map(|(source, newest)| Self { source, newest: Some(newest) }).collect()
    }
}

/// The list of a source, as far as it was read.
struct Stream {
    source: Source,
    /// Below this position it was not read yet; `None` at its end.
    unread: Option<Position>,
    read: VecDeque<Position>,
}

impl Stream {
    /// Returns a position that nothing of it is above; `None` at its end.
    fn next(&self) -> Option<Position> {
        self.read.front().copied().or(self.unread.map(|unread| Position(unread.0.saturating_sub(1))))
    }
}

/// Whose reading of which part of a feed it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The reader.
    pub reader: PersonNumber,
    /// The time.
    pub now: DateTime<Utc>,
    /// The part.
    pub window: Window,
    /// How many posts.
    pub limit: usize,
}

/// Returns the newest posts of sources, the newest first, at most as many as are read. A post that several sources have
/// is there once. One may be gone by now: who reads it sees that.
pub(super) async fn merge(social: &Social, reading: Reading, heads: Vec<Head>) -> Result<Vec<Position>, Error> {
    let stream = |head: Head| Stream {
        source: head.source,
        unread: Some(head.newest.unwrap_or(reading.window.before)),
        read: head.newest.into_iter().collect(),
    };
    let mut streams: Vec<Stream> = heads.into_iter().map(stream).collect();
    read_behind(social, reading, &mut streams).await?;
    let mut queue: BinaryHeap<(Position, usize)> =
        streams.iter().enumerate().filter_map(|(at, stream)| Some((stream.next()?, at))).collect();
    let mut found: Vec<Position> = Vec::with_capacity(reading.limit);
    while found.len() < reading.limit
        && let Some((_, at)) = queue.pop()
    {
        let Some(stream) = streams.get_mut(at) else { continue };
        match stream.read.pop_front() {
            Some(first) if found.last() == Some(&first) => {}
            Some(first) => found.push(first),
            None => read_on(social, reading, stream, reading.limit - found.len()).await?,
        }
        // Nothing that is unread is above what was read last.
        queue.extend(stream.next().map(|next| (next, at)));
    }
    Ok(found)
}

/// Reads what stands behind the newest posts of people, of those that can be on the page.
async fn read_behind(social: &Social, reading: Reading, streams: &mut [Stream]) -> Result<(), Error> {
    let newest = |stream: &Stream| match stream.source {
        Source::Author(_) => stream.read.front().copied(),
        Source::Tag(_) | Source::Place(_) | Source::Song(_) => None,
    };
    let mut heads: Vec<Position> = streams.iter().filter_map(newest).collect();
    heads.sort_unstable_by_key(|position| std::cmp::Reverse(*position));
    heads.truncate(reading.limit);
    if heads.len() < 2 {
        return Ok(());
    }
    let sql = social.context.db.read();
    let older = feed_heads::list_older(sql, &heads, reading.reader, reading.now, reading.window.above).await?;
    for stream in streams {
        if let Some(behind) = newest(stream).and_then(|newest| older.get(&newest)) {
            stream.read.extend(behind);
            stream.unread = behind.last().filter(|_| behind.len() == DEPTH).copied();
        }
    }
    Ok(())
}

async fn read_on(social: &Social, reading: Reading, stream: &mut Stream, limit: usize) -> Result<(), Error> {
    let Some(before) = stream.unread else { return Ok(()) };
    let (sql, window) = (social.context.db.read(), Window { before, ..reading.window });
    let read = feed_sources::list(sql, &stream.source, reading.reader, reading.now, window, limit).await?;
    stream.unread = read.last().filter(|_| read.len() == limit).map(|last| last.position);
    stream.read = read.into_iter().map(|post| post.position).collect();
    Ok(())
}

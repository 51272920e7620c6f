//! The merging of sources to one list, the newest post first.
//!
//! A source's newest post is known when the merging begins; its list is read when that post is reached. So a page costs
//! at most one list for each of its posts, however many sources there are. Invariant: a post that several sources have
//! is in the list once.

use std::collections::{BinaryHeap, VecDeque};

use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::model::{PersonNumber, Position};
use crate::state::Social;
use crate::store::feed_sources::{self, Candidate, Source, Window};

/// A source, and what was read of it and not taken yet.
struct Stream {
    source: Source,
    /// Below this position it was not read yet; `None` at its end.
    unread: Option<Position>,
    read: VecDeque<Candidate>,
}

/// Who reads, when, and what part of a feed.
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

/// Returns the newest posts of these sources. Each comes with a position that none of its posts is above.
pub(super) async fn merge(
    social: &Social,
    reading: Reading,
    sources: Vec<(Source, Position)>,
) -> Result<Vec<Candidate>, Error> {
    let mut queue: BinaryHeap<(Position, usize)> =
        sources.iter().enumerate().map(|(at, (_, newest))| (*newest, at)).collect();
    // A source of which newer posts are in entries is read from where its others begin.
    let from = |newest: Position| Position(newest.0.saturating_add(1)).min(reading.window.before);
    let stream =
        |(source, newest): (Source, Position)| Stream { source, unread: Some(from(newest)), read: VecDeque::new() };
    let mut streams: Vec<Stream> = sources.into_iter().map(stream).collect();
    let mut found: Vec<Candidate> = Vec::with_capacity(reading.limit);
    while found.len() < reading.limit
        && let Some((position, at)) = queue.pop()
    {
        let Some(stream) = streams.get_mut(at) else { continue };
        if stream.read.is_empty() {
            read_on(social, reading, stream, reading.limit - found.len()).await?;
        }
        let Some(first) = stream.read.front().copied() else { continue };
        if first.position == position {
            stream.read.pop_front();
            if found.last() != Some(&first) {
                found.push(first);
            }
        }
        // Nothing that is unread is above what was read last.
        let next = stream.read.front().map(|next| next.position);
        queue.extend(next.or(stream.unread.map(below)).map(|next| (next, at)));
    }
    Ok(found)
}

/// Returns the highest position below one.
fn below(position: Position) -> Position {
    Position(position.0.saturating_sub(1))
}

async fn read_on(social: &Social, reading: Reading, stream: &mut Stream, limit: usize) -> Result<(), Error> {
    let Some(before) = stream.unread else { return Ok(()) };
    let (sql, window) = (social.context.db.read(), Window { before, ..reading.window });
    let read = feed_sources::list(sql, &stream.source, reading.reader, reading.now, window, limit).await?;
    stream.unread = read.last().filter(|_| read.len() == limit).map(|last| last.position);
    stream.read = read.into();
    Ok(())
}

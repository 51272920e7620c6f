//! What a feed is merged from: people and topics, each with its newest post that a reader may see, and their lists.
//!
//! Does not own the merging (`queries/merge.rs`). Invariant: each query has the reader's condition before its limit,
//! and reads by an index; a source without a post costs one look into it.

use chrono::{DateTime, Utc};
use contract::social::TopicKind;
use db::{Error, FromQueryResult, Sql, Value};
use uuid::Uuid;

use super::visible::{not_muted, visible_post, visible_song};
use super::{bound, micros};
use crate::model::{PersonNumber, Position, Topic};

/// A post of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The post.
    pub id: Uuid,
    /// Its position.
    pub position: Position,
}

/// The part of a feed that is read: below one position and above another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Above this one.
    pub above: Position,
    /// Below this one.
    pub before: Position,
}

/// Something whose posts come into a feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A person.
    Author(PersonNumber),
    /// A tag.
    Tag(String),
    /// A place.
    Place(String),
    /// A song, by its id.
    Song(String),
}

impl Source {
    /// Returns the source of the posts with a topic.
    pub(crate) fn of_topic(topic: &Topic) -> Self {
        let name = topic.name.clone();
        match topic.kind {
            TopicKind::Tag => Self::Tag(name),
            TopicKind::Place => Self::Place(name),
            TopicKind::Song => Self::Song(name),
        }
    }
}

/// Where the posts with a topic are.
#[derive(Debug, Clone, Copy)]
struct TopicTable {
    table: &'static str,
    column: &'static str,
    /// What else a query joins.
    join: &'static str,
}

const TAGS: TopicTable = TopicTable { table: "post_tag", column: "tag", join: "" };
const PLACES: TopicTable = TopicTable { table: "post_place", column: "place", join: "" };
const SONGS: TopicTable =
    TopicTable { table: "post_song", column: "media", join: "join song on song.media = post_song.media" };

impl TopicTable {
    /// Returns the condition that the reader is shown the topic of the post: of a song, that the song is shown to them.
    fn shown(self) -> String {
        if self.join.is_empty() { "true".to_owned() } else { visible_song("$1", "$2") }
    }
}

/// Which of the people whom a reader follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followees {
    /// All, with all their posts.
    All,
    /// Those whom the reader follows since this time, in seconds, with all their posts.
    Since(i64),
    /// All, with the posts that are in no entries.
    Merged,
}

#[derive(FromQueryResult)]
struct AuthorRow {
    author: i64,
    latest: Option<i64>,
}

#[derive(FromQueryResult)]
struct TopicRow {
    topic: String,
    latest: Option<i64>,
}

#[derive(FromQueryResult)]
struct CandidateRow {
    id: Uuid,
    position: i64,
}

fn values(reader: PersonNumber, now: DateTime<Utc>, window: Window) -> Vec<Value> {
    vec![reader.0.into(), micros(now), window.before.0.into(), window.above.0.into()]
}

/// Returns the people whom a reader follows, with the position of the newest post of each in the window that the reader
/// may see; the newest first, at most `limit`.
pub(crate) async fn list_followees(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    which: Followees,
    limit: usize,
) -> Result<Vec<(Source, Position)>, Error> {
    let (table, join) = match which {
        Followees::Merged => ("merged_post", "join post on post.id = merged_post.post"),
        Followees::All | Followees::Since(_) => ("post", ""),
    };
    let since = if matches!(which, Followees::Since(_)) { "and followed.since_s >= $6" } else { "" };
    let text = format!(
        "select followed.followee as author,
                (select {table}.position
                   from {table}
                   {join}
                   join person author on author.number = post.author
                  where {table}.author = followed.followee
                    and {table}.position < $3
                    and {table}.position > $4
                    and post.state = 'published'
                    and {}
                  order by {table}.position desc
                  limit 1) as latest
           from follow followed
          where followed.follower = $1
            {since}
            and {}
          order by latest desc nulls last
          limit $5",
        visible_post("$1", "$2"),
        not_muted("followed.followee", "$1", "$2")
    );
    let mut values = values(reader, now, window);
    values.push(bound(limit));
    if let Followees::Since(since_s) = which {
        values.push(since_s.into());
    }
    let rows: Vec<AuthorRow> = sql.rows(&text, values).await?;
    let head = |row: AuthorRow| Some((Source::Author(PersonNumber(row.author)), Position(row.latest?)));
    Ok(rows.into_iter().filter_map(head).collect())
}

/// Returns the tags that a reader follows, as [`list_followees`] does.
pub(crate) async fn list_tags(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<(Source, Position)>, Error> {
    let rows = list_topics(sql, reader, now, window, (TopicKind::Tag, TAGS), limit).await?;
    Ok(rows.into_iter().map(|(name, latest)| (Source::Tag(name), latest)).collect())
}

/// Returns the places that a reader follows, as [`list_followees`] does.
pub(crate) async fn list_places(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<(Source, Position)>, Error> {
    let rows = list_topics(sql, reader, now, window, (TopicKind::Place, PLACES), limit).await?;
    Ok(rows.into_iter().map(|(name, latest)| (Source::Place(name), latest)).collect())
}

/// Returns the songs that a reader follows, as [`list_followees`] does.
pub(crate) async fn list_songs(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<(Source, Position)>, Error> {
    let rows = list_topics(sql, reader, now, window, (TopicKind::Song, SONGS), limit).await?;
    Ok(rows.into_iter().map(|(name, latest)| (Source::Song(name), latest)).collect())
}

async fn list_topics(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    (kind, topic_table): (TopicKind, TopicTable),
    limit: usize,
) -> Result<Vec<(String, Position)>, Error> {
    let TopicTable { table, column, join } = topic_table;
    let text = format!(
        "select topic_follow.topic,
                (select {table}.position
                   from {table}
                   join post on post.id = {table}.post
                   {join}
                   join person author on author.number = post.author
                  where {table}.{column} = topic_follow.topic
                    and {table}.position < $3
                    and {table}.position > $4
                    and post.state = 'published'
                    and {}
                    and {}
                    and {}
                  order by {table}.position desc
                  limit 1) as latest
           from topic_follow
          where topic_follow.follower = $1
            and topic_follow.kind = $6
          order by latest desc nulls last
          limit $5",
        not_muted("post.author", "$1", "$2"),
        topic_table.shown(),
        visible_post("$1", "$2")
    );
    let mut values = values(reader, now, window);
    values.extend([bound(limit), kind.as_str().into()]);
    let rows: Vec<TopicRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.topic, Position(row.latest?)))).collect())
}

/// Returns the posts of a source in the window that a reader may see, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    source: &Source,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<Candidate>, Error> {
    let topic_table = match source {
        Source::Author(_) => TopicTable { table: "post", column: "author", join: "" },
        Source::Tag(_) => TAGS,
        Source::Place(_) => PLACES,
        Source::Song(_) => SONGS,
    };
    let TopicTable { table, column, join } = topic_table;
    let post = if table == "post" { String::new() } else { format!("join post on post.id = {table}.post") };
    let text = format!(
        "select post.id, post.position
           from {table}
           {post}
           {join}
           join person author on author.number = post.author
          where {table}.{column} = $5
            and {table}.position < $3
            and {table}.position > $4
            and post.state = 'published'
            and {}
            and {}
            and {}
          order by {table}.position desc
          limit $6",
        not_muted("post.author", "$1", "$2"),
        topic_table.shown(),
        visible_post("$1", "$2")
    );
    let mut values = values(reader, now, window);
    values.push(match source {
        Source::Author(number) => number.0.into(),
        Source::Tag(name) | Source::Place(name) | Source::Song(name) => name.as_str().into(),
    });
    values.push(bound(limit));
    Ok(candidates(sql.rows(&text, values).await?))
}

/// Returns the newest posts for everyone that a reader may see.
pub(crate) async fn list_recent(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<Candidate>, Error> {
    let text = format!(
        "select post.id, post.position
           from post
           join person author on author.number = post.author
          where post.position < $3
            and post.position > $4
            and post.state = 'published'
            and post.audience = 'public'
            and not author.is_private
            and {}
            and {}
          order by post.position desc
          limit $5",
        not_muted("post.author", "$1", "$2"),
        visible_post("$1", "$2")
    );
    let mut values = values(reader, now, window);
    values.push(bound(limit));
    Ok(candidates(sql.rows(&text, values).await?))
}

fn candidates(rows: Vec<CandidateRow>) -> Vec<Candidate> {
    rows.into_iter().map(|row| Candidate { id: row.id, position: Position(row.position) }).collect()
}

const FOLLOWED_POSITIONS: &str = "
    select post.position
      from follow
      join post on post.author = follow.followee
     where follow.follower = $1
       and post.state = 'published'
       and post.position > $2
     order by post.position desc
     limit $3";

/// Returns the positions of the newest posts above one of all people whom a member follows, whoever may see them, the
/// newest first.
pub(crate) async fn list_followed_positions(
    sql: &impl Sql,
    reader: PersonNumber,
    above: Position,
    limit: usize,
) -> Result<Vec<Position>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        position: i64,
    }
    let rows: Vec<Row> = sql.rows(FOLLOWED_POSITIONS, vec![reader.0.into(), above.0.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| Position(row.position)).collect())
}

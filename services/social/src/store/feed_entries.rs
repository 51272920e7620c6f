//! Rows of the entries of feeds: an owner and the position of a post, 65 bytes with both indexes on SQLite.
//!
//! Does not own who sees a post: an entry is written for every follower, whatever the audience of the post is, so that
//! a change of the audience needs no other entries. Invariant: an entry is there once (feed, position), and its post is
//! shown only if the reader follows its author then and may see it.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::feed_sources::{Candidate, Window};
use super::visible::{not_muted, visible_post};
use super::{bound, micros};
use crate::model::{PersonNumber, Position};

/// Inserts entries, each unless it is there.
pub(crate) async fn insert(tx: &Tx, entries: &[(PersonNumber, Position)]) -> Result<(), Error> {
    let mut left = entries;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let rows = placeholders(chunk.len(), 2);
        let text = format!("insert into feed_entry (owner, position) values {rows} on conflict do nothing");
        let values: Vec<Value> =
            chunk.iter().flat_map(|(owner, position)| [owner.0.into(), position.0.into()]).collect();
        tx.execute(&text, values).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct EntryRow {
    floor_position: i64,
    id: Option<Uuid>,
    position: Option<i64>,
}

/// Returns the entries of a feed that its owner may see, the newest first, and the floor of the feed, both as they were
/// at one moment. The floor is `None` if no entries are written to the feed.
pub(crate) async fn list(
    sql: &impl Sql,
    owner: PersonNumber,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<(Vec<Candidate>, Option<Position>), Error> {
    let text = format!(
        "select feed_owner.floor_position, entry.id, entry.position
           from feed_owner
           left join (
               select post.id, post.position
                 from feed_owner filled
                 join feed_entry on feed_entry.owner = filled.owner
                 join post on post.position = feed_entry.position
                 join person author on author.number = post.author
                where filled.owner = $1
                  and feed_entry.owner = $1
                  and feed_entry.position >= filled.floor_position
                  and feed_entry.position < $3
                  and feed_entry.position > $4
                  and post.state = 'published'
                  and exists (
                      select 1
                        from follow
                       where follower = $1
                         and followee = post.author)
                  and {}
                  and {}
                order by feed_entry.position desc
                limit $5
           ) entry on true
          where feed_owner.owner = $1
          order by entry.position desc",
        not_muted("post.author", "$1", "$2"),
        visible_post("$1", "$2")
    );
    let values = vec![owner.0.into(), micros(now), window.before.0.into(), window.above.0.into(), bound(limit)];
    let rows: Vec<EntryRow> = sql.rows(&text, values).await?;
    let floor = rows.first().map(|row| Position(row.floor_position));
    let candidate = |row: EntryRow| Some(Candidate { id: row.id?, position: Position(row.position?) });
    Ok((rows.into_iter().filter_map(candidate).collect(), floor))
}

const REMOVE_OF_POST: &str = "
    delete from feed_entry
     where position = $1
       and owner in (
           select owner
             from feed_entry
            where position = $1
            limit $2)";

/// Removes entries of a post, at most `limit`. Returns how many.
pub(crate) async fn remove_of_post(tx: &Tx, position: Position, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OF_POST, vec![position.0.into(), bound(limit)]).await
}

const REMOVE_OF_OWNER: &str = "
    delete from feed_entry
     where owner = $1
       and position in (
           select position
             from feed_entry
            where owner = $1
            order by position
            limit $2)";

/// Removes entries of a feed, the oldest first, at most `limit`. Returns how many.
pub(crate) async fn remove_of_owner(tx: &Tx, owner: PersonNumber, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OF_OWNER, vec![owner.0.into(), bound(limit)]).await
}

const REMOVE_BELOW: &str = "
    delete from feed_entry
     where (owner, position) in (
         select owner, position
           from feed_entry
          where position < $1
          order by position
          limit $2)
    returning owner";

/// Removes entries of all feeds below a position, at most `limit`. Returns the owner of each.
pub(crate) async fn remove_below(tx: &Tx, position: Position, limit: usize) -> Result<Vec<PersonNumber>, Error> {
    #[derive(FromQueryResult)]
    struct Owner {
        owner: i64,
    }
    let rows: Vec<Owner> = tx.rows(REMOVE_BELOW, vec![position.0.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| PersonNumber(row.owner)).collect())
}

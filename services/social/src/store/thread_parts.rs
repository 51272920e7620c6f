//! Rows of posts that are parts of threads.
//!
//! Invariant: a list has the condition of [`super::visible`] in its `where`, before its `limit`; its caller has checked
//! that the reader may see the thread.

use chrono::{DateTime, Utc};
use contract::social::threads::PartState;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::posts::{COLUMNS, PostRow, all};
use super::visible::{visible_part, visible_person};
use super::{bound, micros, names_after};
use crate::model::{PersonNumber, Post};

/// A thread, who has opened it, and who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadThread {
    /// The thread.
    pub thread: Uuid,
    /// Who has opened it.
    pub opener: PersonNumber,
    /// Who reads.
    pub reader: PersonNumber,
    /// The time of the read.
    pub now: DateTime<Utc>,
}

impl ReadThread {
    fn values(&self, after: i64, limit: usize) -> Vec<Value> {
        vec![
            self.reader.0.into(),
            micros(self.now),
            self.opener.0.into(),
            self.thread.into(),
            after.into(),
            bound(limit),
        ]
    }
}

/// Returns the parts that have appeared, with a number above one, in their order.
pub(crate) async fn list(sql: &impl Sql, read: &ReadThread, after: i64, limit: usize) -> Result<Vec<Post>, Error> {
    list_where(sql, read, "", after, limit).await
}

/// Returns the first part of each member who has joined, with a number above one, in their order.
pub(crate) async fn list_first(
    sql: &impl Sql,
    read: &ReadThread,
    after: i64,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let is_first = "and not exists (
                select 1
                  from post earlier
                 where earlier.thread = post.thread
                   and earlier.author = post.author
                   and earlier.part_number < post.part_number)";
    list_where(sql, read, is_first, after, limit).await
}

async fn list_where(
    sql: &impl Sql,
    read: &ReadThread,
    condition: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post
           join person author on author.number = post.author
          where post.thread = $4
            and post.part_number > $5
            and {}
            {condition}
          order by post.part_number
          limit $6",
        visible_part("$3", "$1", "$2")
    );
    let rows: Vec<PostRow> = sql.rows(&text, read.values(after, limit)).await?;
    all(rows)
}

/// Returns parts that have not appeared, with an id above one, by their ids: those of the reader, and those that wait
/// for approval if the reader moderates the thread.
pub(crate) async fn list_waiting(
    sql: &impl Sql,
    read: &ReadThread,
    moderates: bool,
    after: Uuid,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let reviewed = format!("or (post.part_state = 'pending' and {})", visible_person("author", "$1", "$2"));
    let text = format!(
        "select {COLUMNS}
           from post
           join person author on author.number = post.author
          where post.thread = $3
            and post.part_number is null
            and post.id > $4
            and (post.expires_us is null or post.expires_us > $2)
            and (post.author = $1 {})
          order by post.id
          limit $5",
        if moderates { reviewed.as_str() } else { "" }
    );
    let values = vec![read.reader.0.into(), micros(read.now), read.thread.into(), after.into(), bound(limit)];
    all(sql.rows(&text, values).await?)
}

const LIST_IDS: &str = "
    select id
      from post
     where thread = $1
       and part_number is not null
     order by part_number
     limit $2";

/// Returns the parts that have appeared in a thread, for no reader in particular, at most `limit`.
pub(crate) async fn list_ids(sql: &impl Sql, thread: Uuid, limit: usize) -> Result<Vec<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct IdRow {
        id: Uuid,
    }
    let rows: Vec<IdRow> = sql.rows(LIST_IDS, vec![thread.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

const COUNT_WAITING: &str = "
    select count(*) as total
      from post
     where thread = $1
       and part_number is null
       and part_state = $2";

/// Returns how many parts of a thread have not appeared: those that wait for approval, or for their clip.
pub(crate) async fn count_waiting(sql: &impl Sql, thread: Uuid, state: PartState) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT_WAITING, vec![thread.into(), state.as_str().into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

/// Why a part was removed or unlinked, in the words of a member, who is named so that the words go with them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason<'a> {
    /// The words, for the author of the part.
    pub text: &'a str,
    /// Who wrote them.
    pub by: PersonNumber,
}

const SET_STATE: &str = "
    update post
       set part_state = $3,
           part_number = null,
           removal_reason = $4,
           removed_by = $5
     where id = $1
       and thread = $2";

/// Sets how a part that is not shown stands to its thread, and the reason for its author.
pub(crate) async fn set_state(
    tx: &Tx,
    part: Uuid,
    thread: Uuid,
    state: PartState,
    reason: Option<Reason<'_>>,
) -> Result<(), Error> {
    let values = vec![
        part.into(),
        thread.into(),
        state.as_str().into(),
        reason.map(|reason| reason.text.to_owned()).into(),
        reason.map(|reason| reason.by.0).into(),
    ];
    tx.execute(SET_STATE, values).await.map(drop)
}

const UNLINK: &str = "
    update post
       set answers = null,
           removal_reason = $2,
           removed_by = $3
     where id = $1";

/// Ends that a part answers another, with the reason for its author.
pub(crate) async fn unlink(tx: &Tx, part: Uuid, reason: Reason<'_>) -> Result<(), Error> {
    tx.execute(UNLINK, vec![part.into(), reason.text.into(), reason.by.0.into()]).await.map(drop)
}

/// Ends that parts answer these.
pub(crate) async fn unlink_answers(tx: &Tx, parts: &[Uuid]) -> Result<(), Error> {
    if parts.is_empty() {
        return Ok(());
    }
    let text = format!("update post set answers = null where answers in {}", placeholders(1, parts.len()));
    tx.execute(&text, parts.iter().map(|part| Value::from(*part)).collect()).await.map(drop)
}

/// Returns those of these parts that a reader who may see their thread may see, with their authors, in any order.
pub(crate) async fn list_authors(
    sql: &impl Sql,
    read: &ReadThread,
    parts: &[Uuid],
) -> Result<Vec<(Uuid, PersonNumber)>, Error> {
    #[derive(FromQueryResult)]
    struct AuthorRow {
        id: Uuid,
        author: i64,
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select post.id, post.author
           from post
           join person author on author.number = post.author
          where post.id in {}
            and {}",
        names_after(3, parts.len()),
        visible_part("$3", "$1", "$2")
    );
    let mut values: Vec<Value> = vec![read.reader.0.into(), micros(read.now), read.opener.0.into()];
    values.extend(parts.iter().map(|part| Value::from(*part)));
    let rows: Vec<AuthorRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| (row.id, PersonNumber(row.author))).collect())
}

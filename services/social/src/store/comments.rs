//! Rows of comments.
//!
//! An answer has the comment above as its parent, other comments have their post: one index serves both lists.
//! Invariant: whoever writes here holds the lane of the post's author, and changes the counts of the post and of the
//! comment above in the same transaction.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::people::{COLUMNS as PERSON_COLUMNS, PersonRow};
use super::visible::visible_comment;
use super::{bound, from_bigint, from_micros, micros};
use crate::model::{Comment, HeldBy, Person, PersonNumber, Position};

const COLUMNS: &str = "
    post_comment.id, post_comment.post, post_comment.post_author, post_comment.author, post_comment.parent,
    post_comment.position, post_comment.is_pending, post_comment.text, post_comment.answer_count,
    post_comment.created_us, post_comment.held_by, post_comment.held_reason";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    post: Uuid,
    post_author: i64,
    author: i64,
    parent: Uuid,
    position: i64,
    is_pending: bool,
    text: String,
    answer_count: i64,
    created_us: i64,
    held_by: Option<Uuid>,
    held_reason: Option<String>,
}

impl TryFrom<Row> for Comment {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            post: row.post,
            post_author: PersonNumber(row.post_author),
            author: PersonNumber(row.author),
            parent: row.parent,
            position: Position(row.position),
            is_pending: row.is_pending,
            held: row.held_by.map(|verdict| HeldBy { verdict, reason: row.held_reason.unwrap_or_default() }),
            text: row.text,
            answer_count: from_bigint(row.answer_count.max(0), "the answers to a comment")?,
            created_at: from_micros(row.created_us, "a comment's time")?,
        })
    }
}

/// A comment and its author: no column of one has the name of one of the other.
#[derive(FromQueryResult)]
struct AuthoredRow {
    #[sea_orm(nested)]
    comment: Row,
    #[sea_orm(nested)]
    person: PersonRow,
}

/// A comment with its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthoredComment {
    /// The comment.
    pub comment: Comment,
    /// Who wrote it.
    pub author: Person,
}

fn authored(row: AuthoredRow) -> Result<AuthoredComment, Error> {
    Ok(AuthoredComment { comment: row.comment.try_into()?, author: row.person.try_into()? })
}

fn all(rows: Vec<AuthoredRow>) -> Result<Vec<AuthoredComment>, Error> {
    rows.into_iter().map(authored).collect()
}

const INSERT: &str = "
    insert into post_comment (
        id, post, post_author, author, parent, position, is_pending, text, answer_count, created_us, held_by,
        held_reason
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Inserts a comment.
pub(crate) async fn insert(tx: &Tx, comment: &Comment) -> Result<(), Error> {
    let values = vec![
        comment.id.into(),
        comment.post.into(),
        comment.post_author.0.into(),
        comment.author.0.into(),
        comment.parent.into(),
        comment.position.0.into(),
        comment.is_pending.into(),
        comment.text.as_str().into(),
        comment.answer_count.cast_signed().into(),
        micros(comment.created_at),
        comment.held.as_ref().map(|held| held.verdict).into(),
        comment.held.as_ref().map(|held| held.reason.clone()).into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const APPROVE: &str = "
    update post_comment
       set is_pending = false
     where id = $1
       and post_author = $2
       and is_pending
       and held_by is null";

/// Approves a comment that no verdict holds. Returns whether it waited.
pub(crate) async fn approve(tx: &Tx, id: Uuid, post_author: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(APPROVE, vec![id.into(), post_author.0.into()]).await? == 1)
}

const RELEASE: &str = "
    update post_comment
       set held_by = null,
           held_reason = null
     where id = $1
       and held_by = $2";

/// Releases a comment that a verdict holds: it is pending. Returns whether the verdict held it.
pub(crate) async fn release(tx: &Tx, id: Uuid, verdict: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(RELEASE, vec![id.into(), verdict.into()]).await? == 1)
}

const ADD_ANSWERS: &str = "
    update post_comment
       set answer_count = answer_count + $2
     where id = $1";

/// Adds answers that are shown (or takes some away) to the count of the comment above.
pub(crate) async fn add_answers(tx: &Tx, id: Uuid, difference: i64) -> Result<(), Error> {
    tx.execute(ADD_ANSWERS, vec![id.into(), difference.into()]).await.map(drop)
}

/// Returns a comment, whoever may see it.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Comment>, Error> {
    let text = format!("select {COLUMNS} from post_comment where post_comment.id = $1");
    let row: Option<Row> = sql.row(&text, vec![id.into()]).await?;
    row.map(Comment::try_from).transpose()
}

/// Returns a comment that a reader may see who may see its post, with its author. Of an answer, the comment above is to
/// be asked for as well.
pub(crate) async fn find_visible(
    sql: &impl Sql,
    id: Uuid,
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Option<AuthoredComment>, Error> {
    let text = format!(
        "select {COLUMNS}, {PERSON_COLUMNS}
           from post_comment
           join person on person.number = post_comment.author
          where post_comment.id = $3
            and {}",
        visible_comment("$1", "$2")
    );
    let rows: Vec<AuthoredRow> = sql.rows(&text, vec![reader.0.into(), micros(now), id.into()]).await?;
    Ok(all(rows)?.pop())
}

/// Returns the comments below a parent that a reader may see who may see the parent: those of a post from the newest
/// on, answers from the oldest on.
pub(crate) async fn list(
    sql: &impl Sql,
    (parent, is_post): (Uuid, bool),
    reader: PersonNumber,
    now: DateTime<Utc>,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<AuthoredComment>, Error> {
    let (sign, direction, start) = if is_post { ("<", "desc", i64::MAX) } else { (">", "asc", 0) };
    let text = format!(
        "select {COLUMNS}, {PERSON_COLUMNS}
           from post_comment
           join person on person.number = post_comment.author
          where post_comment.parent = $3
            and post_comment.position {sign} $4
            and {}
          order by post_comment.position {direction}
          limit $5",
        visible_comment("$1", "$2")
    );
    let after = after.map_or(start, |position| position.0);
    all(sql.rows(&text, vec![reader.0.into(), micros(now), parent.into(), after.into(), bound(limit)]).await?)
}

/// Returns the comments on a member's posts that wait for approval and that the member may see, the oldest first. Those
/// on a post that is over or was removed are left out.
pub(crate) async fn list_pending(
    sql: &impl Sql,
    post_author: PersonNumber,
    now: DateTime<Utc>,
    after: Position,
    limit: usize,
) -> Result<Vec<AuthoredComment>, Error> {
    let text = format!(
        "select {COLUMNS}, {PERSON_COLUMNS}
           from post_comment
           join person on person.number = post_comment.author
           join post on post.id = post_comment.post
          where post_comment.post_author = $1
            and post_comment.position > $3
            and post_comment.is_pending
            and post_comment.held_by is null
            and (post.expires_us is null or post.expires_us > $2)
            and {}
          order by post_comment.position
          limit $4",
        visible_comment("$1", "$2")
    );
    all(sql.rows(&text, vec![post_author.0.into(), micros(now), after.0.into(), bound(limit)]).await?)
}

/// Returns comments of a person, at most `limit`.
pub(crate) async fn list_of_author(sql: &impl Sql, author: PersonNumber, limit: usize) -> Result<Vec<Comment>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post_comment
          where post_comment.author = $1
          order by post_comment.id
          limit $2"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![author.0.into(), bound(limit)]).await?;
    rows.into_iter().map(Comment::try_from).collect()
}

/// A comment that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Removed {
    /// Its id.
    pub id: Uuid,
    /// Whether it waited for approval, and was in no count.
    pub is_pending: bool,
}

const REMOVE_ANSWERS: &str = "
    delete from post_comment
     where id in (
           select id
             from post_comment
            where parent = $1
            order by position
            limit $2)
    returning id, is_pending";

/// Removes answers to a comment, at most `limit`.
pub(crate) async fn remove_answers(tx: &Tx, parent: Uuid, limit: usize) -> Result<Vec<Removed>, Error> {
    tx.rows(REMOVE_ANSWERS, vec![parent.into(), bound(limit)]).await
}

/// Removes a comment that has no answers. Returns whether there was one.
pub(crate) async fn remove(tx: &Tx, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute("delete from post_comment where id = $1", vec![Value::from(id)]).await? == 1)
}

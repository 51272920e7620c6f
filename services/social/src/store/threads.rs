//! Rows of threads, their moderators and their invitations.
//!
//! Does not own the parts, which are posts. Invariant: a place is taken by the statement that sees that there is one,
//! and the next number given by the statement that counts it, so neither depends on the order of writes.

use chrono::{DateTime, Utc};
use contract::social::threads::ThreadRule;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::people::{COLUMNS, PersonRow};
use super::visible::visible_person;
use super::{bound, from_bigint, from_micros, micros};
use crate::model::{Person, PersonNumber, Thread};

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    rule: String,
    cap: i64,
    part_count: i64,
    last_number: i64,
    created_us: i64,
}

impl TryFrom<Row> for Thread {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            rule: row.rule.parse().map_err(|_| Error::Corrupt("a thread's rule"))?,
            cap: from_bigint(row.cap, "a thread's cap")?,
            part_count: from_bigint(row.part_count, "a thread's parts")?,
            last_number: row.last_number,
            created_at: from_micros(row.created_us, "a thread's time")?,
        })
    }
}

const INSERT: &str = "
    insert into thread (id, rule, cap, part_count, last_number, created_us)
    values ($1, $2, $3, 0, 0, $4)
    on conflict do nothing";

/// Inserts a thread without parts. Returns whether it is new.
pub(crate) async fn insert(tx: &Tx, thread: &Thread) -> Result<bool, Error> {
    let values =
        vec![thread.id.into(), thread.rule.as_str().into(), i64::from(thread.cap).into(), micros(thread.created_at)];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const FIND: &str = "
    select id, rule, cap, part_count, last_number, created_us
      from thread
     where id = $1";

/// Returns the row of a thread; `None` for a post that nobody has joined and that was not opened with a rule.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Thread>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![id.into()]).await?;
    row.map(Thread::try_from).transpose()
}

const UPDATE: &str = "
    update thread
       set rule = $2,
           cap = $3
     where id = $1";

/// Updates what an opener changes.
pub(crate) async fn update(tx: &Tx, id: Uuid, rule: ThreadRule, cap: u32) -> Result<(), Error> {
    tx.execute(UPDATE, vec![id.into(), rule.as_str().into(), i64::from(cap).into()]).await.map(drop)
}

const TAKE_PLACE: &str = "
    update thread
       set part_count = part_count + 1
     where id = $1
       and part_count < cap";

/// Takes a place for a part. Returns `false` if there is none.
pub(crate) async fn take_place(tx: &Tx, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(TAKE_PLACE, vec![id.into()]).await? == 1)
}

const FREE_PLACE: &str = "
    update thread
       set part_count = part_count - 1
     where id = $1";

/// Frees the place of a part.
pub(crate) async fn free_place(tx: &Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(FREE_PLACE, vec![id.into()]).await.map(drop)
}

const NEXT_NUMBER: &str = "
    update thread
       set last_number = last_number + 1
     where id = $1
    returning last_number as number";

/// Returns the number of a part that appears now; `None` if the thread is gone. Numbers ascend in the order of commits:
/// a write that gives one holds the row until its end.
pub(crate) async fn next_number(tx: &Tx, id: Uuid) -> Result<Option<i64>, Error> {
    #[derive(FromQueryResult)]
    struct NumberRow {
        number: i64,
    }
    let rows: Vec<NumberRow> = tx.rows(NEXT_NUMBER, vec![id.into()]).await?;
    Ok(rows.first().map(|row| row.number))
}

/// Removes threads with their moderators and invitations. Their parts stay posts of their authors, which nobody else
/// may see any more.
pub(crate) async fn remove(tx: &Tx, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    for (table, column) in [("thread_moderator", "thread"), ("thread_invitation", "thread"), ("thread", "id")] {
        let text = format!("delete from {table} where {column} in {}", placeholders(1, ids.len()));
        tx.execute(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?;
    }
    Ok(())
}

/// What a person is to a thread besides an author of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Office {
    /// Approves and removes parts, and invites.
    Moderator,
    /// May join whatever the rule is.
    Invited,
}

impl Office {
    fn table(self) -> &'static str {
        match self {
            Self::Moderator => "thread_moderator",
            Self::Invited => "thread_invitation",
        }
    }
}

/// Gives a person an office in a thread.
pub(crate) async fn insert_office(tx: &Tx, office: Office, thread: Uuid, person: PersonNumber) -> Result<(), Error> {
    let text = format!(
        "insert into {} (thread, person)
         values ($1, $2)
         on conflict do nothing",
        office.table()
    );
    tx.execute(&text, vec![thread.into(), person.0.into()]).await.map(drop)
}

/// Ends it.
pub(crate) async fn remove_office(tx: &Tx, office: Office, thread: Uuid, person: PersonNumber) -> Result<(), Error> {
    let text = format!(
        "delete from {}
          where thread = $1
            and person = $2",
        office.table()
    );
    tx.execute(&text, vec![thread.into(), person.0.into()]).await.map(drop)
}

/// Ends every office of a person in the threads of an opener.
pub(crate) async fn remove_offices(tx: &Tx, opener: PersonNumber, person: PersonNumber) -> Result<(), Error> {
    for office in [Office::Moderator, Office::Invited] {
        let table = office.table();
        let text = format!(
            "delete from {table}
              where person = $2
                and exists (
                    select 1
                      from post
                     where post.id = {table}.thread
                       and post.author = $1)"
        );
        tx.execute(&text, vec![opener.0.into(), person.0.into()]).await?;
    }
    Ok(())
}

/// Whether a person has an office in a thread.
pub(crate) async fn has_office(
    sql: &impl Sql,
    office: Office,
    thread: Uuid,
    person: PersonNumber,
) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct HasRow {
        has_office: bool,
    }
    let text = format!(
        "select exists (
                select 1
                  from {}
                 where thread = $1
                   and person = $2
                ) as has_office",
        office.table()
    );
    let row: Option<HasRow> = sql.row(&text, vec![thread.into(), person.0.into()]).await?;
    Ok(row.is_some_and(|row| row.has_office))
}

/// Returns how many people have an office in a thread.
pub(crate) async fn count_office(sql: &impl Sql, office: Office, thread: Uuid) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let text = format!("select count(*) as total from {} where thread = $1", office.table());
    let row: Option<Count> = sql.row(&text, vec![thread.into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

/// Returns the people with an office in a thread who are shown to the reader, by their numbers, above one, at most
/// `limit`.
pub(crate) async fn list_office(
    sql: &impl Sql,
    office: Office,
    thread: Uuid,
    (reader, now): (PersonNumber, DateTime<Utc>),
    after: PersonNumber,
    limit: usize,
) -> Result<Vec<Person>, Error> {
    let table = office.table();
    let text = format!(
        "select {COLUMNS}
           from {table}
           join person on person.number = {table}.person
          where {table}.thread = $3
            and {table}.person > $4
            and {shown}
          order by {table}.person
          limit $5",
        shown = visible_person("person", "$1", "$2"),
    );
    let values = vec![reader.0.into(), micros(now), thread.into(), after.0.into(), bound(limit)];
    let rows: Vec<PersonRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(Person::try_from).collect()
}

/// Returns the threads in which a person has an office, above an id, in the order of the ids, at most `limit`.
pub(crate) async fn list_with_office(
    sql: &impl Sql,
    office: Office,
    person: PersonNumber,
    after: Uuid,
    limit: usize,
) -> Result<Vec<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct ThreadRow {
        thread: Uuid,
    }
    let text = format!(
        "select thread
           from {}
          where person = $1
            and thread > $2
          order by thread
          limit $3",
        office.table()
    );
    let rows: Vec<ThreadRow> = sql.rows(&text, vec![person.0.into(), after.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.thread).collect())
}

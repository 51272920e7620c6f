//! Rows of reactions to posts.
//!
//! Invariant: a member has one reaction to a post; whoever writes here holds the lanes of the member and of the post's
//! author.

use chrono::{DateTime, Utc};
use contract::social::talk::ReactionKind;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::people::{COLUMNS as PERSON_COLUMNS, PersonRow};
use super::visible::visible_person;
use super::{bound, micros};
use crate::model::{Person, PersonNumber};

/// A reaction with its member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Who reacts.
    pub person: Person,
    /// How.
    pub kind: ReactionKind,
    /// When.
    pub at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into reaction (post, person, kind, since_s)
    values ($1, $2, $3, $4)
    on conflict do nothing";

const CHANGE: &str = "
    update reaction
       set kind = $3,
           since_s = $4
     where post = $1
       and person = $2
       and kind <> $3";

/// Sets the reaction of a member. Returns whether they had none.
pub(crate) async fn set(
    tx: &Tx,
    post: Uuid,
    person: PersonNumber,
    kind: ReactionKind,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values: Vec<Value> = vec![post.into(), person.0.into(), kind.as_str().into(), now.timestamp().into()];
    if tx.execute(INSERT, values.clone()).await? == 1 {
        return Ok(true);
    }
    tx.execute(CHANGE, values).await?;
    Ok(false)
}

const REMOVE: &str = "
    delete from reaction
     where post = $1
       and person = $2";

/// Removes the reaction of a member. Returns whether there was one.
pub(crate) async fn remove(tx: &Tx, post: Uuid, person: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![post.into(), person.0.into()]).await? == 1)
}

fn parse_kind(text: &str) -> Result<ReactionKind, Error> {
    text.parse().map_err(|_| Error::Corrupt("the kind of a reaction"))
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    person: PersonRow,
    kind: String,
    since_s: i64,
}

/// Returns the reactions to a post of those who are shown to the reader, by descending number.
pub(crate) async fn list(
    sql: &impl Sql,
    post: Uuid,
    reader: PersonNumber,
    now: DateTime<Utc>,
    before: PersonNumber,
    limit: usize,
) -> Result<Vec<Reaction>, Error> {
    let text = format!(
        "select {PERSON_COLUMNS}, reaction.kind, reaction.since_s
           from reaction
           join person on person.number = reaction.person
          where reaction.post = $3
            and reaction.person < $4
            and (reaction.person = $1 or ({}))
          order by reaction.person desc
          limit $5",
        visible_person("person", "$1", "$2")
    );
    let values = vec![reader.0.into(), micros(now), post.into(), before.0.into(), bound(limit)];
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(reaction).collect()
}

fn reaction(row: Row) -> Result<Reaction, Error> {
    let at = DateTime::from_timestamp(row.since_s, 0).ok_or(Error::Corrupt("a reaction's time"))?;
    Ok(Reaction { person: row.person.try_into()?, kind: parse_kind(&row.kind)?, at })
}

//! Rows of the topics that members follow.
//!
//! Invariant: a statement has the follower in its `where`.

use chrono::{DateTime, Utc};
use contract::social::TopicKind;
use db::{Error, FromQueryResult, Sql, Tx};

use super::bound;
use crate::model::{PersonNumber, Topic};

#[derive(FromQueryResult)]
struct Row {
    kind: String,
    topic: String,
}

impl TryFrom<Row> for Topic {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self { kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a topic"))?, name: row.topic })
    }
}

const INSERT: &str = "
    insert into topic_follow (follower, kind, topic, since_s)
    values ($1, $2, $3, $4)
    on conflict do nothing";

/// Follows a topic.
pub(crate) async fn insert(tx: &Tx, follower: PersonNumber, topic: &Topic, now: DateTime<Utc>) -> Result<(), Error> {
    let values =
        vec![follower.0.into(), topic.kind.as_str().into(), topic.name.as_str().into(), now.timestamp().into()];
    tx.execute(INSERT, values).await.map(drop)
}

const REMOVE: &str = "
    delete from topic_follow
     where follower = $1
       and kind = $2
       and topic = $3";

/// Ends following a topic.
pub(crate) async fn remove(tx: &Tx, follower: PersonNumber, topic: &Topic) -> Result<(), Error> {
    let values = vec![follower.0.into(), topic.kind.as_str().into(), topic.name.as_str().into()];
    tx.execute(REMOVE, values).await.map(drop)
}

const KINDS: &str = "
    select distinct kind
      from topic_follow
     where follower = $1";

/// Returns the kinds of topics of which a member follows at least one.
pub(crate) async fn list_kinds(sql: &impl Sql, follower: PersonNumber) -> Result<Vec<TopicKind>, Error> {
    #[derive(FromQueryResult)]
    struct Kind {
        kind: String,
    }
    let rows: Vec<Kind> = sql.rows(KINDS, vec![follower.0.into()]).await?;
    rows.into_iter().map(|row| row.kind.parse().map_err(|_| Error::Corrupt("the kind of a topic"))).collect()
}

const COUNT: &str = "
    select count(*) as topics
      from topic_follow
     where follower = $1";

/// Returns the number of topics that a member follows.
pub(crate) async fn count(sql: &impl Sql, follower: PersonNumber) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        topics: i64,
    }
    let row: Option<Count> = sql.row(COUNT, vec![follower.0.into()]).await?;
    Ok(row.map_or(0, |row| row.topics.unsigned_abs()))
}

const PAGE: &str = "
    select kind, topic
      from topic_follow
     where follower = $1
       and (kind, topic) > ($2, $3)
     order by kind, topic
     limit $4";

/// Returns the topics that a member follows behind one, by kind and name.
pub(crate) async fn list(
    sql: &impl Sql,
    follower: PersonNumber,
    after: Option<&Topic>,
    limit: usize,
) -> Result<Vec<Topic>, Error> {
    let (kind, name) = after.map_or(("", ""), |topic| (topic.kind.as_str(), topic.name.as_str()));
    let values = vec![follower.0.into(), kind.into(), name.into(), bound(limit)];
    let rows: Vec<Row> = sql.rows(PAGE, values).await?;
    rows.into_iter().map(Topic::try_from).collect()
}

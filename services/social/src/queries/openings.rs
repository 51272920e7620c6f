//! The opening of a thread, as a reader sees it: what every operation on a thread begins with.
//!
//! Invariant: an opening that the reader may not see, and a post that is a part of another thread, are the error of one
//! that does not exist.

use chrono::{DateTime, Utc};
use db::Sql;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Joiner, Person, PersonNumber, Post, ReaderFacts, Relation, Thread, may_see};
use crate::store::thread_parts::ReadThread;
use crate::store::threads::Office;
use crate::store::{people, posts, relations, threads};

/// The opening of a thread that a reader may see.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    /// The post.
    pub post: Post,
    /// Who has written it.
    pub opener: Person,
    /// The thread.
    pub thread: Thread,
    /// Whether the thread has a row of its own.
    pub has_row: bool,
    /// How the reader stands to the opener.
    pub relation: Relation,
    /// Whether the reader is the opener or a moderator.
    pub moderates: bool,
}

/// Returns the opening of a thread that a reader may see. `token` is that of its link, if the request has one.
pub(crate) async fn find(
    sql: &impl Sql,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Opening, Error> {
    let post = posts::find(sql, id).await?.filter(|post| post.part.is_none()).ok_or(Error::NotFound)?;
    let opener = people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let relation = relations::find(sql, reader, post.author, now).await?;
    let has_link = token.is_some() && token == post.link_token.as_deref();
    if !may_see(ReaderFacts { relation, has_link }, post.facts(&opener, now)) {
        return Err(Error::NotFound);
    }
    let row = threads::find(sql, id).await?;
    let has_row = row.is_some();
    let thread = row.unwrap_or_else(|| Thread::of_post(&post));
    let moderates = relation.is_self || threads::has_office(sql, Office::Moderator, id, reader).await?;
    Ok(Opening { post, opener, thread, has_row, relation, moderates })
}

/// Returns what the rule of the thread needs to know of the reader.
pub(crate) async fn joiner(sql: &impl Sql, opening: &Opening, reader: PersonNumber) -> Result<Joiner, Error> {
    let is_invited = threads::has_office(sql, Office::Invited, opening.post.id, reader).await?;
    Ok(Joiner { relation: opening.relation, is_moderator: opening.moderates, is_invited })
}

impl Opening {
    /// Returns what a list of parts needs to know.
    pub(crate) fn read_by(&self, reader: PersonNumber, now: DateTime<Utc>) -> ReadThread {
        ReadThread { thread: self.post.id, opener: self.post.author, reader, now }
    }
}

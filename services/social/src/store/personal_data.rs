//! What an export of a member's data reads beside their posts, topics and greetings: what they have decided about
//! others, and what they have said about posts.
//!
//! Invariant: each query names the member who decided or wrote, and pages by a key; what others have decided or said
//! about the member is in none.

use db::{Error, FromQueryResult, Sql, Value};
use uuid::Uuid;

use super::bound;
use crate::model::{PersonNumber, Position};

/// A kind of decision about another member, and the table that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecisionKind {
    /// Its name in the export. Letters and underscores.
    pub name: &'static str,
    table: &'static str,
    decider: &'static str,
    other: &'static str,
    since: &'static str,
    until: &'static str,
}

/// A column that a table does not have.
const NO_TIME: &str = "cast(null as bigint)";

/// Every kind, in the order of the export.
pub(crate) const KINDS: [DecisionKind; 5] = [
    kind("follow", "follow", ("follower", "followee"), ("since_s", NO_TIME)),
    kind("request", "follow_request", ("follower", "followee"), ("since_s", NO_TIME)),
    kind("block", "block", ("blocker", "blocked"), ("since_s", NO_TIME)),
    kind("mute", "mute", ("muter", "muted"), (NO_TIME, "until_s")),
    kind("close_friend", "close_friend", ("owner", "friend"), (NO_TIME, NO_TIME)),
];

const fn kind(
    name: &'static str,
    table: &'static str,
    (decider, other): (&'static str, &'static str),
    (since, until): (&'static str, &'static str),
) -> DecisionKind {
    DecisionKind { name, table, decider, other, since, until }
}

/// What a member has decided about another.
#[derive(Debug, FromQueryResult)]
pub(crate) struct DecisionRow {
    /// The number of the other.
    pub number: i64,
    /// The handle of the other.
    pub handle: String,
    /// Since when, in seconds since 1970, where that is known.
    pub since_s: Option<i64>,
    /// When it ends, in seconds since 1970, where it does.
    pub until_s: Option<i64>,
}

/// Returns what a member has decided about those whose numbers are above `after`, in the order of the numbers.
pub(crate) async fn list_decisions(
    sql: &impl Sql,
    kind: DecisionKind,
    member: PersonNumber,
    after: PersonNumber,
    limit: usize,
) -> Result<Vec<DecisionRow>, Error> {
    let DecisionKind { table, decider, other, since, until, .. } = kind;
    let text = format!(
        "select person.number,
                person.handle,
                {since} as since_s,
                {until} as until_s
           from {table}
           join person on person.number = {table}.{other}
          where {table}.{decider} = $1
            and {table}.{other} > $2
          order by {table}.{other}
          limit $3"
    );
    sql.rows(&text, vec![member.0.into(), after.0.into(), bound(limit)]).await
}

/// A comment of a member.
#[derive(Debug, FromQueryResult)]
pub(crate) struct CommentRow {
    /// Its id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
    /// The comment that it answers, or else the post.
    pub parent: Uuid,
    /// Whether it waits for approval.
    pub is_pending: bool,
    /// The text.
    pub text: String,
    /// When it was written, in microseconds since 1970.
    pub created_us: i64,
}

const COMMENTS: &str = "
    select id, post, parent, is_pending, text, created_us
      from post_comment
     where author = $1
       and id > $2
     order by id
     limit $3";

/// Returns the comments of a member above an id, in the order of the ids.
pub(crate) async fn list_comments(
    sql: &impl Sql,
    member: PersonNumber,
    after: Uuid,
    limit: usize,
) -> Result<Vec<CommentRow>, Error> {
    sql.rows(COMMENTS, values(member, after, limit)).await
}

/// A reaction of a member.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ReactionRow {
    /// The post.
    pub post: Uuid,
    /// The word for how.
    pub kind: String,
    /// When, in seconds since 1970.
    pub since_s: i64,
}

const REACTIONS: &str = "
    select post, kind, since_s
      from reaction
     where person = $1
       and post > $2
     order by post
     limit $3";

/// Returns the reactions of a member to posts above an id, in the order of the ids.
pub(crate) async fn list_reactions(
    sql: &impl Sql,
    member: PersonNumber,
    after: Uuid,
    limit: usize,
) -> Result<Vec<ReactionRow>, Error> {
    sql.rows(REACTIONS, values(member, after, limit)).await
}

/// A post that a member has saved.
#[derive(Debug, FromQueryResult)]
pub(crate) struct SavedRow {
    /// The post.
    pub post: Uuid,
    /// The position of the moment.
    pub position: i64,
}

const SAVED: &str = "
    select post, position
      from saved_post
     where person = $1
       and post > $2
     order by post
     limit $3";

/// Returns the posts above an id that a member has saved, in the order of the ids.
pub(crate) async fn list_saved(
    sql: &impl Sql,
    member: PersonNumber,
    after: Uuid,
    limit: usize,
) -> Result<Vec<SavedRow>, Error> {
    sql.rows(SAVED, values(member, after, limit)).await
}

/// A post that a member has reposted.
#[derive(Debug, FromQueryResult)]
pub(crate) struct RepostRow {
    /// The post.
    pub post: Uuid,
    /// The position of the moment.
    pub position: i64,
    /// Whether it waits for approval.
    pub is_pending: bool,
}

const REPOSTS: &str = "
    select post, position, is_pending
      from repost
     where person = $1
       and position > $2
     order by position
     limit $3";

/// Returns the reposts of a member above a position, in the order of the positions.
pub(crate) async fn list_reposts(
    sql: &impl Sql,
    member: PersonNumber,
    after: Position,
    limit: usize,
) -> Result<Vec<RepostRow>, Error> {
    sql.rows(REPOSTS, values(member, after.0, limit)).await
}

/// A report that a member has sent.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ReportRow {
    /// Its id.
    pub id: Uuid,
    /// The word for what was reported.
    pub kind: String,
    /// The id of what was reported.
    pub object: Uuid,
    /// The word for why.
    pub reason: String,
    /// What the member wrote.
    pub text: String,
    /// The word for its state.
    pub state: String,
    /// The word for what was decided.
    pub decision: Option<String>,
    /// When it was sent, in microseconds since 1970.
    pub created_us: i64,
}

const REPORTS: &str = "
    select id, kind, object, reason, text, state, decision, created_us
      from report
     where reporter = $1
       and id > $2
     order by id
     limit $3";

/// Returns the reports of a member above an id, in the order of the ids.
pub(crate) async fn list_reports(
    sql: &impl Sql,
    member: PersonNumber,
    after: Uuid,
    limit: usize,
) -> Result<Vec<ReportRow>, Error> {
    sql.rows(REPORTS, values(member, after, limit)).await
}

/// A thread that a member has opened.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ThreadRow {
    /// Its id, which is that of the opening post.
    pub id: Uuid,
    /// The word for who may join.
    pub rule: String,
    /// The largest number of parts.
    pub cap: i64,
    /// When it was opened, in microseconds since 1970.
    pub created_us: i64,
    /// The position of the opening.
    pub position: i64,
}

const THREADS: &str = "
    select thread.id, thread.rule, thread.cap, thread.created_us, post.position
      from post
      join thread on thread.id = post.id
     where post.author = $1
       and post.position > $2
     order by post.position
     limit $3";

/// Returns the threads that a member has opened, above a position, in the order of the positions of their openings.
pub(crate) async fn list_threads(
    sql: &impl Sql,
    member: PersonNumber,
    after: Position,
    limit: usize,
) -> Result<Vec<ThreadRow>, Error> {
    sql.rows(THREADS, values(member, after.0, limit)).await
}

fn values(member: PersonNumber, after: impl Into<Value>, limit: usize) -> Vec<Value> {
    vec![member.0.into(), after.into(), bound(limit)]
}

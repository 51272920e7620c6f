//! Rows of the members of conversations.
//!
//! Invariant: a box is paged by the place of its conversations, which changes with what the member sees.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::{bound, names_after};
use crate::model::{ConversationMember, InboxCursor, MemberState};

/// A row of a member, also as a part of a row of a longer query.
#[derive(FromQueryResult)]
pub(super) struct Row {
    conversation: Uuid,
    account: Uuid,
    state: String,
    is_admin: bool,
    is_taken_out: bool,
    inviter: Option<Uuid>,
    from_seq: i64,
    until_seq: Option<i64>,
    read_seq: i64,
    delivered_seq: i64,
    told_read_seq: i64,
    told_delivered_seq: i64,
    position: i64,
    joined_at: DateTime<Utc>,
}

impl TryFrom<Row> for ConversationMember {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            conversation: row.conversation,
            account: AccountId(row.account),
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a member"))?,
            is_admin: row.is_admin,
            is_taken_out: row.is_taken_out,
            inviter: row.inviter.map(AccountId),
            from_seq: row.from_seq,
            until_seq: row.until_seq,
            read_seq: row.read_seq,
            delivered_seq: row.delivered_seq,
            told_read_seq: row.told_read_seq,
            told_delivered_seq: row.told_delivered_seq,
            position: row.position,
            joined_at: row.joined_at,
        })
    }
}

const COLUMNS: &str = "conversation, account, state, is_admin, is_taken_out, inviter, from_seq, until_seq, read_seq, \
                       delivered_seq, told_read_seq, told_delivered_seq, position, joined_at";

const PUT: &str = "
    insert into conversation_member (
        conversation, account, state, is_admin, inviter, from_seq, until_seq, read_seq, delivered_seq, told_read_seq,
        told_delivered_seq, position, joined_at, is_taken_out
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    on conflict (conversation, account) do update
       set state = excluded.state,
           is_admin = excluded.is_admin,
           is_taken_out = excluded.is_taken_out,
           inviter = excluded.inviter,
           from_seq = excluded.from_seq,
           until_seq = excluded.until_seq,
           read_seq = excluded.read_seq,
           delivered_seq = excluded.delivered_seq,
           told_read_seq = excluded.told_read_seq,
           told_delivered_seq = excluded.told_delivered_seq,
           position = excluded.position,
           joined_at = excluded.joined_at";

/// Inserts or replaces a member. The caller holds the lane of the conversation.
pub(crate) async fn put(tx: &Tx, member: &ConversationMember) -> Result<(), Error> {
    let values = vec![
        member.conversation.into(),
        member.account.0.into(),
        member.state.as_str().into(),
        member.is_admin.into(),
        member.inviter.map(|inviter| inviter.0).into(),
        member.from_seq.into(),
        member.until_seq.into(),
        member.read_seq.into(),
        member.delivered_seq.into(),
        member.told_read_seq.into(),
        member.told_delivered_seq.into(),
        member.position.into(),
        member.joined_at.into(),
        member.is_taken_out.into(),
    ];
    tx.execute(PUT, values).await.map(drop)
}

/// Returns a member of a conversation.
pub(crate) async fn find(
    sql: &impl Sql,
    conversation: Uuid,
    account: AccountId,
) -> Result<Option<ConversationMember>, Error> {
    let text = format!("select {COLUMNS} from conversation_member where conversation = $1 and account = $2");
    let row: Option<Row> = sql.row(&text, vec![conversation.into(), account.0.into()]).await?;
    row.map(ConversationMember::try_from).transpose()
}

/// Returns all members of a conversation, those who have left too, by account.
pub(crate) async fn list(sql: &impl Sql, conversation: Uuid) -> Result<Vec<ConversationMember>, Error> {
    list_each(sql, &[conversation]).await
}

/// Returns all members of these conversations.
pub(crate) async fn list_each(sql: &impl Sql, conversations: &[Uuid]) -> Result<Vec<ConversationMember>, Error> {
    if conversations.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select {COLUMNS}
           from conversation_member
          where conversation in {}
          order by conversation, account",
        names_after(0, conversations.len())
    );
    let rows: Vec<Row> = sql.rows(&text, conversations.iter().map(|id| Value::from(*id)).collect()).await?;
    rows.into_iter().map(ConversationMember::try_from).collect()
}

/// Returns a page of a member's conversations in this state that have something to see, the newest first.
pub(crate) async fn list_box(
    sql: &impl Sql,
    account: AccountId,
    state: MemberState,
    before: InboxCursor,
    limit: usize,
) -> Result<Vec<ConversationMember>, Error> {
    let text = format!(
        "select {COLUMNS}
           from conversation_member
          where account = $1
            and state = $2
            and position > 0
            and (position, conversation) < ($3, $4)
          order by position desc, conversation desc
          limit $5"
    );
    let values =
        vec![account.0.into(), state.as_str().into(), before.position.into(), before.conversation.into(), bound(limit)];
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(ConversationMember::try_from).collect()
}

/// Returns a page of all of a member's conversations, by id.
pub(crate) async fn list_of(
    sql: &impl Sql,
    account: AccountId,
    after: Uuid,
    limit: usize,
) -> Result<Vec<ConversationMember>, Error> {
    let text = format!(
        "select {COLUMNS}
           from conversation_member
          where account = $1
            and conversation > $2
          order by conversation
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![account.0.into(), after.into(), bound(limit)]).await?;
    rows.into_iter().map(ConversationMember::try_from).collect()
}

const PARTNERS: &str = "
    select other.account
      from (select conversation, position
              from conversation_member
             where account = $1
               and state = 'joined'
             order by position desc, conversation desc
             limit $2) mine
      join conversation_member other
        on other.conversation = mine.conversation
     where other.state = 'joined'
       and other.account <> $1
     group by other.account
     order by max(mine.position) desc, other.account
     limit $3";

/// Returns those who take part in one of a member's newest conversations, as the member does, at most `limit`.
pub(crate) async fn list_partners(
    sql: &impl Sql,
    account: AccountId,
    conversations: usize,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    let rows: Vec<Row> = sql.rows(PARTNERS, vec![account.0.into(), bound(conversations), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

const TOUCH: &str = "
    update conversation_member
       set position = case when position < $2 then $2 else position end
     where conversation = $1
       and state in ('joined', 'requested')
    returning account,
              state = 'joined' as is_joined,
              exists (select 1
                        from erased_account
                       where erased_account.account = conversation_member.account) as is_erased";

/// A member in whose box a conversation was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touched {
    /// The account.
    pub account: AccountId,
    /// Whether they take part; else it waits in their box of requests.
    pub is_joined: bool,
    /// Whether the account was erased, and is taken out of the conversation soon.
    pub is_erased: bool,
}

/// Moves a conversation to the top of the boxes of its members, and returns them by account.
pub(crate) async fn touch(tx: &Tx, conversation: Uuid, position: i64) -> Result<Vec<Touched>, Error> {
    #[derive(FromQueryResult)]
    struct TouchedRow {
        account: Uuid,
        is_joined: bool,
        is_erased: bool,
    }
    let rows: Vec<TouchedRow> = tx.rows(TOUCH, vec![conversation.into(), position.into()]).await?;
    let read =
        |TouchedRow { account, is_joined, is_erased }| Touched { account: AccountId(account), is_joined, is_erased };
    let mut touched: Vec<Touched> = rows.into_iter().map(read).collect();
    touched.sort_unstable_by_key(|member| member.account);
    Ok(touched)
}

const TOUCH_ONE: &str = "
    update conversation_member
       set position = $3
     where conversation = $1
       and account = $2
       and position < $3";

/// Moves a conversation to the top of the box of one member.
pub(crate) async fn touch_one(tx: &Tx, conversation: Uuid, account: AccountId, position: i64) -> Result<(), Error> {
    tx.execute(TOUCH_ONE, vec![conversation.into(), account.0.into(), position.into()]).await.map(drop)
}

/// Returns a page of the conversations in which a request of one account waits for another, by id.
pub(crate) async fn list_requests_between(
    sql: &impl Sql,
    inviter: AccountId,
    account: AccountId,
    limit: usize,
) -> Result<Vec<ConversationMember>, Error> {
    let text = format!(
        "select {COLUMNS}
           from conversation_member
          where inviter = $1
            and account = $2
            and state = 'requested'
          order by conversation
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![inviter.0.into(), account.0.into(), bound(limit)]).await?;
    rows.into_iter().map(ConversationMember::try_from).collect()
}

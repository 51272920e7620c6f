//! What a message depends on before it is stored, in one statement: its author, the other member of two, who of them
//! has blocked whom, the standing of the author, and the state of the author's verdicts.
//!
//! Does not own these rows. Invariant: what is read in a transaction is as safe as its lanes make it: members and the
//! sequence by that of the conversation, the state of verdicts by that of the author.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use db::{Error, FromQueryResult, Sql};
use screening_store::senders::{Sender, SenderRow};
use uuid::Uuid;

use super::blocks::Blocks;
use super::{VERDICTS, members};
use crate::model::{ConversationKind, ConversationMember};

/// What a message of an author depends on.
#[derive(Debug, Clone)]
pub(crate) struct Situation {
    /// How many take part.
    pub kind: ConversationKind,
    /// The author, who may have left.
    pub me: ConversationMember,
    /// Whether the author has sent a message under this id of the client.
    pub is_sent: bool,
    /// Whether the conversation has a message of the author that was not deleted for all.
    pub has_written: bool,
    /// What the author may do now.
    pub state: AccountState,
    /// Whether the author's account was erased.
    pub is_erased: bool,
    /// The state of the author's verdicts; `None` before the first one.
    pub sender: Option<Sender>,
    /// The other member of two, and which of the author and them has blocked the other.
    pub other: Option<(ConversationMember, Blocks)>,
}

impl Situation {
    /// Whether the conversation is a group.
    pub(crate) fn is_group(&self) -> bool {
        self.kind == ConversationKind::Group
    }
}

#[derive(FromQueryResult)]
struct Row {
    kind: String,
    #[sea_orm(nested)]
    member: members::Row,
    blocks: bool,
    is_blocked: bool,
    is_sent: bool,
    has_written: bool,
    standing: Option<String>,
    standing_until: Option<DateTime<Utc>>,
    is_erased: bool,
    #[sea_orm(nested)]
    sender: Option<SenderRow>,
}

/// The author `$2` of a message into the conversation `$1`, and the other member of two. What concerns the author is in
/// both rows, or null in that of the other.
static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select conversation.kind,
                member.conversation, member.account, member.state, member.is_admin, member.is_taken_out,
                member.inviter, member.from_seq, member.until_seq, member.read_seq, member.delivered_seq,
                member.told_read_seq, member.told_delivered_seq, member.position, member.joined_at,
                exists (select 1 from chat_block where blocker = $2 and blocked = member.account) as blocks,
                exists (select 1 from chat_block where blocker = member.account and blocked = $2) as is_blocked,
                exists (select 1
                          from chat_message
                         where conversation = $1
                           and author = $2
                           and client_id = $3) as is_sent,
                exists (select 1
                          from chat_message
                         where conversation = $1
                           and author = $2
                           and state not in ('removed', 'retracted')) as has_written,
                standing.state as standing,
                standing.until as standing_until,
                exists (select 1 from erased_account where account = $2) as is_erased,
                {sender}
           from conversation_member member
           join conversation
             on conversation.id = member.conversation
           left join chat_standing standing
             on standing.account = member.account
            and member.account = $2
           left join {senders} sender
             on sender.account = member.account
            and member.account = $2
          where member.conversation = $1
            and (member.account = $2 or conversation.kind = 'pair')",
        sender = SenderRow::COLUMNS,
        senders = VERDICTS.sender,
    )
});

/// Returns what a message of an author depends on; `None` if the author was never a member of such a conversation.
pub(crate) async fn find(
    sql: &impl Sql,
    conversation: Uuid,
    author: AccountId,
    client_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Situation>, Error> {
    let rows: Vec<Row> = sql.rows(&FIND, vec![conversation.into(), author.0.into(), client_id.into()]).await?;
    let (mut mine, mut other) = (None, None);
    for row in rows {
        let blocks = Blocks { blocks: row.blocks, is_blocked: row.is_blocked };
        let member = ConversationMember::try_from(row.member)?;
        if member.account != author {
            other = Some((member, blocks));
            continue;
        }
        let state = match row.standing {
            Some(state) if row.standing_until.is_none_or(|until| until > now) => {
                state.parse().map_err(|_| Error::Corrupt("the standing of an account"))?
            }
            _ => AccountState::Active,
        };
        mine = Some(Situation {
            kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a conversation"))?,
            me: member,
            is_sent: row.is_sent,
            has_written: row.has_written,
            state,
            is_erased: row.is_erased,
            sender: row.sender.map(Sender::from),
            other: None,
        });
    }
    Ok(mine.map(|mine| Situation { other, ..mine }))
}

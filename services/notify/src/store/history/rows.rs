//! The rows of notices and recipients, and how they change together.
//!
//! Invariant: a change of notices comes with the change of counts that [`Delta`] says.

use std::collections::BTreeMap;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size};
use uuid::Uuid;

use crate::history::Notice;

/// The columns of a [`NoticeRow`].
pub(super) const COLUMNS: &str = "
    notice.member, notice.is_filtered, notice.id, notice.group_id, notice.kind, notice.open_key, notice.subject,
    notice.actor, notice.actors, notice.actor_count, notice.is_seen, notice.is_read, recipient.seen_until,
    recipient.read_until";

/// A notice with the cursors of its member.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct NoticeRow {
    pub(super) member: Uuid,
    pub(super) is_filtered: bool,
    pub(super) id: Uuid,
    pub(super) group_id: Uuid,
    kind: String,
    pub(super) open_key: Option<String>,
    subject: Option<String>,
    actor: Option<Uuid>,
    pub(super) actors: String,
    pub(super) actor_count: i64,
    is_seen: bool,
    is_read: bool,
    seen_until: Uuid,
    read_until: Uuid,
}

impl NoticeRow {
    /// Whether it counts as read.
    pub(super) fn is_read(&self) -> bool {
        self.is_read || self.id <= self.read_until
    }

    /// Whether it counts as seen.
    pub(super) fn is_seen(&self) -> bool {
        self.is_seen || self.id <= self.seen_until
    }

    /// Returns what the counts lose when it is removed.
    pub(super) fn counted(&self) -> Delta {
        let counts = |flag: bool| i64::from(!flag && !self.is_filtered);
        Delta { unseen: -counts(self.is_seen()), unread: -counts(self.is_read()) }
    }
}

impl TryFrom<NoticeRow> for Notice {
    type Error = Error;
    fn try_from(row: NoticeRow) -> Result<Self, Error> {
        let (is_seen, is_read) = (row.is_seen(), row.is_read());
        let actors = match row.actor {
            Some(actor) => vec![AccountId(actor)],
            None => parse_actors(&row.actors)?,
        };
        Ok(Self {
            id: row.id,
            group: row.group_id,
            kind: row.kind.into(),
            subject: row.subject,
            actors,
            actor_count: u64::try_from(row.actor_count).map_err(|_| Error::Corrupt("the actors of a notice"))?,
            is_seen,
            is_read,
            is_filtered: row.is_filtered,
        })
    }
}

/// Returns the actors as they are stored.
pub(super) fn join_actors(actors: &[AccountId]) -> String {
    actors.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Returns stored actors.
pub(super) fn parse_actors(text: &str) -> Result<Vec<AccountId>, Error> {
    let parse = |id: &str| id.parse().map(AccountId).map_err(|_| Error::Corrupt("the actors of a notice"));
    text.split(',').filter(|id| !id.is_empty()).map(parse).collect()
}

/// A change of the counts of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Delta {
    /// Of unseen notices.
    pub(super) unseen: i64,
    /// Of unread notices.
    pub(super) unread: i64,
}

impl Delta {
    /// Of a new notice.
    pub(super) fn of_new(is_filtered: bool) -> Self {
        let one = i64::from(!is_filtered);
        Self { unseen: one, unread: one }
    }

    fn plus(self, other: Self) -> Self {
        Self { unseen: self.unseen + other.unseen, unread: self.unread + other.unread }
    }
}

/// Changes the counts of members, and raises their greatest ids. Members without a row get one.
pub(super) async fn change_counts(tx: &Tx, changes: &[(AccountId, Delta, Uuid)]) -> Result<(), Error> {
    // Each member once in a statement, and in one order, so that two transactions don't wait for each other.
    let mut by_member: BTreeMap<AccountId, (Delta, Uuid)> = BTreeMap::new();
    for (member, delta, last) in changes {
        let (sum, greatest) = by_member.entry(*member).or_insert((Delta::default(), *last));
        (*sum, *greatest) = (sum.plus(*delta), (*greatest).max(*last));
    }
    let rows: Vec<(AccountId, (Delta, Uuid))> = by_member.into_iter().collect();
    let mut left = rows.as_slice();
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let own = chunk.iter().flat_map(|(member, (delta, last))| {
            [member.0.into(), (*last).into(), delta.unseen.into(), delta.unread.into()]
        });
        let values: Vec<Value> = std::iter::once(Uuid::nil().into()).chain(own).collect();
        let text = format!(
            "insert into recipient (member, last_id, seen_until, read_until, unseen, unread)
             values {}
             on conflict (member) do update
                set last_id = case when excluded.last_id > recipient.last_id
                                   then excluded.last_id
                                   else recipient.last_id end,
                    unseen = recipient.unseen + excluded.unseen,
                    unread = recipient.unread + excluded.unread",
            recipient_rows(chunk.len())
        );
        tx.execute(&text, values).await?;
    }
    Ok(())
}

/// Returns rows of recipients, each with four values of its own behind the cursors of one who has seen nothing.
fn recipient_rows(rows: usize) -> String {
    let row = |at: usize| {
        let (member, last, unseen, unread) = (2 + 4 * at, 3 + 4 * at, 4 + 4 * at, 5 + 4 * at);
        format!("(${member}, ${last}, $1, $1, ${unseen}, ${unread})")
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Deletes notices, and takes them out of the counts.
pub(super) async fn delete(tx: &Tx, rows: &[NoticeRow]) -> Result<(), Error> {
    for row in rows {
        let values = vec![row.member.into(), row.is_filtered.into(), row.id.into()];
        tx.execute(DELETE, values).await?;
    }
    let changes: Vec<_> = rows.iter().map(|row| (AccountId(row.member), row.counted(), row.id)).collect();
    change_counts(tx, &changes).await
}

const DELETE: &str = "
    delete from notice
     where member = $1
       and is_filtered = $2
       and id = $3";

const FIND: &str = "
       from notice
       join recipient
         on recipient.member = notice.member
      where notice.member = $1
        and notice.is_filtered in (false, true)
        and notice.id = $2";

/// Returns a notice of a member.
pub(super) async fn find(sql: &impl Sql, member: AccountId, id: Uuid) -> Result<Option<NoticeRow>, Error> {
    sql.row(&format!("select {COLUMNS} {FIND}"), vec![member.0.into(), id.into()]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_come_back() {
        let actors = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        assert_eq!(parse_actors(&join_actors(&actors)).unwrap(), actors);
        assert!(parse_actors("").unwrap().is_empty() && parse_actors("x").is_err());
    }
}

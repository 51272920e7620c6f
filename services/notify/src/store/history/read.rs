//! Reading notices and counts.
//!
//! Invariant: the counts are read, never counted; a list reads its own page of an index.

use std::collections::HashMap;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::rows::{COLUMNS, NoticeRow};
use crate::history::{Counts, Filter, Notice};
use crate::store::values::{bound, names_after};

/// Notices for each member of a statement that reads for several. If there are more, each member is read alone.
const MAX_ROWS_EACH: usize = 8;

/// Returns notices of a list below `before`, the newest first.
pub(crate) async fn list_below(
    sql: &impl Sql,
    member: AccountId,
    filter: Filter,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Notice>, Error> {
    let mut values: Vec<Value> = vec![member.0.into(), filter.is_filtered.into(), before.into(), bound(limit)];
    let of_kind = filter.kind.map_or("", |kind| {
        values.push(kind.as_str().into());
        "and notice.kind = $5"
    });
    let unread = if filter.is_unread {
        // A value that is known before the scan, so that it ends there.
        "and notice.is_read = false
            and notice.id > (
                select read_until
                  from recipient
                 where member = $1)"
    } else {
        ""
    };
    let text = format!(
        "select {COLUMNS}
           from notice
           join recipient
             on recipient.member = notice.member
          where notice.member = $1
            and notice.is_filtered = $2
            and notice.id < $3
            {of_kind}
            {unread}
          order by notice.id desc
          limit $4"
    );
    let rows: Vec<NoticeRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(Notice::try_from).collect()
}

/// Returns notices of the main list above `after`, the oldest first.
pub(crate) async fn list_above(
    sql: &impl Sql,
    member: AccountId,
    after: Uuid,
    limit: usize,
) -> Result<Vec<Notice>, Error> {
    let text = format!(
        "select {COLUMNS}
           from notice
           join recipient
             on recipient.member = notice.member
          where notice.member = $1
            and notice.is_filtered = false
            and notice.id > $2
          order by notice.id
          limit $3"
    );
    let rows: Vec<NoticeRow> = sql.rows(&text, vec![member.0.into(), after.into(), bound(limit)]).await?;
    rows.into_iter().map(Notice::try_from).collect()
}

/// Returns the same for several members, each above an id of its own; one who has none is left out.
pub(crate) async fn list_above_each(
    sql: &impl Sql,
    after: &[(AccountId, Uuid)],
    limit: usize,
) -> Result<HashMap<AccountId, Vec<Notice>>, Error> {
    let (mut found, mut left) = (HashMap::with_capacity(after.len()), after);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let max_rows = chunk.len() * MAX_ROWS_EACH;
        let text = format!(
            "with wanted (member, after_id) as (
                  values {}
             )
             select {COLUMNS}
               from wanted
               join notice
                 on notice.member = wanted.member
                and notice.is_filtered = false
                and notice.id > wanted.after_id
               join recipient
                 on recipient.member = notice.member
              limit ${}",
            placeholders(chunk.len(), 2),
            2 * chunk.len() + 1
        );
        let places = chunk.iter().flat_map(|(member, after)| [member.0.into(), (*after).into()]);
        let values: Vec<Value> = places.chain([bound(max_rows)]).collect();
        // A single member has a limit that is exact.
        let rows: Vec<NoticeRow> = if chunk.len() > 1 { sql.rows(&text, values).await? } else { Vec::new() };
        if chunk.len() == 1 || rows.len() == max_rows {
            for (member, after) in chunk {
                found.insert(*member, list_above(sql, *member, *after, limit).await?);
            }
            continue;
        }
        for row in rows {
            let of_member: &mut Vec<Notice> = found.entry(AccountId(row.member)).or_default();
            of_member.push(Notice::try_from(row)?);
        }
    }
    for notices in found.values_mut() {
        notices.sort_unstable_by_key(|notice| notice.id);
        notices.truncate(limit);
    }
    Ok(found)
}

/// Returns those of these notices that are in the main lists of their members.
pub(crate) async fn find_each(sql: &impl Sql, ids: &[(AccountId, Uuid)]) -> Result<Vec<(AccountId, Notice)>, Error> {
    let (mut found, mut left) = (Vec::with_capacity(ids.len()), ids);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        // SQLite would read all notices for `(member, id) in (…)`.
        let text = format!(
            "with wanted (member, id) as (
                  values {}
             )
             select {COLUMNS}
               from wanted
               join notice
                 on notice.member = wanted.member
                and notice.is_filtered = false
                and notice.id = wanted.id
               join recipient
                 on recipient.member = notice.member",
            placeholders(chunk.len(), 2)
        );
        let values: Vec<Value> = chunk.iter().flat_map(|(member, id)| [member.0.into(), (*id).into()]).collect();
        let rows: Vec<NoticeRow> = sql.rows(&text, values).await?;
        for row in rows {
            found.push((AccountId(row.member), Notice::try_from(row)?));
        }
    }
    Ok(found)
}

/// The row of a recipient, without its member.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub(super) struct RecipientRow {
    pub(super) last_id: Uuid,
    pub(super) seen_until: Uuid,
    pub(super) read_until: Uuid,
    unseen: i64,
    unread: i64,
}

const FIND_RECIPIENT: &str = "
    select last_id, seen_until, read_until, unseen, unread
      from recipient
     where member = $1";

/// Returns the row of a member; `None` for one who was never told anything.
pub(super) async fn find_recipient(sql: &impl Sql, member: AccountId) -> Result<Option<RecipientRow>, Error> {
    sql.row(FIND_RECIPIENT, vec![member.0.into()]).await
}

/// Returns the counts of a member.
pub(crate) async fn count_of(sql: &impl Sql, member: AccountId) -> Result<Counts, Error> {
    let row = find_recipient(sql, member).await?;
    // A negative count would be a fault; `tutti check notify` reports it.
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(row.map_or_else(Counts::default, |row| Counts { unseen: count(row.unseen), unread: count(row.unread) }))
}

/// Returns the greatest id that a notice of a member has or had.
pub(crate) async fn last_id_of(sql: &impl Sql, member: AccountId) -> Result<Uuid, Error> {
    Ok(find_recipient(sql, member).await?.map(|row| row.last_id).unwrap_or_default())
}

#[derive(FromQueryResult)]
struct CountsRow {
    member: Uuid,
    unseen: i64,
    unread: i64,
}

/// Returns the counts of members; a member who was never told anything is left out.
pub(crate) async fn counts_of_each(sql: &impl Sql, members: &[AccountId]) -> Result<Vec<(AccountId, Counts)>, Error> {
    let (mut found, mut left) = (Vec::with_capacity(members.len()), members);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let text =
            format!("select member, unseen, unread from recipient where member in {}", names_after(0, chunk.len()));
        let rows: Vec<CountsRow> = sql.rows(&text, chunk.iter().map(|member| member.0.into()).collect()).await?;
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        found.extend(
            rows.into_iter()
                .map(|row| (AccountId(row.member), Counts { unseen: count(row.unseen), unread: count(row.unread) })),
        );
    }
    Ok(found)
}

//! Adding a notice to many histories at once.
//!
//! Does not own notices that grow (`add_each.rs`). Invariant: a member has a shared notice once.

use std::collections::{HashMap, HashSet};

use base::Random;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::{Notified, NotifiedMember};
use db::{Error, FromQueryResult, Sql as _, Tx, Value, chunk_size};
use uuid::Uuid;

use super::rows::{Delta, change_counts};
use crate::history::{SharedNotice, Told, next_id};
use crate::store::values::names_after;

/// Returns the greatest ids of those of these members who have one from `first` on: none, unless a clock is behind.
pub(super) async fn last_ids_from(tx: &Tx, first: Uuid, members: &[AccountId]) -> Result<HashMap<Uuid, Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
        last_id: Uuid,
    }
    let text = format!(
        "select member, last_id
           from recipient
          where member in {}
            and last_id >= $1",
        names_after(1, members.len())
    );
    let values = std::iter::once(first.into()).chain(members.iter().map(|member| member.0.into()));
    let rows: Vec<Row> = tx.rows(&text, values.collect()).await?;
    Ok(rows.into_iter().map(|row| (row.member, row.last_id)).collect())
}

/// Adds a notice to many histories with one insert, and publishes it once.
pub(super) async fn add_shared(
    tx: &Tx,
    notice: &SharedNotice,
    members: &[(AccountId, bool)],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let accounts: Vec<AccountId> = members.iter().map(|(member, _)| *member).collect();
    let mut rows: Vec<(AccountId, bool, Uuid)> =
        members.iter().map(|(member, is_filtered)| (*member, *is_filtered, random.uuid_v7(now))).collect();
    let least = rows.iter().map(|(_, _, id)| *id).min().unwrap_or_default();
    let last = last_ids_from(tx, least, &accounts).await?;
    for (member, _, id) in &mut rows {
        *id = next_id(*id, last.get(&member.0).copied().unwrap_or_default());
    }
    let inserted = insert_shared(tx, notice, &rows).await?;
    let new: Vec<_> = rows.into_iter().filter(|(member, _, _)| inserted.contains(&member.0)).collect();
    let changes: Vec<_> = new.iter().map(|(member, filtered, id)| (*member, Delta::of_new(*filtered), *id)).collect();
    change_counts(tx, &changes).await?;
    let counted = new.iter().filter(|(_, is_filtered, _)| !is_filtered);
    let notices: Vec<NotifiedMember> =
        counted.map(|(member, _, id)| NotifiedMember { member: *member, notice: *id, group: *id }).collect();
    if !notices.is_empty() {
        tx.publish(&Notified { kind: notice.kind, notices, at: now }, now)?;
    }
    Ok(new.into_iter().map(|(member, _, id)| Told { member, id }).collect())
}

/// Inserts rows, but for those of members who have the notice. Returns the members that had none.
async fn insert_shared(
    tx: &Tx,
    notice: &SharedNotice,
    rows: &[(AccountId, bool, Uuid)],
) -> Result<HashSet<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let (mut inserted, mut left) = (HashSet::with_capacity(rows.len()), rows);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        // What all rows share is bound once, on SQLite too, which gets a value again for each place that names it: a
        // quarter of the values of whole rows. `where true` keeps SQLite from reading the conflict as a join's `on`.
        let values: Vec<Value> = [
            notice.kind.as_str().into(),
            // Under one key whether or not it is filtered: it does not grow, and is there once.
            notice.group_key.as_str().into(),
            notice.subject.as_str().into(),
            notice.actor.0.into(),
        ]
        .into_iter()
        .chain(
            chunk.iter().flat_map(|(member, is_filtered, id)| [member.0.into(), (*is_filtered).into(), (*id).into()]),
        )
        .collect();
        let text = format!(
            "with told (member, is_filtered, id) as (
                  values {}
             )
             insert into notice (
                 member, is_filtered, id, group_id, kind, open_key, subject, actor, actors, actor_count, is_seen,
                 is_read
             )
             select member, is_filtered, id, id, $1, $2, $3, $4, '', 1, false, false
               from told
              where true
             on conflict do nothing
             returning member",
            told_rows(chunk.len())
        );
        let new: Vec<Row> = tx.rows(&text, values).await?;
        inserted.extend(new.into_iter().map(|row| row.member));
    }
    Ok(inserted)
}

/// Returns the rows of what each member is told, with three values behind the four that all share.
fn told_rows(rows: usize) -> String {
    let row = |at: usize| format!("(${}, ${}, ${})", 5 + 3 * at, 6 + 3 * at, 7 + 3 * at);
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

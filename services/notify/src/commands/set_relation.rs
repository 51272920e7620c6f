//! Recording how one member stands to another.
//!
//! Invariant: a block, a mute, or the end of a follow is stored before the notices that it forbids are withdrawn; one
//! that is over withdraws none; an account that was erased gets no relation.

use chrono::{DateTime, Utc};
use db::Lane;

use super::withdraw::withdraw;
use super::withdraw_hidden::withdraw_hidden;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::model::{Relation, RelationKind};
use crate::state::Notify;
use crate::store::{people, relations};

/// Sets whether a relation holds since `at`, until a time or for good. A block takes away what each was told of the
/// other, a mute what its member was told; the end of a follow, or of being a close friend, what each was told of posts
/// that they could see by it.
pub(crate) async fn set_relation(
    notify: &Notify,
    relation: Relation,
    is_on: bool,
    until: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let Relation { member, other, kind } = relation;
    let is_newest = notify
        .context
        .db
        .write(Lane::of(&member).and(&other), async move |tx| {
            if !people::list_erased(tx, &[member, other]).await?.is_empty() {
                return Ok(false);
            }
            relations::set(tx, relation, is_on, until, at).await
        })
        .await?;
    let is_over = until.is_some_and(|until| until <= notify.context.clock.now());
    if !is_newest || (is_on && is_over) {
        return Ok(());
    }
    if !is_on {
        return end_relation(notify, relation).await;
    }
    if matches!(kind, RelationKind::Block | RelationKind::Mute) {
        withdraw(notify, &Withdrawn::Between { member, actor: other }).await?;
    }
    if kind == RelationKind::Block {
        withdraw(notify, &Withdrawn::Between { member: other, actor: member }).await?;
    }
    Ok(())
}

/// Withdraws what a relation has shown. What is for friends needs a follow in both directions, so its end hides posts
/// of the one who followed as well.
async fn end_relation(notify: &Notify, relation: Relation) -> Result<(), Error> {
    let Relation { member, other, kind } = relation;
    if !matches!(kind, RelationKind::Follow | RelationKind::Close) {
        return Ok(());
    }
    withdraw_hidden(notify, member).await?;
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let back = Relation { member: other, other: member, kind: RelationKind::Follow };
    if kind == RelationKind::Follow && relations::list(sql, &[other], &[member], now).await?.contains(&back) {
        withdraw_hidden(notify, other).await?;
    }
    Ok(())
}

//! The rows of an erased account, but for its history.
//!
//! Invariant: a step deletes a bounded number of rows.

use contract::AccountId;
use db::{Error, Sql as _, Tx};

use super::values::bound;

/// Each deletes rows of the account `$1`, at most `$2` of a table that may have many.
const STEPS: [&str; 13] = [
    "
    delete from relation
     where (member, other, kind) in (
           select member, other, kind
             from relation
            where member = $1
            limit $2)",
    "
    delete from relation
     where (member, other, kind) in (
           select member, other, kind
             from relation
            where other = $1
            limit $2)",
    "
    delete from subject_mute
     where (member, subject) in (
           select member, subject
             from subject_mute
            where member = $1
            limit $2)",
    "
    delete from media_owner
     where media in (
           select media
             from media_owner
            where owner = $1
            limit $2)",
    "
    delete from fan_out
     where post in (
           select post
             from fan_out
            where author = $1
            limit $2)",
    "
    delete from post_audience
     where post in (
           select post
             from post_audience
            where author = $1
            limit $2)",
    "
    delete from device
     where id in (
           select id
             from device
            where member = $1
            limit $2)",
    "
    delete from push
     where id in (
           select id
             from push
            where member = $1
            limit $2)",
    "
    delete from reminder
     where id in (
           select id
             from reminder
            where member = $1
            limit $2)",
    "
    delete from dated_member
     where (subject, member) in (
           select subject, member
             from dated_member
            where member = $1
            limit $2)",
    "
    delete from announcement_mark
     where (member, announcement) in (
           select member, announcement
             from announcement_mark
            where member = $1
            limit $2)",
    "
    delete from notice_mail
     where (member, group_id) in (
           select member, group_id
             from notice_mail
            where member = $1
            limit $2)",
    "
    delete from settings
     where member in (
           select member
             from settings
            where member = $1
            limit $2)",
];

const REMOVE_MAILED: &str = "
    delete from mailed_member
     where member = $1";

const REMOVE_READER: &str = "
    delete from announcement_reader
     where member = $1";

const REMOVE_PERSON: &str = "
    delete from person
     where account = $1";

/// Deletes some rows of an account, and returns how many; 0 when none is left.
pub(crate) async fn remove(tx: &Tx, account: AccountId, limit: usize) -> Result<u64, Error> {
    let mut removed = tx.execute(REMOVE_PERSON, vec![account.0.into()]).await?;
    for statement in [REMOVE_MAILED, REMOVE_READER] {
        removed += tx.execute(statement, vec![account.0.into()]).await?;
    }
    for step in STEPS {
        removed += tx.execute(step, vec![account.0.into(), bound(limit)]).await?;
    }
    Ok(removed)
}

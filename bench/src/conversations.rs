//! Conversations in chat's database, as its own statements would have written them.
//!
//! Does not own the schema: the server has made it. Invariant: all members take part and have no message yet, so that
//! the sequence of a conversation begins with the first one that is sent.

use base::Random;
use chrono::{DateTime, Utc};
use db::{Db, Value};
use uuid::Uuid;

use crate::Error;
use crate::community::rows::insert;

/// The tables that are written, for PostgreSQL's statistics.
pub const TABLES: [&str; 2] = ["conversation", "conversation_member"];

const CONVERSATION: &str = "conversation (id, kind, pair, epoch, last_seq, created_at)";
const MEMBER: &str = "conversation_member (
    conversation, account, state, is_admin, is_taken_out, from_seq, read_seq, delivered_seq, told_read_seq,
    told_delivered_seq, position, joined_at
)";

/// Inserts a conversation of each of these sets of members: of two, or a group. Returns their ids in the same order.
pub async fn insert_each(db: &Db, sets: &[&[Uuid]], random: &Random, now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let ids: Vec<Uuid> = sets.iter().map(|_| random.uuid_v7(now)).collect();
    let conversations = ids.iter().zip(sets).map(|(id, members)| {
        let pair = pair_key(members);
        let kind = if pair.is_some() { "pair" } else { "group" };
        [(*id).into(), kind.into(), pair.into(), 1_i64.into(), 0_i64.into(), now.into()]
    });
    insert(db, CONVERSATION, conversations).await?;
    let position = now.timestamp_micros();
    let members = ids.iter().zip(sets).flat_map(|(id, members)| {
        let member = |account: &Uuid| -> [Value; 12] {
            let none = || Value::from(0_i64);
            [
                (*id).into(),
                (*account).into(),
                "joined".into(),
                false.into(),
                false.into(),
                none(),
                none(),
                none(),
                none(),
                none(),
                position.into(),
                now.into(),
            ]
        };
        members.iter().map(member).collect::<Vec<[Value; 12]>>()
    });
    insert(db, MEMBER, members).await?;
    Ok(ids)
}

/// Returns the key of a conversation of two; `None` for a group.
fn pair_key(members: &[Uuid]) -> Option<String> {
    match members {
        [one, other] => Some(format!("{} {}", one.min(other), one.max(other))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_members_have_one_key_in_either_order_and_a_group_has_none() {
        let [one, other, third] = [1, 2, 3].map(Uuid::from_u128);
        assert_eq!(pair_key(&[one, other]), pair_key(&[other, one]));
        assert_eq!((pair_key(&[one, other]).is_some(), pair_key(&[one, other, third])), (true, None));
    }
}

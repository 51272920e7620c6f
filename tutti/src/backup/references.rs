//! What the roles of a restored copy say of each other.
//!
//! Each role has its own database and copies what it needs of others from their events, so a point that is not of one
//! moment would show here. Only a drill asks across roles. Invariant: every row of the table is a promise that holds
//! once all events are handled.

use std::collections::HashSet;

use db::{FromQueryResult, Sql as _};
use objects::reconcile::RoleDatabase;
use sea_orm::TransactionTrait as _;
use uuid::Uuid;

/// A set of ids in a role's database.
struct Ids {
    role: &'static str,
    /// Selects them as `id`.
    query: &'static str,
    is_uuid: bool,
}

const ACCOUNTS: Ids = Ids { role: "accounts", query: "select id from account", is_uuid: true };
const ITEMS: Ids = Ids { role: "media", query: "select id from item", is_uuid: false };
const READY_ITEMS: Ids = Ids { role: "media", query: "select id from item where state = 'ready'", is_uuid: false };
const OWNERS: Ids = Ids { role: "media", query: "select distinct owner as id from item", is_uuid: false };
const READABLE_ITEMS: Ids = Ids { role: "delivery", query: "select id from item", is_uuid: false };
const PEOPLE: Ids = Ids { role: "social", query: "select account as id from person", is_uuid: true };

/// Each id of the first set is in the second one.
const REFERENCES: [(&str, &Ids, &Ids); 4] = [
    ("items of media without their owner's account", &OWNERS, &ACCOUNTS),
    ("people of social without an account", &PEOPLE, &ACCOUNTS),
    ("items of delivery that media does not have", &READABLE_ITEMS, &ITEMS),
    ("ready items of media that delivery does not have", &READY_ITEMS, &READABLE_ITEMS),
];

/// The segments that the playlists of complete renditions have.
const SEGMENTS: &str = "
    select r.item as item,
           r.name as rendition,
           r.total_segments as expected,
           count(s.number) as present,
           coalesce(max(s.number) - min(s.number) + 1, 0) as span
      from rendition r
      left join segment s
        on s.item = r.item
       and s.rendition = r.name
     where r.total_segments is not null
     group by r.item, r.name, r.total_segments";

#[derive(FromQueryResult)]
struct TextId {
    id: String,
}

#[derive(FromQueryResult)]
struct UuidId {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct PlaylistRow {
    item: String,
    rendition: String,
    expected: i64,
    present: i64,
    span: i64,
}

/// Returns what is wrong, as sentences; at most `max` ids of each kind.
pub(super) async fn check(databases: &[RoleDatabase], max: usize) -> Result<Vec<String>, db::Error> {
    let mut problems = Vec::new();
    for (about, from, to) in REFERENCES {
        let (from, to) = (read(databases, from).await?, read(databases, to).await?);
        let mut lost: Vec<&String> = from.difference(&to).collect();
        if !lost.is_empty() {
            lost.sort_unstable();
            let shown: Vec<&str> = lost.iter().take(max).map(|id| id.as_str()).collect();
            problems.push(format!("{} {about}: {}", lost.len(), shown.join(", ")));
        }
    }
    let ready = read(databases, &READY_ITEMS).await?;
    for row in rows::<PlaylistRow>(databases, "delivery", SEGMENTS).await? {
        let is_whole = row.present == row.expected && row.span == row.present;
        if ready.contains(&row.item) && !is_whole && problems.len() < max {
            problems.push(format!(
                "the playlist {} of {} has {} of {} segments",
                row.rendition, row.item, row.present, row.expected
            ));
        }
    }
    Ok(problems)
}

async fn read(databases: &[RoleDatabase], ids: &Ids) -> Result<HashSet<String>, db::Error> {
    if ids.is_uuid {
        let rows = rows::<UuidId>(databases, ids.role, ids.query).await?;
        return Ok(rows.into_iter().map(|row| row.id.to_string()).collect());
    }
    Ok(rows::<TextId>(databases, ids.role, ids.query).await?.into_iter().map(|row| row.id).collect())
}

/// Returns the rows of a query; none if there is no such role.
async fn rows<T: FromQueryResult + Send>(
    databases: &[RoleDatabase],
    role: &str,
    query: &str,
) -> Result<Vec<T>, db::Error> {
    let Some(database) = databases.iter().find(|database| database.service == role) else { return Ok(Vec::new()) };
    // In a transaction, whose statements take as long as they take.
    let transaction = database.db.read().begin().await?;
    let rows = transaction.rows(query, vec![]).await?;
    transaction.rollback().await?;
    Ok(rows)
}

//! The list of pictures that may not be shown here, and how far the pictures of items were compared with it.
//!
//! Invariant: every write holds the lane of the list, so entries commit in the order of their numbers, and a reader
//! that has seen one number has missed none below it. A removal is counted, because it leaves no row.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use screening::pdq::Pdq;
use uuid::Uuid;

use super::{from_bigint, to_bigint};

/// The lane of the list.
pub(crate) const LANE: &str = "listed pictures";
/// The origin of entries that operators have imported; another one is the id of a decision.
pub(crate) const IMPORTED: &str = "import";
/// The values of a row.
const COLUMNS: usize = 6;

/// An entry of the list.
#[derive(Debug, Clone)]
pub(crate) struct ListedPicture {
    pub id: Uuid,
    pub hash: Pdq,
    /// [`IMPORTED`], or the id of the decision that it comes from.
    pub origin: String,
    pub note: String,
    /// Its number among all changes.
    pub change: u64,
    pub added_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    hash: String,
    origin: String,
    note: String,
    change: i64,
    added_at: DateTime<Utc>,
}

impl TryFrom<Row> for ListedPicture {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            hash: row.hash.parse().map_err(|_| Error::Corrupt("a listed hash"))?,
            origin: row.origin,
            note: row.note,
            change: from_bigint(row.change, "the number of a listed picture")?,
            added_at: row.added_at,
        })
    }
}

/// How far the list is, and how far the pictures of items were compared with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListState {
    /// The number of the newest entry.
    pub changes: u64,
    /// How often entries were removed.
    pub removals: u64,
    /// The number up to which all items were compared.
    pub checked: u64,
    /// The number up to which they are being compared; [`Self::checked`] while they are not.
    pub checking: u64,
    /// The item behind which the comparison goes on.
    pub walked: String,
    /// The removals after which the items that were like removed entries are shown again.
    pub released: u64,
}

#[derive(FromQueryResult)]
struct StateRow {
    changes: i64,
    removals: i64,
    checked: i64,
    checking: i64,
    walked: String,
    released: i64,
}

const FIND_STATE: &str = "
    select changes, removals, checked, checking, walked, released
      from picture_list
     where id = 1";

/// Returns the state of the list.
pub(crate) async fn find_state(sql: &impl Sql) -> Result<ListState, Error> {
    let row: Option<StateRow> = sql.row(FIND_STATE, Vec::new()).await?;
    let Some(row) = row else { return Ok(ListState::default()) };
    let number = |stored| from_bigint(stored, "the state of the list of pictures");
    Ok(ListState {
        changes: number(row.changes)?,
        removals: number(row.removals)?,
        checked: number(row.checked)?,
        checking: number(row.checking)?,
        walked: row.walked,
        released: number(row.released)?,
    })
}

const COUNT_CHANGES: &str = "
    insert into picture_list (id, changes, removals, checked, checking, walked, released)
    values (1, $1, $2, 0, 0, '', 0)
    on conflict (id) do update
       set changes = picture_list.changes + excluded.changes,
           removals = picture_list.removals + excluded.removals
    returning changes";

/// Counts new entries and removals. Returns the number of the newest entry then.
async fn count_changes(tx: &Tx, added: u64, removals: u64) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Changes {
        changes: i64,
    }
    let row: Option<Changes> = tx.row(COUNT_CHANGES, vec![to_bigint(added), to_bigint(removals)]).await?;
    from_bigint(row.map_or(0, |row| row.changes), "the number of a listed picture")
}

const SET_WALKED: &str = "
    update picture_list
       set checked = $1,
           checking = $2,
           walked = $3
     where id = 1";

/// Records how far the pictures of items were compared.
pub(crate) async fn set_walked(tx: &Tx, checked: u64, checking: u64, walked: &str) -> Result<(), Error> {
    tx.execute(SET_WALKED, vec![to_bigint(checked), to_bigint(checking), walked.into()]).await.map(drop)
}

/// Records that the items that were like removed entries are shown again.
pub(crate) async fn set_released(tx: &Tx, removals: u64) -> Result<(), Error> {
    tx.execute("update picture_list set released = $1 where id = 1", vec![to_bigint(removals)]).await.map(drop)
}

/// An entry that is added.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub id: Uuid,
    pub hash: Pdq,
}

/// Adds entries of one origin, at most a few hundred. Returns how many of them are new. The caller holds [`LANE`].
pub(crate) async fn insert_all(
    tx: &Tx,
    entries: &[NewEntry],
    origin: &str,
    note: &str,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    if entries.is_empty() {
        return Ok(0);
    }
    let newest = count_changes(tx, entries.len() as u64, 0).await?;
    let first = newest.saturating_sub(entries.len() as u64) + 1;
    let mut values: Vec<Value> = Vec::with_capacity(entries.len() * COLUMNS);
    for (change, entry) in (first..).zip(entries) {
        let hash = entry.hash.to_string();
        values.extend([entry.id.into(), hash.into(), origin.into(), note.into(), to_bigint(change), now.into()]);
    }
    let text = format!(
        "insert into listed_picture (id, hash, origin, note, change, added_at)
         values {}
         on conflict do nothing",
        placeholders(entries.len(), COLUMNS)
    );
    tx.execute(&text, values).await
}

const COUNT: &str = "select count(*) as entries from listed_picture";

/// Returns how many entries the list has.
pub(crate) async fn count(sql: &impl Sql) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        entries: i64,
    }
    let row: Option<Count> = sql.row(COUNT, Vec::new()).await?;
    from_bigint(row.map_or(0, |row| row.entries), "a count")
}

const FIND: &str = "
    select id, hash, origin, note, change, added_at
      from listed_picture
     where id = $1";

/// Returns an entry.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<ListedPicture>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![id.into()]).await?;
    row.map(ListedPicture::try_from).transpose()
}

const LIST_BETWEEN: &str = "
    select id, hash, origin, note, change, added_at
      from listed_picture
     where change > $1
       and change <= $2
     order by change
     limit $3";

/// Returns entries behind a number and up to another one, the oldest first.
pub(crate) async fn list_between(
    sql: &impl Sql,
    after: u64,
    last: u64,
    limit: usize,
) -> Result<Vec<ListedPicture>, Error> {
    let values = vec![to_bigint(after), to_bigint(last), to_bigint(limit as u64)];
    let rows: Vec<Row> = sql.rows(LIST_BETWEEN, values).await?;
    rows.into_iter().map(ListedPicture::try_from).collect()
}

const LIST_NEWEST: &str = "
    select id, hash, origin, note, change, added_at
      from listed_picture
     where change < $1
     order by change desc
     limit $2";

/// Returns entries below a number, the newest first.
pub(crate) async fn list_newest(sql: &impl Sql, before: u64, limit: usize) -> Result<Vec<ListedPicture>, Error> {
    let rows: Vec<Row> = sql.rows(LIST_NEWEST, vec![to_bigint(before), to_bigint(limit as u64)]).await?;
    rows.into_iter().map(ListedPicture::try_from).collect()
}

const REMOVE: &str = "
    delete from listed_picture
     where id = $1
    returning id, hash, origin, note, change, added_at";

/// Removes an entry, and returns it. The caller holds [`LANE`].
pub(crate) async fn remove(tx: &Tx, id: Uuid) -> Result<Option<ListedPicture>, Error> {
    let row: Option<Row> = tx.row(REMOVE, vec![id.into()]).await?;
    if row.is_some() {
        count_changes(tx, 0, 1).await?;
    }
    row.map(ListedPicture::try_from).transpose()
}

/// Removes the entries of an origin. The caller holds [`LANE`].
pub(crate) async fn remove_by_origin(tx: &Tx, origin: &str) -> Result<(), Error> {
    let removed = tx.execute("delete from listed_picture where origin = $1", vec![origin.into()]).await?;
    if removed > 0 {
        count_changes(tx, 0, 1).await?;
    }
    Ok(())
}

//! Rows of announcements, of what their readers have seen, and of single marks.
//!
//! Invariant: a reader has one row, whatever the number of announcements; a mark is written for a single announcement
//! that a member reads or removes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, from_micros, micros, names_after};
use crate::model::{Announcement, AnnouncementReader, Language};

/// The most announcements that are read for a member.
const MAX_CURRENT: usize = 200;

#[derive(FromQueryResult)]
struct AnnouncementRow {
    id: Uuid,
    category: String,
    role: Option<String>,
    language: Option<String>,
    texts: String,
    url: Option<String>,
    starts_us: i64,
    ends_us: i64,
    cancelled_us: Option<i64>,
    seen_count: i64,
}

impl TryFrom<AnnouncementRow> for Announcement {
    type Error = Error;
    fn try_from(row: AnnouncementRow) -> Result<Self, Error> {
        let time = |us| Ok::<_, Error>(from_micros(Some(us), "the time of an announcement")?.unwrap_or_default());
        let language = row.language.map(|language| language.parse::<Language>()).transpose();
        Ok(Self {
            id: row.id,
            category: row.category.parse().map_err(|_| Error::Corrupt("the category of an announcement"))?,
            role: row.role,
            language: language.map_err(|_| Error::Corrupt("the language of an announcement"))?,
            texts: serde_json::from_str(&row.texts).map_err(|_| Error::Corrupt("the texts of an announcement"))?,
            url: row.url,
            starts_at: time(row.starts_us)?,
            ends_at: time(row.ends_us)?,
            cancelled_at: from_micros(row.cancelled_us, "the time of an announcement")?,
            seen_count: row.seen_count.unsigned_abs(),
        })
    }
}

fn announcements(rows: Vec<AnnouncementRow>) -> Result<Vec<Announcement>, Error> {
    rows.into_iter().map(Announcement::try_from).collect()
}

const INSERT: &str = "
    insert into announcement (
        id, category, role, language, texts, url, starts_us, ends_us, cancelled_us, seen_count
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, null, 0)";

/// Inserts an announcement.
pub(crate) async fn insert(tx: &Tx, new: &Announcement) -> Result<(), Error> {
    let texts = serde_json::to_string(&new.texts).map_err(|_| Error::Corrupt("the texts of an announcement"))?;
    let values = vec![
        new.id.into(),
        new.category.as_str().into(),
        new.role.clone().into(),
        new.language.map(|language| language.as_str().to_owned()).into(),
        texts.into(),
        new.url.clone().into(),
        micros(new.starts_at),
        micros(new.ends_at),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// The columns of an [`AnnouncementRow`].
const COLUMNS: &str = "id, category, role, language, texts, url, starts_us, ends_us, cancelled_us, seen_count";

/// Returns the announcements that were not over at a time, in the order of their ids.
pub(crate) async fn list_current(sql: &impl Sql, since: DateTime<Utc>) -> Result<Vec<Announcement>, Error> {
    let text = format!(
        "select {COLUMNS}
           from announcement
          where ends_us > $1
          order by ends_us
          limit $2"
    );
    let mut current = announcements(sql.rows(&text, vec![micros(since), bound(MAX_CURRENT)]).await?)?;
    current.sort_unstable_by_key(|one| one.id);
    Ok(current)
}

/// Returns announcements below an id, the newest first.
pub(crate) async fn list(sql: &impl Sql, before: Uuid, limit: usize) -> Result<Vec<Announcement>, Error> {
    let text = format!(
        "select {COLUMNS}
           from announcement
          where id < $1
          order by id desc
          limit $2"
    );
    announcements(sql.rows(&text, vec![before.into(), bound(limit)]).await?)
}

/// Returns the announcements with these ids.
pub(crate) async fn list_each(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Announcement>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select {COLUMNS} from announcement where id in {}", names_after(0, ids.len()));
    announcements(sql.rows(&text, ids.iter().map(|id| (*id).into()).collect()).await?)
}

#[derive(FromQueryResult)]
struct CountRow {
    announcements: i64,
}

const COUNT_BETWEEN: &str = "
    select count(*) as announcements
      from announcement
     where starts_us > $1
       and starts_us < $2
       and cancelled_us is null";

/// Returns how many announcements begin between two times.
pub(crate) async fn count_between(sql: &impl Sql, after: DateTime<Utc>, before: DateTime<Utc>) -> Result<u64, Error> {
    let row: Option<CountRow> = sql.row(COUNT_BETWEEN, vec![micros(after), micros(before)]).await?;
    Ok(row.map_or(0, |row| row.announcements.unsigned_abs()))
}

const COUNT_CURRENT: &str = "
    select count(*) as announcements
      from announcement
     where ends_us > $1";

/// Returns how many announcements were not over at a time.
pub(crate) async fn count_current(sql: &impl Sql, since: DateTime<Utc>) -> Result<u64, Error> {
    let row: Option<CountRow> = sql.row(COUNT_CURRENT, vec![micros(since)]).await?;
    Ok(row.map_or(0, |row| row.announcements.unsigned_abs()))
}

const CANCEL: &str = "
    update announcement
       set cancelled_us = $2
     where id = $1
       and cancelled_us is null";

/// Cancels an announcement. Returns `false` if it is cancelled already, or there is none.
pub(crate) async fn cancel(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(CANCEL, vec![id.into(), micros(now)]).await? == 1)
}

const COUNT_SEEN: &str = "
    update announcement
       set seen_count = seen_count + 1
     where id = $1";

/// Counts one more member who has seen an announcement.
pub(crate) async fn count_seen(tx: &Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(COUNT_SEEN, vec![id.into()]).await.map(drop)
}

/// Returns what is known of members as readers; one of whom nothing is known is left out.
pub(crate) async fn list_readers(
    sql: &impl Sql,
    members: &[AccountId],
) -> Result<Vec<(AccountId, AnnouncementReader)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
        seen_until: Uuid,
        read_until: Uuid,
        roles: String,
        language: Option<String>,
        promotions_us: Option<i64>,
    }
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select member, seen_until, read_until, roles, language, promotions_us
           from announcement_reader
          where member in {}",
        names_after(0, members.len())
    );
    let rows: Vec<Row> = sql.rows(&text, members.iter().map(|member| member.0.into()).collect()).await?;
    let read = |row: Row| {
        let reader = AnnouncementReader {
            seen_until: row.seen_until,
            read_until: row.read_until,
            roles: row.roles.split(',').filter(|role| !role.is_empty()).map(str::to_owned).collect(),
            // A language of a later release is none that this one knows.
            language: row.language.and_then(|language| language.parse().ok()),
            promotions_since: from_micros(row.promotions_us, "the time of a consent")?,
        };
        Ok((AccountId(row.member), reader))
    };
    rows.into_iter().map(read).collect()
}

/// Returns what is known of a member as a reader.
pub(crate) async fn find_reader(sql: &impl Sql, member: AccountId) -> Result<Option<AnnouncementReader>, Error> {
    Ok(list_readers(sql, &[member]).await?.pop().map(|(_, reader)| reader))
}

const SET_READER: &str = "
    insert into announcement_reader (member, seen_until, read_until, roles, language, promotions_us)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (member) do update
       set seen_until = excluded.seen_until,
           read_until = excluded.read_until,
           roles = excluded.roles,
           language = excluded.language,
           promotions_us = excluded.promotions_us";

/// Stores what is known of a member as a reader.
pub(crate) async fn set_reader(tx: &Tx, member: AccountId, reader: &AnnouncementReader) -> Result<(), Error> {
    let values = vec![
        member.0.into(),
        reader.seen_until.into(),
        reader.read_until.into(),
        reader.roles.join(",").into(),
        reader.language.map(|language| language.as_str().to_owned()).into(),
        reader.promotions_since.map(|since| since.timestamp_micros()).into(),
    ];
    tx.execute(SET_READER, values).await.map(drop)
}

/// What a member has done with a single announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AnnouncementMark {
    /// Seen it.
    pub is_seen: bool,
    /// Read it.
    pub is_read: bool,
    /// Removed it.
    pub is_removed: bool,
}

/// The marks of a member, by announcement.
pub(crate) type Marks = HashMap<Uuid, AnnouncementMark>;

/// Returns the marks of members. Each has no more of them than announcements are kept.
pub(crate) async fn list_marks_of_each(
    sql: &impl Sql,
    members: &[AccountId],
) -> Result<HashMap<AccountId, Marks>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
        announcement: Uuid,
        is_seen: bool,
        is_read: bool,
        is_removed: bool,
    }
    if members.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "select member, announcement, is_seen, is_read, is_removed
           from announcement_mark
          where member in {}",
        names_after(0, members.len())
    );
    let rows: Vec<Row> = sql.rows(&text, members.iter().map(|member| member.0.into()).collect()).await?;
    let mut of_each: HashMap<AccountId, Marks> = HashMap::new();
    for Row { member, announcement, is_seen, is_read, is_removed } in rows {
        let mark = AnnouncementMark { is_seen, is_read, is_removed };
        of_each.entry(AccountId(member)).or_default().insert(announcement, mark);
    }
    Ok(of_each)
}

/// Returns the marks of a member.
pub(crate) async fn list_marks(sql: &impl Sql, member: AccountId) -> Result<Marks, Error> {
    Ok(list_marks_of_each(sql, &[member]).await?.remove(&member).unwrap_or_default())
}

const SET_MARK: &str = "
    insert into announcement_mark (member, announcement, is_seen, is_read, is_removed)
    values ($1, $2, $3, $4, $5)
    on conflict (member, announcement) do update
       set is_seen = excluded.is_seen,
           is_read = excluded.is_read,
           is_removed = excluded.is_removed";

/// Stores a mark.
pub(crate) async fn set_mark(tx: &Tx, member: AccountId, id: Uuid, mark: AnnouncementMark) -> Result<(), Error> {
    let AnnouncementMark { is_seen, is_read, is_removed } = mark;
    let values = vec![member.0.into(), id.into(), is_seen.into(), is_read.into(), is_removed.into()];
    tx.execute(SET_MARK, values).await.map(drop)
}

const REMOVE_OLD_MARKS: &str = "
    delete from announcement_mark
     where (member, announcement) in (
           select announcement_mark.member, announcement_mark.announcement
             from announcement
             join announcement_mark
               on announcement_mark.announcement = announcement.id
            where announcement.ends_us < $1
            limit $2)";

const REMOVE_OLD: &str = "
    delete from announcement
     where id in (
           select id
             from announcement
            where ends_us < $1
            order by ends_us
            limit $2)
       and not exists (
           select 1
             from announcement_mark
            where announcement_mark.announcement = announcement.id)";

/// Removes announcements that were over before a time, with their marks. Returns how many rows of the larger table.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let marks = tx.execute(REMOVE_OLD_MARKS, vec![micros(before), bound(limit)]).await?;
    Ok(marks.max(tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await?))
}

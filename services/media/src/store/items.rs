//! The table of items.
//!
//! Does not own the states of items ([`super::item_states`]), nor the trash ([`super::trash`]). Invariant: rows of one
//! owner with the same bytes name the same object, which stays while one of them exists.

use chrono::{DateTime, Utc};
use contract::accounts::AVATAR_SUBJECT;
use contract::media::{Patch, Visibility};
use contract::{AccountId, MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use screening::classifier::Score;
use uuid::Uuid;

use super::{from_bigint, from_optional_bigint, search_index, to_bigint, to_optional_bigint};
use crate::model::item_change::ItemUpdate;
use crate::model::library::Listing;
use crate::model::sensitivity::Marks;
use crate::model::withheld::Withheld;
use crate::model::{Failure, Item, Trashed, captions, tags};

pub(super) const COLUMNS: &str = "
    id, owner, name, description, alt, kind, format, content_type, state, visibility, bytes, sha256, object,
    (scrub is not null) as has_scrub, width, height, duration_ms, orientation, tags, taken_at, camera, thumbhash,
    assets, captions, percent, remaining_ms, failure_code, failure_detail, claimed, subject, removed_at, purges_at,
    withheld_by, withheld_entry, withheld_at, withheld_visibility, nudity, owner_mark, moderator_mark,
    sensitivity_version, version, created_at, updated_at";

#[derive(FromQueryResult)]
pub(super) struct Row {
    id: String,
    owner: String,
    name: String,
    description: String,
    alt: String,
    kind: String,
    format: String,
    content_type: String,
    state: String,
    visibility: String,
    bytes: i64,
    sha256: String,
    object: String,
    has_scrub: bool,
    width: Option<i64>,
    height: Option<i64>,
    duration_ms: Option<i64>,
    orientation: i64,
    tags: String,
    taken_at: Option<DateTime<Utc>>,
    camera: Option<String>,
    thumbhash: Option<String>,
    assets: String,
    captions: String,
    percent: Option<i64>,
    remaining_ms: Option<i64>,
    failure_code: Option<String>,
    failure_detail: Option<String>,
    claimed: bool,
    subject: Option<String>,
    removed_at: Option<DateTime<Utc>>,
    purges_at: Option<DateTime<Utc>>,
    withheld_by: Option<Uuid>,
    withheld_entry: Option<Uuid>,
    withheld_at: Option<DateTime<Utc>>,
    withheld_visibility: Option<String>,
    nudity: Option<i64>,
    owner_mark: Option<bool>,
    moderator_mark: Option<bool>,
    sensitivity_version: i64,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Item {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let withheld = row.withheld_by.map(|verdict| -> Result<Withheld, Error> {
            let visibility = row.withheld_visibility.as_deref().unwrap_or("private").parse::<Visibility>();
            Ok(Withheld {
                verdict,
                entry: row.withheld_entry,
                at: row.withheld_at.unwrap_or(row.updated_at),
                visibility: visibility.map_err(|_| Error::Corrupt("an item's earlier visibility"))?,
            })
        });
        Ok(Self {
            withheld: withheld.transpose()?,
            id: row.id.try_into().map_err(|_| Error::Corrupt("an item's id"))?,
            owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("an item's owner"))?),
            name: row.name,
            description: row.description,
            alt: row.alt,
            kind: row.kind.parse().map_err(|_| Error::Corrupt("an item's kind"))?,
            format: row.format,
            content_type: row.content_type,
            state: row.state.parse().map_err(|_| Error::Corrupt("an item's state"))?,
            visibility: row.visibility.parse().map_err(|_| Error::Corrupt("an item's visibility"))?,
            bytes: from_bigint(row.bytes, "an item's size")?,
            sha256: row.sha256,
            object: row.object.try_into().map_err(|_| Error::Corrupt("an item's object"))?,
            has_scrub: row.has_scrub,
            width: from_optional_bigint(row.width, "an item's width")?,
            height: from_optional_bigint(row.height, "an item's height")?,
            duration_ms: from_optional_bigint(row.duration_ms, "an item's length")?,
            orientation: from_bigint(row.orientation, "an item's orientation")?,
            tags: tags::from_column(&row.tags),
            taken_at: row.taken_at,
            camera: row.camera,
            thumbhash: row.thumbhash,
            assets: row.assets.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            captions: captions::from_column(&row.captions).ok_or(Error::Corrupt("an item's captions"))?,
            percent: from_optional_bigint(row.percent, "an item's progress")?,
            remaining_ms: from_optional_bigint(row.remaining_ms, "an item's progress")?,
            failure: row.failure_code.map(|code| Failure { code, detail: row.failure_detail.unwrap_or_default() }),
            claimed: row.claimed,
            subject: row.subject,
            trashed: row.removed_at.zip(row.purges_at).map(|(removed_at, purges_at)| Trashed { removed_at, purges_at }),
            marks: Marks {
                nudity: from_optional_bigint(row.nudity, "an item's score")?.map(Score::of_thousandths),
                owner: row.owner_mark,
                moderator: row.moderator_mark,
                version: from_bigint(row.sensitivity_version, "the version of an item's marks")?,
            },
            version: from_bigint(row.version, "an item's version")?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) fn first(row: Option<Row>) -> Result<Option<Item>, Error> {
    row.map(Item::try_from).transpose()
}

const INSERT: &str = "
    insert into item (
        id, owner, name, kind, format, content_type, state, visibility, bytes, sha256, object, scrub, width, height,
        duration_ms, orientation, tags, words, taken_at, camera, assets, claimed, claim_by, version, indexed_version,
        created_at, updated_at, listing, description, alt
    )
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
           coalesce((select same.object from item same where same.owner = $2 and same.sha256 = $10 limit 1), $11),
           $12, $13, $14, $15, $16, $17, $18, $19, $20, '', $21, $22, 1, 1, $23, $23, $24, $25, $26
    returning object";

/// Inserts an item. Where the owner has the same bytes already, the item shares their object. Returns the object that
/// it has.
///
/// The caller holds the lane of the owner: otherwise the item whose object is shared could be removed at the same time.
pub(crate) async fn insert(
    tx: &Tx,
    item: &Item,
    scrub: Option<&[Patch]>,
    claim_by: Option<DateTime<Utc>>,
) -> Result<ObjectKey, Error> {
    #[derive(FromQueryResult)]
    struct Inserted {
        object: String,
    }
    let scrub = scrub.map(serde_json::to_string).transpose().map_err(|_| Error::Corrupt("overlays"))?;
    let values = vec![
        item.id.as_str().into(),
        item.owner.to_string().into(),
        item.name.clone().into(),
        item.kind.as_str().into(),
        item.format.clone().into(),
        item.content_type.clone().into(),
        item.state.as_str().into(),
        item.visibility.as_str().into(),
        to_bigint(item.bytes),
        item.sha256.clone().into(),
        item.object.as_str().into(),
        scrub.into(),
        item.width.map(i64::from).into(),
        item.height.map(i64::from).into(),
        to_optional_bigint(item.duration_ms),
        i64::from(item.orientation).into(),
        tags::to_column(&item.tags).into(),
        Item::words(&item.name, &item.tags).into(),
        item.taken_at.into(),
        item.camera.clone().into(),
        item.claimed.into(),
        claim_by.into(),
        item.created_at.into(),
        Listing::of(item).as_str().into(),
        item.description.clone().into(),
        item.alt.clone().into(),
    ];
    let inserted: Option<Inserted> = tx.row(INSERT, values).await?;
    let inserted = inserted.ok_or(Error::Corrupt("an inserted item"))?;
    search_index::insert(tx, item).await?;
    inserted.object.try_into().map_err(|_| Error::Corrupt("an item's object"))
}

/// Returns an item, whatever its owner.
pub(crate) async fn find(sql: &impl Sql, id: &MediaId) -> Result<Option<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where id = $1"
    );
    first(sql.row(&text, vec![id.as_str().into()]).await?)
}

/// Returns an item of this owner that is not in the trash.
pub(crate) async fn find_in_use(sql: &impl Sql, id: &MediaId, owner: AccountId) -> Result<Option<Item>, Error> {
    Ok(find_owned(sql, id, owner).await?.filter(|item| item.trashed.is_none()))
}

/// Returns an item of this owner, in the trash or not.
pub(crate) async fn find_owned(sql: &impl Sql, id: &MediaId, owner: AccountId) -> Result<Option<Item>, Error> {
    Ok(find(sql, id).await?.filter(|item| item.owner == owner))
}

/// Returns the overlays of an item.
pub(crate) async fn find_scrub(sql: &impl Sql, id: &MediaId) -> Result<Option<Vec<Patch>>, Error> {
    #[derive(FromQueryResult)]
    struct Scrub {
        scrub: Option<String>,
    }
    let row: Option<Scrub> = sql.row("select scrub from item where id = $1", vec![id.as_str().into()]).await?;
    row.and_then(|row| row.scrub)
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| Error::Corrupt("an item's overlays"))
}

/// Updates the item `old`, and increments its version.
pub(crate) async fn update(
    tx: &Tx,
    old: &Item,
    change: &ItemUpdate,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set name = $3,
                tags = $4,
                words = $5,
                visibility = $6,
                version = version + 1,
                indexed_version = version + 1,
                updated_at = $7,
                description = $8,
                alt = $9
          where id = $1
            and owner = $2
         returning {COLUMNS}"
    );
    let values = vec![
        old.id.as_str().into(),
        old.owner.to_string().into(),
        change.name.clone().into(),
        tags::to_column(&change.tags).into(),
        Item::words(&change.name, &change.tags).into(),
        change.visibility.as_str().into(),
        now.into(),
        change.description.clone().into(),
        change.alt.clone().into(),
    ];
    let new = first(tx.row(&text, values).await?)?;
    reindex(tx, old, new).await
}

/// Claims the item `old` for a subject.
pub(crate) async fn set_claimed(
    tx: &Tx,
    old: &Item,
    subject: &str,
    all_tags: &[String],
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set claimed = true,
                claim_by = null,
                subject = $3,
                tags = $4,
                words = $5,
                version = version + 1,
                indexed_version = version + 1,
                updated_at = $6,
                listing = $7
          where id = $1
            and owner = $2
         returning {COLUMNS}"
    );
    let values = vec![
        old.id.as_str().into(),
        old.owner.to_string().into(),
        subject.into(),
        tags::to_column(all_tags).into(),
        Item::words(&old.name, all_tags).into(),
        now.into(),
        Listing::of_claim(true, Some(subject)).as_str().into(),
    ];
    let new = first(tx.row(&text, values).await?)?;
    reindex(tx, old, new).await
}

/// Updates the search index for an item that has changed.
async fn reindex(tx: &Tx, old: &Item, new: Option<Item>) -> Result<Option<Item>, Error> {
    if let Some(new) = &new {
        search_index::remove(tx, old, Some(new)).await?;
        // All terms, as an item of an earlier release may have none yet.
        search_index::insert(tx, new).await?;
    }
    Ok(new)
}

/// Returns the items of one owner with these ids, except those in the trash.
pub(crate) async fn list_owned(sql: &impl Sql, owner: AccountId, ids: &[MediaId]) -> Result<Vec<Item>, Error> {
    let mut values: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
    values.push(owner.to_string().into());
    let text = format!(
        "select {COLUMNS}
           from item
          where id in {}
            and owner = ${}
            and removed_at is null",
        placeholders(1, ids.len()),
        ids.len() + 1
    );
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Removes the row of an item.
pub(crate) async fn remove(tx: &Tx, id: &MediaId, owner: AccountId) -> Result<Option<Item>, Error> {
    let text = format!(
        "delete from item
          where id = $1
            and owner = $2
         returning {COLUMNS}"
    );
    let removed = first(tx.row(&text, vec![id.as_str().into(), owner.to_string().into()]).await?)?;
    if let Some(item) = &removed {
        search_index::remove(tx, item, None).await?;
    }
    Ok(removed)
}

/// Returns some items whose current version is not indexed yet.
pub(crate) async fn list_unindexed(sql: &impl Sql, limit: usize) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where indexed_version <> version
          limit $1"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![(limit as i64).into()]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Returns items that an earlier release left in the library and that belong to another list.
pub(crate) async fn list_unplaced(sql: &impl Sql, limit: usize) -> Result<Vec<MediaId>, Error> {
    #[derive(FromQueryResult)]
    struct UnplacedRow {
        id: String,
    }
    // The condition of the index `item_unplaced`, word by word.
    let text = "
        select id
          from item
         where listing = 'library'
           and (not claimed or subject = 'account:avatar')
         limit $1";
    let rows: Vec<UnplacedRow> = sql.rows(text, vec![(limit as i64).into()]).await?;
    rows.into_iter().map(|row| row.id.parse().map_err(|_| Error::Corrupt("an item's id"))).collect()
}

/// Moves an item from the library to the list that it belongs to.
pub(crate) async fn set_placed(tx: &Tx, id: &MediaId) -> Result<(), Error> {
    let text = "
        update item
           set listing = case when claimed then $2 else $3 end
         where id = $1
           and listing = 'library'
           and (not claimed or subject = $4)";
    let values = vec![
        id.as_str().into(),
        Listing::Avatars.as_str().into(),
        Listing::Staged.as_str().into(),
        AVATAR_SUBJECT.into(),
    ];
    tx.execute(text, values).await.map(drop)
}

/// Returns some items of an owner, in whatever list.
pub(crate) async fn list_by_owner(sql: &impl Sql, owner: AccountId, limit: usize) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where owner = $1
          limit $2"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![owner.to_string().into(), (limit as i64).into()]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

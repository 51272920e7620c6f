//! Rows of the media of posts.
//!
//! Invariant: a state only moves forward, and only the statement that moves it says from where. What has failed is
//! ready after all where an operator has the conversion retried.

use std::collections::HashMap;

use contract::MediaId;
use contract::media::{Conversion, Sensitivity};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::{from_bigint, from_optional_bigint};
use crate::model::{MediaUpdate, PersonNumber, PostMedia};

#[derive(FromQueryResult)]
struct Row {
    post: Uuid,
    media: String,
    kind: String,
    state: String,
    alt: String,
    width: Option<i64>,
    height: Option<i64>,
    duration_ms: Option<i64>,
    thumbhash: Option<String>,
    assets: String,
    is_hidden: bool,
    version: i64,
    sensitivity: String,
    sensitivity_version: i64,
}

impl TryFrom<Row> for PostMedia {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.media.try_into().map_err(|_| Error::Corrupt("the id of a post's media"))?,
            kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a post's media"))?,
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a post's media"))?,
            alt: row.alt,
            width: from_optional_bigint(row.width, "the width of a post's media")?,
            height: from_optional_bigint(row.height, "the height of a post's media")?,
            duration_ms: from_optional_bigint(row.duration_ms, "the length of a post's media")?,
            thumbhash: row.thumbhash,
            assets: row.assets.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            is_hidden: row.is_hidden,
            version: from_bigint(row.version, "the version of a post's media")?,
            sensitivity: row.sensitivity.parse().map_err(|_| Error::Corrupt("the sensitivity of a post's media"))?,
            sensitivity_version: from_bigint(row.sensitivity_version, "the sensitivity of a post's media")?,
        })
    }
}

const INSERT: &str = "
    insert into post_media (
        post, ordinal, media, kind, state, alt, width, height, duration_ms, thumbhash, assets, is_hidden, version,
        sensitivity, sensitivity_version
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

/// Inserts the media of a new post, in order.
pub(crate) async fn insert(tx: &Tx, post: Uuid, media: &[PostMedia]) -> Result<(), Error> {
    for (ordinal, item) in (0_i64..).zip(media) {
        let values = vec![
            post.into(),
            ordinal.into(),
            item.id.as_str().into(),
            item.kind.as_str().into(),
            item.state.as_str().into(),
            item.alt.as_str().into(),
            item.width.map(i64::from).into(),
            item.height.map(i64::from).into(),
            item.duration_ms.map(u64::cast_signed).into(),
            item.thumbhash.clone().into(),
            item.assets.join(" ").into(),
            item.is_hidden.into(),
            item.version.cast_signed().into(),
            item.sensitivity.as_str().into(),
            item.sensitivity_version.cast_signed().into(),
        ];
        tx.execute(INSERT, values).await?;
    }
    Ok(())
}

/// Returns the media of these posts, in order.
pub(crate) async fn list(sql: &impl Sql, posts: &[Uuid]) -> Result<HashMap<Uuid, Vec<PostMedia>>, Error> {
    let mut found: HashMap<Uuid, Vec<PostMedia>> = HashMap::new();
    if posts.is_empty() {
        return Ok(found);
    }
    let text = format!(
        "select post, media, kind, state, alt, width, height, duration_ms, thumbhash, assets, is_hidden, version,
                sensitivity, sensitivity_version
           from post_media
          where post in {}
          order by post, ordinal",
        placeholders(1, posts.len())
    );
    let rows: Vec<Row> = sql.rows(&text, posts.iter().map(|post| Value::from(*post)).collect()).await?;
    for row in rows {
        found.entry(row.post).or_default().push(row.try_into()?);
    }
    Ok(found)
}

const AUTHOR: &str = "
    select post.author
      from post_media
      join post on post.id = post_media.post
     where post_media.media = $1
     limit 1";

/// Returns the author of the posts with a media item. All have the same: members post what they own.
pub(crate) async fn find_author(sql: &impl Sql, media: &MediaId) -> Result<Option<PersonNumber>, Error> {
    #[derive(FromQueryResult)]
    struct AuthorRow {
        author: i64,
    }
    let row: Option<AuthorRow> = sql.row(AUTHOR, vec![media.as_str().into()]).await?;
    Ok(row.map(|row| PersonNumber(row.author)))
}

/// Moves an item forward in every post that has it. Facts that are not known now stay as they are.
pub(crate) async fn advance(tx: &Tx, media: &MediaId, update: &MediaUpdate) -> Result<(), Error> {
    let earlier = match update.state {
        Conversion::Received | Conversion::Processing => return Ok(()),
        Conversion::Playable => "'received', 'processing'",
        Conversion::Ready => "'received', 'processing', 'playable', 'failed', 'ready'",
        Conversion::Failed => "'received', 'processing', 'playable'",
    };
    let text = format!(
        "update post_media
            set state = $2,
                width = coalesce($3, width),
                height = coalesce($4, height),
                duration_ms = coalesce($5, duration_ms),
                thumbhash = coalesce($6, thumbhash),
                assets = coalesce($7, assets)
          where media = $1
            and state in ({earlier})"
    );
    let values = vec![
        media.as_str().into(),
        update.state.as_str().into(),
        update.width.map(i64::from).into(),
        update.height.map(i64::from).into(),
        update.duration_ms.map(u64::cast_signed).into(),
        update.thumbhash.clone().into(),
        update.assets.as_ref().map(|assets| assets.join(" ")).into(),
    ];
    tx.execute(&text, values).await.map(drop)
}

const SET_SENSITIVITY: &str = "
    update post_media
       set sensitivity = $2,
           sensitivity_version = $3
     where media = $1
       and sensitivity_version < $3";

/// Sets how sensitive an item is in every post that has it, unless something newer is known.
pub(crate) async fn set_sensitivity(
    tx: &Tx,
    media: &MediaId,
    sensitivity: Sensitivity,
    version: u64,
) -> Result<(), Error> {
    let values = vec![media.as_str().into(), sensitivity.as_str().into(), version.cast_signed().into()];
    tx.execute(SET_SENSITIVITY, values).await.map(drop)
}

const SET_HIDDEN: &str = "
    update post_media
       set is_hidden = $2,
           version = $3
     where media = $1
       and version < $3";

/// Records that an item was moved to the trash, or restored, unless something newer is known.
pub(crate) async fn set_hidden(tx: &Tx, media: &MediaId, is_hidden: bool, version: u64) -> Result<(), Error> {
    let values = vec![media.as_str().into(), is_hidden.into(), version.cast_signed().into()];
    tx.execute(SET_HIDDEN, values).await.map(drop)
}

const HIDE: &str = "
    update post_media
       set is_hidden = true
     where media = $1
       and post = $2";

/// Hides an item that its owner's library does not have any more. If it is in the trash, its restoration shows it
/// again.
pub(crate) async fn hide(tx: &Tx, media: &MediaId, post: Uuid) -> Result<(), Error> {
    tx.execute(HIDE, vec![media.as_str().into(), post.into()]).await.map(drop)
}

const SHOW: &str = "
    update post_media
       set is_hidden = false
     where media = $1
       and post = $2
       and version <= $3
       and is_hidden";

/// Shows an item that its owner's library has, unless something newer is known: it may have been restored between the
/// question after it and [`hide`].
pub(crate) async fn show(tx: &Tx, media: &MediaId, post: Uuid, version: u64) -> Result<(), Error> {
    let values = vec![media.as_str().into(), post.into(), version.cast_signed().into()];
    tx.execute(SHOW, values).await.map(drop)
}

const REMOVE: &str = "
    delete from post_media
     where media = $1
       and post = $2";

/// Takes an item out of a post.
pub(crate) async fn remove(tx: &Tx, media: &MediaId, post: Uuid) -> Result<(), Error> {
    tx.execute(REMOVE, vec![media.as_str().into(), post.into()]).await.map(drop)
}

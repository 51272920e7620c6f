//! Rows of the media of messages.
//!
//! Invariant: a state only moves forward; what has failed is ready after all where an operator has it converted again.

use std::collections::HashMap;

use contract::MediaId;
use contract::media::{Conversion, Sensitivity};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use screening::classifier::Opinion;
use uuid::Uuid;

use super::values::{from_optional_bigint, names_after};
use crate::model::{MediaUpdate, MessageMedia};

#[derive(FromQueryResult)]
struct Row {
    message: Uuid,
    media: String,
    kind: String,
    state: String,
    alt: String,
    width: Option<i64>,
    height: Option<i64>,
    duration_ms: Option<i64>,
    thumbhash: Option<String>,
    assets: String,
    sensitivity: String,
    sensitivity_version: i64,
}

impl TryFrom<Row> for MessageMedia {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.media.try_into().map_err(|_| Error::Corrupt("the id of a message's media"))?,
            kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a message's media"))?,
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a message's media"))?,
            alt: row.alt,
            width: from_optional_bigint(row.width, "the width of a message's media")?,
            height: from_optional_bigint(row.height, "the height of a message's media")?,
            duration_ms: from_optional_bigint(row.duration_ms, "the length of a message's media")?,
            thumbhash: row.thumbhash,
            assets: row.assets.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            sensitivity: row.sensitivity.parse().map_err(|_| Error::Corrupt("the sensitivity of a message's media"))?,
            sensitivity_version: u64::try_from(row.sensitivity_version)
                .map_err(|_| Error::Corrupt("the sensitivity of a message's media"))?,
            nudity: Opinion::NotAsked,
        })
    }
}

const INSERT: &str = "
    insert into message_media (
        message, ordinal, media, kind, state, alt, width, height, duration_ms, thumbhash, assets, sensitivity,
        sensitivity_version
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// Inserts the media of a new message, in order.
pub(crate) async fn insert(tx: &Tx, message: Uuid, media: &[MessageMedia]) -> Result<(), Error> {
    for (ordinal, item) in (0_i64..).zip(media) {
        let values = vec![
            message.into(),
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
            item.sensitivity.as_str().into(),
            item.sensitivity_version.cast_signed().into(),
        ];
        tx.execute(INSERT, values).await?;
    }
    Ok(())
}

/// Returns the media of these messages, in order.
pub(crate) async fn list(sql: &impl Sql, messages: &[Uuid]) -> Result<HashMap<Uuid, Vec<MessageMedia>>, Error> {
    let mut found: HashMap<Uuid, Vec<MessageMedia>> = HashMap::new();
    if messages.is_empty() {
        return Ok(found);
    }
    let text = format!(
        "select message, media, kind, state, alt, width, height, duration_ms, thumbhash, assets, sensitivity,
                sensitivity_version
           from message_media
          where message in {}
          order by message, ordinal",
        names_after(0, messages.len())
    );
    let rows: Vec<Row> = sql.rows(&text, messages.iter().map(|message| Value::from(*message)).collect()).await?;
    for row in rows {
        found.entry(row.message).or_default().push(row.try_into()?);
    }
    Ok(found)
}

/// Moves an item forward in every message that has it. Facts that are not known now stay as they are.
pub(crate) async fn advance(tx: &Tx, media: &MediaId, update: &MediaUpdate) -> Result<(), Error> {
    let earlier = match update.state {
        Conversion::Received | Conversion::Processing => return Ok(()),
        Conversion::Playable => "'received', 'processing'",
        Conversion::Ready => "'received', 'processing', 'playable', 'failed', 'ready'",
        Conversion::Failed => "'received', 'processing', 'playable'",
    };
    let text = format!(
        "update message_media
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
    update message_media
       set sensitivity = $2,
           sensitivity_version = $3
     where media = $1
       and sensitivity_version < $3";

/// Sets how sensitive an item is in every message that has it, unless something newer is known.
pub(crate) async fn set_sensitivity(
    tx: &Tx,
    media: &MediaId,
    sensitivity: Sensitivity,
    version: u64,
) -> Result<(), Error> {
    let values = vec![media.as_str().into(), sensitivity.as_str().into(), version.cast_signed().into()];
    tx.execute(SET_SENSITIVITY, values).await.map(drop)
}

const REMOVE: &str = "
    delete from message_media
     where media = $1";

/// Takes an item out of all messages.
pub(crate) async fn remove(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    tx.execute(REMOVE, vec![media.as_str().into()]).await.map(drop)
}

const REMOVE_OF: &str = "
    delete from message_media
     where message = $1";

/// Takes all items out of a message.
pub(crate) async fn remove_of(tx: &Tx, message: Uuid) -> Result<(), Error> {
    tx.execute(REMOVE_OF, vec![message.into()]).await.map(drop)
}

//! The states of items, which the events of transcode move forward.
//!
//! Each write is one statement whose `where` names the states that it starts from, and it touches no column that an
//! owner changes. So it commutes with the writes of the owner, needs no inbox, and changes nothing when its event
//! arrives late or twice. Invariant: a state only ever moves forward, but for the retry of an operator
//! ([`super::operator_items`]), after which a failure of an earlier attempt counts no more.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, Sql as _, Tx};

use super::items::{COLUMNS, first};
use super::to_optional_bigint;
use crate::model::{Failure, Item};

/// Sets the progress of the conversion; only ever forward.
pub(crate) async fn set_progress(
    tx: &Tx,
    id: &MediaId,
    percent: u8,
    remaining_ms: Option<u64>,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set state = case when state = 'received' then 'processing' else state end,
                percent = $2,
                remaining_ms = $3,
                updated_at = $4
          where id = $1
            and state in ('received', 'processing', 'playable')
            and (percent is null or percent <= $2)
         returning {COLUMNS}"
    );
    let values = vec![id.as_str().into(), i64::from(percent).into(), to_optional_bigint(remaining_ms), now.into()];
    first(tx.row(&text, values).await?)
}

/// Facts that the conversion found.
#[derive(Debug, Clone, Default)]
pub(crate) struct MediaInfo {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
}

/// Marks the item as playable.
pub(crate) async fn set_playable(
    tx: &Tx,
    id: &MediaId,
    info: &MediaInfo,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set state = 'playable',
                width = coalesce($2, width),
                height = coalesce($3, height),
                duration_ms = coalesce($4, duration_ms),
                updated_at = $5
          where id = $1
            and state in ('received', 'processing')
         returning {COLUMNS}"
    );
    let values = vec![
        id.as_str().into(),
        info.width.map(i64::from).into(),
        info.height.map(i64::from).into(),
        to_optional_bigint(info.duration_ms),
        now.into(),
    ];
    first(tx.row(&text, values).await?)
}

/// Marks the item as ready.
pub(crate) async fn set_ready(
    tx: &Tx,
    id: &MediaId,
    info: &MediaInfo,
    thumbhash: Option<String>,
    assets: &[String],
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set state = 'ready',
                width = coalesce($2, width),
                height = coalesce($3, height),
                duration_ms = coalesce($4, duration_ms),
                thumbhash = coalesce($5, thumbhash),
                assets = $6,
                percent = null,
                remaining_ms = null,
                failure_code = null,
                failure_detail = null,
                updated_at = $7
          where id = $1
            and state <> 'ready'
         returning {COLUMNS}"
    );
    let values = vec![
        id.as_str().into(),
        info.width.map(i64::from).into(),
        info.height.map(i64::from).into(),
        to_optional_bigint(info.duration_ms),
        thumbhash.into(),
        assets.join(" ").into(),
        now.into(),
    ];
    first(tx.row(&text, values).await?)
}

/// Marks the item as failed, unless an operator has had it retried since this attempt, the `retry`-th one after the
/// first; without a number, in any case.
pub(crate) async fn set_failed(
    tx: &Tx,
    id: &MediaId,
    failure: &Failure,
    retry: Option<u32>,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set state = 'failed',
                percent = null,
                remaining_ms = null,
                failure_code = $2,
                failure_detail = $3,
                updated_at = $4
          where id = $1
            and state not in ('ready', 'failed')
            and retries = coalesce($5, retries)
         returning {COLUMNS}"
    );
    let values = vec![
        id.as_str().into(),
        failure.code.clone().into(),
        failure.detail.clone().into(),
        now.into(),
        retry.map(i64::from).into(),
    ];
    first(tx.row(&text, values).await?)
}

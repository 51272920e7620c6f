//! Rows of devices.
//!
//! Invariant: an address is registered once: for the member who registered it last.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::{bound, from_micros, micros, names_after};
use crate::model::{Address, DeviceKind, Language, WebAddress};

/// A device.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub member: AccountId,
    /// Where pushes go.
    pub address: Address,
    /// The language of what it shows; `None` for that of the member.
    pub language: Option<Language>,
    /// When it was registered, or last registered again.
    pub registered_at: DateTime<Utc>,
    /// Until when it shows the app.
    pub foreground_until: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct DeviceRow {
    id: Uuid,
    member: Uuid,
    kind: String,
    address: String,
    public_key: Option<String>,
    auth_secret: Option<String>,
    language: Option<String>,
    registered_us: i64,
    foreground_until_us: Option<i64>,
}

impl TryFrom<DeviceRow> for Device {
    type Error = Error;
    fn try_from(row: DeviceRow) -> Result<Self, Error> {
        const WHAT: &str = "a device";
        let kind: DeviceKind = row.kind.parse().map_err(|_| Error::Corrupt(WHAT))?;
        let address = match (kind, row.public_key, row.auth_secret) {
            (DeviceKind::Fcm, ..) => Address::Fcm(row.address),
            (DeviceKind::Apns, ..) => Address::Apns(row.address),
            (DeviceKind::Webpush, Some(public_key), Some(auth_secret)) => {
                let web = WebAddress::of_stored(&row.address, &public_key, &auth_secret);
                Address::Webpush(web.ok_or(Error::Corrupt(WHAT))?)
            }
            _ => return Err(Error::Corrupt(WHAT)),
        };
        Ok(Self {
            id: row.id,
            member: AccountId(row.member),
            address,
            // A language of a later release is that of the member.
            language: row.language.and_then(|language| language.parse().ok()),
            registered_at: from_micros(Some(row.registered_us), WHAT)?.ok_or(Error::Corrupt(WHAT))?,
            foreground_until: from_micros(row.foreground_until_us, WHAT)?,
        })
    }
}

const COLUMNS: &str =
    "id, member, kind, address, public_key, auth_secret, language, registered_us, foreground_until_us";

/// A device of another member gets a new id, so that what waits for that member is not sent to it.
const REGISTER: &str = "
    insert into device (
        id, member, kind, address, address_hash, public_key, auth_secret, language, registered_us, session,
        foreground_until_us
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, null)
    on conflict (address_hash) do update
       set id = case when device.member = excluded.member then device.id else excluded.id end,
           member = excluded.member,
           public_key = excluded.public_key,
           auth_secret = excluded.auth_secret,
           language = excluded.language,
           registered_us = excluded.registered_us,
           session = excluded.session,
           foreground_until_us = null
 returning id";

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Registers a device in a session, again if its address is known. Returns the id that it has.
pub(crate) async fn register(tx: &Tx, device: &Device, session: Uuid) -> Result<Uuid, Error> {
    let keys = match &device.address {
        Address::Webpush(web) => Some(web.stored_keys()),
        Address::Fcm(_) | Address::Apns(_) => None,
    };
    let (public_key, auth_secret) = keys.unzip();
    let values: Vec<Value> = vec![
        device.id.into(),
        device.member.0.into(),
        device.address.kind().as_str().into(),
        device.address.as_str().into(),
        device.address.hash().into(),
        public_key.into(),
        auth_secret.into(),
        device.language.map(|language| language.as_str().to_owned()).into(),
        micros(device.registered_at),
        session.into(),
    ];
    let row: Option<IdRow> = tx.row(REGISTER, values).await?;
    Ok(row.ok_or(Error::Corrupt("a device"))?.id)
}

/// Returns the devices of a member, at most `limit`, the newest first.
pub(crate) async fn list(sql: &impl Sql, member: AccountId, limit: usize) -> Result<Vec<Device>, Error> {
    let text = format!(
        "select {COLUMNS}
           from device
          where member = $1
          order by registered_us desc, id desc
          limit $2"
    );
    let rows: Vec<DeviceRow> = sql.rows(&text, vec![member.0.into(), bound(limit)]).await?;
    rows.into_iter().map(Device::try_from).collect()
}

/// Which devices a member has, without where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceOf {
    /// Whose it is.
    pub member: AccountId,
    /// Its id.
    pub device: Uuid,
    /// How it is reached.
    pub kind: DeviceKind,
}

#[derive(FromQueryResult)]
struct DeviceOfRow {
    member: Uuid,
    id: Uuid,
    kind: String,
}

/// Returns the devices of members.
pub(crate) async fn list_of_each(sql: &impl Sql, members: &[AccountId]) -> Result<Vec<DeviceOf>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select member, id, kind from device where member in {}", names_after(0, members.len()));
    let rows: Vec<DeviceOfRow> = sql.rows(&text, members.iter().map(|member| member.0.into()).collect()).await?;
    let read = |row: DeviceOfRow| {
        let kind = row.kind.parse().map_err(|_| Error::Corrupt("the kind of a device"))?;
        Ok(DeviceOf { member: AccountId(row.member), device: row.id, kind })
    };
    rows.into_iter().map(read).collect()
}

/// Returns the devices with these ids.
pub(crate) async fn find_each(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Device>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select {COLUMNS} from device where id in {}", names_after(0, ids.len()));
    let rows: Vec<DeviceRow> = sql.rows(&text, ids.iter().map(|&id| id.into()).collect()).await?;
    rows.into_iter().map(Device::try_from).collect()
}

const REMOVE: &str = "
    delete from device
     where id = $1
       and member = $2";

/// Removes a device of a member. Returns `false` if the member has none with this id.
pub(crate) async fn remove(tx: &Tx, member: AccountId, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![id.into(), member.0.into()]).await? == 1)
}

/// Removes the devices of a member that were registered in a session. Those that an earlier release has registered, of
/// which no session is known, go with any: an app registers again at its start.
pub(crate) async fn remove_of_session(tx: &Tx, member: AccountId, session: Uuid) -> Result<(), Error> {
    tx.execute(REMOVE_OF_SESSION, vec![member.0.into(), session.into()]).await.map(drop)
}

const REMOVE_OF_SESSION: &str = "
    delete from device
     where member = $1
       and (session is null or session = $2)";

const REMOVE_DEAD: &str = "
    delete from device
     where id = $1
       and registered_us < $2";

/// Removes a device whose token was dead at a time, unless it was registered since. Returns whether it was removed.
pub(crate) async fn remove_dead(tx: &Tx, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE_DEAD, vec![id.into(), micros(at)]).await? == 1)
}

const SET_FOREGROUND: &str = "
    update device
       set foreground_until_us = $3
     where id = $1
       and member = $2";

/// Sets until when a device shows the app. Returns `false` if the member has none with this id.
pub(crate) async fn set_foreground(
    tx: &Tx,
    (member, id): (AccountId, Uuid),
    until: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let until = until.map(|until| until.timestamp_micros());
    Ok(tx.execute(SET_FOREGROUND, vec![id.into(), member.0.into(), until.into()]).await? == 1)
}

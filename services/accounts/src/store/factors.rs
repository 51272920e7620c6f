//! Rows of second factors: those in use, and those that were begun and not confirmed yet.
//!
//! The secret of an authenticator app is encrypted ([`crate::sealed_secret`]); that of a passkey is a public key.
//! Invariant: a response of a factor is used up in one statement that changes one row, so of two uses at once one wins.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{Factor, FactorKind, Spend};

/// A factor that was begun.
#[derive(Debug, Clone)]
pub(crate) struct PendingFactor {
    /// The factor's id.
    pub id: Uuid,
    /// Its account.
    pub account: AccountId,
    /// Its kind.
    pub kind: FactorKind,
    /// Its name.
    pub name: String,
    /// The encrypted secret of an app, or the state of the making of a passkey.
    pub secret: Vec<u8>,
    /// Until when it can be confirmed.
    pub until: DateTime<Utc>,
    /// The current time.
    pub at: DateTime<Utc>,
}

/// What a confirmed factor is stored with.
#[derive(Debug, Clone)]
pub(crate) struct ConfirmedFactor {
    /// The encrypted secret of an app, or the passkey.
    pub secret: Vec<u8>,
    /// The id of a passkey's credential.
    pub credential: Option<Vec<u8>>,
    /// The step of the code that confirmed an app.
    pub last_step: Option<i64>,
}

const LIST: &str = "
    select id, kind, name, created_at, last_used_at
      from factor
     where account_id = $1
       and pending_until is null
     order by id";

/// Returns the factors of an account that are in use, oldest first.
pub(crate) async fn list(sql: &impl Sql, account: AccountId) -> Result<Vec<Factor>, Error> {
    let rows: Vec<FactorRow> = sql.rows(LIST, vec![account.0.into()]).await?;
    Ok(rows.into_iter().filter_map(FactorRow::into_factor).collect())
}

#[derive(FromQueryResult)]
struct FactorRow {
    id: Uuid,
    kind: String,
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl FactorRow {
    /// Returns the factor; `None` if only another release knows its kind.
    fn into_factor(self) -> Option<Factor> {
        let Self { id, kind, name, created_at, last_used_at } = self;
        Some(Factor { id, kind: FactorKind::from_name(&kind)?, name, created_at, last_used_at })
    }
}

/// A factor with its secret.
#[derive(FromQueryResult)]
pub(crate) struct SecretRow {
    /// The factor's id.
    pub id: Uuid,
    /// Its account.
    pub account_id: Uuid,
    /// Its kind.
    pub kind: String,
    /// The encrypted secret of an app, or the passkey.
    pub secret: Vec<u8>,
    /// The step of the last accepted code.
    pub last_step: Option<i64>,
    /// When the member began to add it.
    pub created_at: DateTime<Utc>,
}

const APPS: &str = "
    select id, account_id, kind, secret, last_step, created_at
      from factor
     where account_id = $1
       and kind = 'totp'
       and pending_until is null
     order by id";

/// Returns the authenticator apps of an account.
pub(crate) async fn list_apps(sql: &impl Sql, account: AccountId) -> Result<Vec<SecretRow>, Error> {
    sql.rows(APPS, vec![account.0.into()]).await
}

const BY_CREDENTIAL: &str = "
    select id, account_id, kind, secret, last_step, created_at
      from factor
     where credential = $1";

/// Returns the passkey with this credential, of whatever account.
pub(crate) async fn find_passkey(sql: &impl Sql, credential: &[u8]) -> Result<Option<SecretRow>, Error> {
    sql.row(BY_CREDENTIAL, vec![credential.to_vec().into()]).await
}

const CREDENTIALS: &str = "
    select credential
      from factor
     where account_id = $1
       and credential is not null
     order by id";

/// Returns the credentials of an account's passkeys.
pub(crate) async fn list_credentials(sql: &impl Sql, account: AccountId) -> Result<Vec<Vec<u8>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        credential: Vec<u8>,
    }
    let rows: Vec<Row> = sql.rows(CREDENTIALS, vec![account.0.into()]).await?;
    Ok(rows.into_iter().map(|row| row.credential).collect())
}

const REMOVE_PENDING: &str = "
    delete from factor
     where account_id = $1
       and kind = $2
       and pending_until is not null";

const INSERT_PENDING: &str = "
    insert into factor
           (id, account_id, kind, name, secret, pending_until, created_at)
    select $1, id, $2, $3, $4, $5, $6
      from account
     where id = $7";

/// Inserts a factor that is to be confirmed, in place of the one of its kind that was begun before.
pub(crate) async fn insert_pending(tx: &Tx, new: &PendingFactor) -> Result<(), Error> {
    tx.execute(REMOVE_PENDING, vec![new.account.0.into(), new.kind.as_str().into()]).await?;
    let values = vec![
        new.id.into(),
        new.kind.as_str().into(),
        new.name.as_str().into(),
        new.secret.clone().into(),
        new.until.into(),
        new.at.into(),
        new.account.0.into(),
    ];
    tx.execute(INSERT_PENDING, values).await.map(drop)
}

const PENDING: &str = "
    select id, account_id, kind, secret, last_step, created_at
      from factor
     where id = $1
       and account_id = $2
       and pending_until > $3";

/// Returns a factor of an account that is to be confirmed, unless its time is over.
pub(crate) async fn find_pending(
    sql: &impl Sql,
    account: AccountId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<SecretRow>, Error> {
    sql.row(PENDING, vec![id.into(), account.0.into(), now.into()]).await
}

const CONFIRM: &str = "
    update factor
       set secret = $3,
           credential = $4,
           last_step = $5,
           last_used_at = $6,
           pending_until = null
     where id = $1
       and account_id = $2
       and pending_until > $6
 returning id, kind, name, created_at, last_used_at";

/// Puts a factor to use. Returns `None` if it is not to be confirmed any more. Fails with a violated unique key if
/// another account has the passkey.
pub(crate) async fn confirm(
    tx: &Tx,
    account: AccountId,
    id: Uuid,
    confirmed: &ConfirmedFactor,
    now: DateTime<Utc>,
) -> Result<Option<Factor>, Error> {
    let values = vec![
        id.into(),
        account.0.into(),
        confirmed.secret.clone().into(),
        confirmed.credential.clone().into(),
        confirmed.last_step.into(),
        now.into(),
    ];
    let row: Option<FactorRow> = tx.row(CONFIRM, values).await?;
    Ok(row.and_then(FactorRow::into_factor))
}

const SPEND_STEP: &str = "
    update factor
       set last_step = $3,
           last_used_at = $4
     where id = $1
       and account_id = $2
       and (last_step is null or last_step < $3)";

const SPEND_ASSERTION: &str = "
    update factor
       set secret = $3,
           last_used_at = $4
     where id = $1
       and account_id = $2
       and secret = $5";

const SPEND_RECOVERY_CODE: &str = "
    delete from recovery_code
     where account_id = $1
       and code = $2";

/// Uses up a verified factor. Returns `false` if it was used up meanwhile, or removed.
pub(crate) async fn spend(tx: &Tx, account: AccountId, spend: &Spend, now: DateTime<Utc>) -> Result<bool, Error> {
    let (text, values) = match spend {
        Spend::Totp { factor, step } => {
            (SPEND_STEP, vec![(*factor).into(), account.0.into(), (*step).into(), now.into()])
        }
        Spend::Passkey { factor, before, after } => (
            SPEND_ASSERTION,
            vec![(*factor).into(), account.0.into(), after.clone().into(), now.into(), before.clone().into()],
        ),
        Spend::Recovery(code) => (SPEND_RECOVERY_CODE, vec![account.0.into(), code.clone().into()]),
    };
    Ok(tx.execute(text, values).await? == 1)
}

/// Removes a factor of an account, one that was only begun as well. Returns `false` if it has no such factor.
pub(crate) async fn remove(tx: &Tx, account: AccountId, id: Uuid) -> Result<bool, Error> {
    let text = "delete from factor where id = $1 and account_id = $2";
    Ok(tx.execute(text, vec![id.into(), account.0.into()]).await? == 1)
}

/// Removes all factors of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from factor where account_id = $1", vec![account.0.into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from factor
     where id in (
           select id
             from factor
            where pending_until <= $1
            limit $2)";

/// Removes at most `limit` factors that were begun and not confirmed in time. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_EXPIRED, vec![now.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}

//! Rows of mailed codes.
//!
//! Invariant: a link is stored as its SHA-256 and a short code as a keyed hash, and a code is used once: using it
//! removes its row.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{MAX_PROMPT_MAILS, MailedCode, Purpose};

/// The most codes of one account and purpose that can be used. More than are mailed within a code's lifetime by the
/// rule of [`crate::model::next_mail_in`] for a password, so a flood of requests pushes none out.
const MAX_PER_PURPOSE: i64 = 10;

/// A code to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewMailedCode {
    /// The code.
    pub code: MailedCode,
    /// The hash of the link's secret.
    pub link: Vec<u8>,
    /// The keyed hash of the short code.
    pub short: Option<Vec<u8>>,
    /// The current time.
    pub at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into mailed_code
           (id, account_id, purpose, mail_address, link, code, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

const REMOVE_EXCESS: &str = "
    delete from mailed_code
     where account_id = $1
       and purpose = $2
       and id not in (
           select id
             from mailed_code
            where account_id = $1
              and purpose = $2
            order by created_at desc, id desc
            limit $3)";

const REMOVE_NEWER_EXCESS: &str = "
    delete from mailed_code
     where account_id = $1
       and purpose = $2
       and id not in (
           select id
             from mailed_code
            where account_id = $1
              and purpose = $2
            order by created_at, id
            limit $3)";

/// Inserts a code, and removes those of its account and purpose that are too many: the oldest ones, but of the codes
/// that restore an address the newest ones. A thief who changes the address many times pushes no earlier owner out.
pub(crate) async fn insert(tx: &Tx, new: &NewMailedCode) -> Result<(), Error> {
    let MailedCode { id, account, purpose, email } = &new.code;
    let values = vec![
        (*id).into(),
        account.0.into(),
        purpose.name().into(),
        email.as_str().into(),
        new.link.clone().into(),
        new.short.clone().into(),
        new.at.into(),
        (new.at + purpose.lifetime()).into(),
    ];
    tx.execute(INSERT, values).await?;
    let remove_excess = if *purpose == Purpose::RestoreEmail { REMOVE_NEWER_EXCESS } else { REMOVE_EXCESS };
    tx.execute(remove_excess, vec![account.0.into(), purpose.name().into(), MAX_PER_PURPOSE.into()]).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    account_id: Uuid,
    purpose: String,
    mail_address: String,
}

impl Row {
    /// Returns the code. A purpose that only another release knows is no code of this one.
    fn into_code(self) -> Option<MailedCode> {
        let purpose = Purpose::from_name(&self.purpose)?;
        Some(MailedCode { id: self.id, account: AccountId(self.account_id), purpose, email: self.mail_address })
    }
}

const BY_LINK: &str = "
    select id, account_id, purpose, mail_address
      from mailed_code
     where link = $1
       and expires_at > $2";

/// Returns the code whose link has this hash, if it can be used.
pub(crate) async fn find_by_link(sql: &impl Sql, link: &[u8], now: DateTime<Utc>) -> Result<Option<MailedCode>, Error> {
    let row: Option<Row> = sql.row(BY_LINK, vec![link.to_vec().into(), now.into()]).await?;
    Ok(row.and_then(Row::into_code))
}

const BY_SHORT_CODE: &str = "
    select id, account_id, purpose, mail_address
      from mailed_code
     where account_id = $1
       and code = $2
       and expires_at > $3";

/// Returns the code of an account whose short code has this hash, if it can be used.
pub(crate) async fn find_by_short_code(
    sql: &impl Sql,
    account: AccountId,
    short: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<MailedCode>, Error> {
    let row: Option<Row> = sql.row(BY_SHORT_CODE, vec![account.0.into(), short.to_vec().into(), now.into()]).await?;
    Ok(row.and_then(Row::into_code))
}

/// Removes a code that is used. Returns `false` if it was used or expired before.
pub(crate) async fn use_up(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    let text = "delete from mailed_code where id = $1 and expires_at > $2";
    Ok(tx.execute(text, vec![id.into(), now.into()]).await? == 1)
}

const RECENT: &str = "
    select created_at
      from mailed_code
     where account_id = $1
       and purpose = $2
       and created_at > $3
     order by created_at desc
     limit $4";

/// Returns the times at which the newest codes of an account and purpose were mailed, newest first.
pub(crate) async fn list_recent(
    sql: &impl Sql,
    account: AccountId,
    purpose: Purpose,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct CreatedAt {
        created_at: DateTime<Utc>,
    }
    let limit = i64::try_from(MAX_PROMPT_MAILS).unwrap_or(i64::MAX);
    let values = vec![account.0.into(), purpose.name().into(), since.into(), limit.into()];
    let rows: Vec<CreatedAt> = sql.rows(RECENT, values).await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
}

const ADDRESSES: &str = "
    select distinct mail_address
      from mailed_code
     where account_id = $1";

/// Returns the addresses that an account's codes are about.
pub(crate) async fn list_addresses(sql: &impl Sql, account: AccountId) -> Result<Vec<String>, Error> {
    #[derive(FromQueryResult)]
    struct Address {
        mail_address: String,
    }
    let rows: Vec<Address> = sql.rows(ADDRESSES, vec![account.0.into()]).await?;
    Ok(rows.into_iter().map(|row| row.mail_address).collect())
}

/// Removes the codes of an account for these purposes.
pub(crate) async fn remove_for(tx: &Tx, account: AccountId, purposes: &[Purpose]) -> Result<(), Error> {
    for purpose in purposes {
        let text = "delete from mailed_code where account_id = $1 and purpose = $2";
        tx.execute(text, vec![account.0.into(), purpose.name().into()]).await?;
    }
    Ok(())
}

/// Removes all codes of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from mailed_code where account_id = $1", vec![account.0.into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from mailed_code
     where id in (
           select id
             from mailed_code
            where expires_at <= $1
            limit $2)";

/// Removes at most `limit` codes that expired before a time. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_EXPIRED, vec![before.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}

//! The e-mail addresses of accounts.
//!
//! Several accounts may have one address, but only one of them may have confirmed it. Before schema version 5 an
//! address was unique and stood in `email`; since then it stands in `mail_address`, and `email`, which is unique, holds
//! the account's id. A row without `mail_address` comes from an earlier release that runs beside this one. Invariant:
//! an address is confirmed by one account at most.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

/// The owner of a confirmed address.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Owner {
    /// The account's id.
    pub id: Uuid,
    /// Its handle.
    pub handle: String,
    /// The language in which its member reads mails.
    pub locale: String,
}

const CONFIRMED: &str = "
    select id, handle, locale
      from account
     where mail_address = $1
       and email_confirmed_at is not null";

/// Returns the account that has confirmed an address.
pub(crate) async fn find_owner(sql: &impl Sql, email: &str) -> Result<Option<Owner>, Error> {
    sql.row(CONFIRMED, vec![email.into()]).await
}

const CONFIRM: &str = "
    update account
       set mail_address = $2,
           email_confirmed_at = $3
     where id = $1
       and not exists (
           select 1
             from account other
            where other.mail_address = $2
              and other.email_confirmed_at is not null
              and other.id <> $1)";

/// Makes an address the account's confirmed one. Returns `false` if another account has confirmed it, or if the account
/// does not exist. Needs the lane of the address.
pub(crate) async fn confirm(tx: &Tx, account: AccountId, email: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(CONFIRM, vec![account.0.into(), email.into(), now.into()]).await? == 1)
}

/// Whether any account has an address, confirmed or not.
pub(crate) async fn is_used(sql: &impl Sql, email: &str) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        accounts: i64,
    }
    let text = "select count(*) as accounts from account where mail_address = $1";
    let row: Option<Row> = sql.row(text, vec![email.into()]).await?;
    Ok(row.is_some_and(|row| row.accounts > 0))
}

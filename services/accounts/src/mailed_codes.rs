//! Making mailed codes, and checking those that clients present.
//!
//! Owns how a code is drawn, hashed and checked. Does not own its rows ([`crate::store::mailed_codes`]) or the mails
//! ([`crate::mails`]). Invariant: a guess of a short code is counted before it is compared, for known and unknown
//! logins alike, and a link is never counted: guesses by a stranger do not keep the owner of the mail out.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::Sql;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{
    LINK_BYTES, MAIL_WINDOW, MailedCode, PresentedCode, Purpose, SHORT_CODE_ALPHABET, SHORT_CODE_CHARS, encode_link,
    next_mail_in, normalize_login, show_short_code,
};
use crate::state::Accounts;
use crate::store;
use crate::store::accounts::{LoginName, find_credentials};
use crate::store::mailed_codes::NewMailedCode;
use crate::tokens::sha256;

/// A code that was just drawn: what is stored of it, and what is mailed.
#[derive(Clone)]
pub(crate) struct FreshCode {
    /// The row.
    pub row: NewMailedCode,
    /// The text of the link's secret.
    pub link: String,
    /// The short code, as it is shown; empty if the purpose has none.
    pub short: String,
}

impl FreshCode {
    /// Draws a code for an account and purpose. `email` is the address that it is about.
    pub(crate) fn draw(accounts: &Accounts, account: AccountId, purpose: Purpose, email: &str) -> Self {
        let (random, now) = (&accounts.context.random, accounts.context.clock.now());
        let secret = random.bytes::<LINK_BYTES>();
        let letter = |_| char::from(SHORT_CODE_ALPHABET[random.below(SHORT_CODE_ALPHABET.len() as u64) as usize]);
        let short: Option<String> = purpose.has_short_code().then(|| (0..SHORT_CODE_CHARS).map(letter).collect());
        let code = MailedCode { id: random.uuid_v7(now), account, purpose, email: email.to_owned() };
        let hash = short.as_deref().map(|short| short_code_hash(accounts, account, short));
        Self {
            row: NewMailedCode { code, link: sha256(&secret), short: hash, at: now },
            link: encode_link(&secret),
            short: short.as_deref().map(show_short_code).unwrap_or_default(),
        }
    }
}

/// The account that a client names beside a short code.
pub(crate) struct CodeOwner {
    /// The account; nil if there is none, so that the same is done for it.
    pub account: AccountId,
    /// The name under which guesses are counted.
    pub counted_as: String,
}

impl CodeOwner {
    /// Returns the owner of a session's account.
    pub(crate) fn of_account(account: AccountId) -> Self {
        Self { account, counted_as: account.to_string() }
    }

    /// Returns the owner that a login names.
    pub(crate) async fn of_login(accounts: &Accounts, login: &str) -> Result<Self, Error> {
        let login = normalize_login(login);
        let found = find_credentials(accounts.context.db.read(), LoginName::of(&login)).await?;
        let account = found.map_or(AccountId(Uuid::nil()), |found| found.account.id);
        Ok(Self { account, counted_as: login })
    }
}

/// Returns the code that a client presents, if it can be used. Without an `owner` only the code of a link is found.
pub(crate) async fn check_code(
    accounts: &Accounts,
    presented: &str,
    owner: Option<&CodeOwner>,
) -> Result<MailedCode, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    match (PresentedCode::parse(presented).ok_or(Error::InvalidCode)?, owner) {
        (PresentedCode::Link(secret), _) => {
            store::mailed_codes::find_by_link(sql, &sha256(&secret), now).await?.ok_or(Error::InvalidCode)
        }
        (PresentedCode::Short(_), None) => Err(Error::CodeNeedsLogin),
        (PresentedCode::Short(short), Some(owner)) => {
            accounts.code_guesses.try_acquire(&owner.counted_as, now).map_err(Error::TooManyCodes)?;
            let hash = short_code_hash(accounts, owner.account, &short);
            let found = store::mailed_codes::find_by_short_code(sql, owner.account, &hash, now).await?;
            if found.is_some() {
                accounts.code_guesses.refund(&owner.counted_as);
            }
            found.ok_or(Error::InvalidCode)
        }
    }
}

/// Fails with the time to wait if an account was mailed too many codes for a purpose. Needs the lane of the account.
pub(crate) async fn check_mail_rate(
    sql: &impl Sql,
    account: AccountId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sent = store::mailed_codes::list_recent(sql, account, purpose, now - MAIL_WINDOW).await?;
    match next_mail_in(&sent, now) {
        None => Ok(()),
        Some(wait) => Err(Error::TooManyMails(wait.to_std().unwrap_or_default())),
    }
}

/// Returns the hash under which a short code is stored. It can't be reversed without the installation's secret.
fn short_code_hash(accounts: &Accounts, account: AccountId, short: &str) -> Vec<u8> {
    accounts.context.url_signer.keyed_hash("accounts.mailed_code", &format!("{account} {short}"))
}

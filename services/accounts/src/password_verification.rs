//! Verifies passwords: throttled, and at the same cost for unknown accounts.
//!
//! Owns the order of counting, delaying and hashing. Does not own the counters ([`crate::throttle`]) or the hashes
//! ([`crate::password_hasher`]). Invariant: an attempt is counted before its password is verified, and taken back if
//! the password was not wrong, so that parallel attempts gain nothing.

use contract::AccountId;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{ClientInfo, CurrentSession, Password};
use crate::password_hasher::PasswordCheck;
use crate::state::Accounts;
use crate::store;
use crate::store::accounts::Credentials;
use crate::store::known_networks::{Network, NetworkStatus};
use crate::throttle::AttemptSource;

/// Verifies the password of a client without a session. Also returns the client's network, if it is to be recorded
/// after the sign-in.
pub(crate) async fn verify_login(
    accounts: &Accounts,
    login: &str,
    password: &Password,
    found: Option<&Credentials>,
    client: &ClientInfo,
) -> Result<(PasswordCheck, Option<Network>), Error> {
    // The lookup is made for unknown names as well, so that it takes the same time.
    let account = found.map_or(AccountId(Uuid::nil()), |found| found.account.id);
    let network = accounts.network(account, client);
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let status = store::known_networks::find(sql, account, &network, now).await?;
    let source = match status {
        NetworkStatus::Unknown => AttemptSource::UnknownNetwork { login, address: client.address },
        NetworkStatus::Known | NetworkStatus::SeenRecently => {
            AttemptSource::KnownNetwork { login, address: client.address }
        }
    };
    let stored = found.map(|found| found.password.as_str());
    let check = verify_throttled(accounts, &source, password, stored).await?;
    Ok((check, (status != NetworkStatus::SeenRecently).then_some(network)))
}

/// Verifies the password of a signed-in member. Returns its stored hash.
pub(crate) async fn verify_own_password(
    accounts: &Accounts,
    current: &CurrentSession,
    password: &Password,
) -> Result<String, Error> {
    let stored = store::accounts::find_password(accounts.context.db.read(), current.account.id)
        .await?
        .ok_or(Error::SessionEnded)?;
    // Attempts are counted per session, so that guesses by others can't keep a member from changing the password or
    // erasing the account.
    let source = AttemptSource::Session(current.session.id);
    match verify_throttled(accounts, &source, password, Some(&stored)).await? {
        PasswordCheck::Wrong => Err(Error::WrongPassword),
        PasswordCheck::Right | PasswordCheck::NeedsRehash => Ok(stored),
    }
}

/// Verifies a password and counts the attempt if it is wrong.
async fn verify_throttled(
    accounts: &Accounts,
    source: &AttemptSource<'_>,
    password: &Password,
    stored: Option<&str>,
) -> Result<PasswordCheck, Error> {
    let now = accounts.context.clock.now();
    let attempt = accounts.throttle.try_acquire(source, now).map_err(Error::TooManyAttempts)?;
    if let Err(wait) = accounts.throttle.delay(&attempt).await {
        attempt.refund();
        return Err(Error::TooManyAttempts(wait));
    }
    // No account has such a long password, so it is refused without a hash, whatever the name.
    let checked = if password.fits_limit() {
        accounts.hasher.verify(password, stored, source.priority()).await
    } else {
        Ok(PasswordCheck::Wrong)
    };
    if !matches!(checked, Ok(PasswordCheck::Wrong)) {
        attempt.refund();
    }
    checked
}

//! Signing in.
//!
//! Invariant: neither the response, nor its time, nor the number of attempts reveals whether a login name exists,
//! except on a network from which its owner has signed in before.

use super::open_session::{VerifiedLogin, open_session};
use crate::error::Error;
use crate::model::{ClientInfo, Password, normalize_login};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::password_verification::verify_login;
use crate::state::Accounts;
use crate::store::accounts::{LoginName, find_credentials};
use crate::tokens::SignedIn;

/// Verifies the password and opens a session. `login` is a handle or an e-mail address, in any case.
pub(crate) async fn sign_in(
    accounts: &Accounts,
    login: &str,
    password: &Password,
    device: String,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let signed_in = try_to_sign_in(accounts, login, password, device, client).await;
    accounts.metrics.count_sign_in(match &signed_in {
        Ok(_) => "ok",
        Err(Error::WrongLogin) => "wrong",
        Err(Error::TooManyAttempts(_)) => "limited",
        Err(Error::Busy) => "busy",
        Err(_) => "error",
    });
    signed_in
}

async fn try_to_sign_in(
    accounts: &Accounts,
    login: &str,
    password: &Password,
    device: String,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let login = normalize_login(login);
    let login_name = if login.contains('@') { LoginName::Email(&login) } else { LoginName::Handle(&login) };
    let found = find_credentials(accounts.context.db.read(), login_name).await?;
    let (check, network) = verify_login(accounts, &login, password, found.as_ref(), &client).await?;
    let found = found.filter(|_| check != PasswordCheck::Wrong).ok_or(Error::WrongLogin)?;
    let rehashed = match check {
        PasswordCheck::NeedsRehash => Some(accounts.hasher.hash(password, Priority::Reserved).await?),
        PasswordCheck::Right | PasswordCheck::Wrong => None,
    };
    let login = VerifiedLogin {
        account: found.account,
        password: found.password,
        rehashed,
        device,
        network,
        request_key: client.request_key,
    };
    open_session(accounts, login).await
}

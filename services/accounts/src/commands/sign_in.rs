//! Signing in.
//!
//! Invariant: neither the response, nor its time, nor the number of attempts reveals whether a login name exists,
//! except on a network from which its owner has signed in before.

use super::open_session::{VerifiedLogin, open_session};
use crate::error::Error;
use crate::model::{ClientInfo, Password, Whereabouts, normalize_login};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::password_verification::verify_login;
use crate::state::Accounts;
use crate::store::accounts::{LoginName, find_credentials};
use crate::throttle::network_key;
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
        Err(Error::Suspended { .. }) => "suspended",
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
    let found = find_credentials(accounts.context.db.read(), LoginName::of(&login)).await?;
    let (check, network) = verify_login(accounts, &login, password, found.as_ref(), &client).await?;
    let from = Whereabouts { device, network: network_key(client.address) };
    if check == PasswordCheck::Wrong {
        if let Some(found) = &found {
            accounts.failed_sign_ins.add(found.account.id, from, accounts.context.clock.now());
        }
        return Err(Error::WrongLogin);
    }
    let found = found.ok_or(Error::WrongLogin)?;
    let rehashed = match check {
        PasswordCheck::NeedsRehash => Some(accounts.hasher.hash(password, Priority::Reserved).await?),
        PasswordCheck::Right | PasswordCheck::Wrong => None,
    };
    let login = VerifiedLogin {
        account: found.account,
        password: found.password,
        rehashed,
        from,
        network,
        request_key: client.request_key,
        operators: client.operators,
    };
    open_session(accounts, login).await
}

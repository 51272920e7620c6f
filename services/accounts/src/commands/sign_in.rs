//! Signing in.
//!
//! Invariant: neither the response, nor its time, nor the number of attempts reveals whether a login name exists,
//! except on a network from which its owner has signed in before; and only the right password reveals whether an
//! account has second factors.

use super::open_session::{VerifiedLogin, open_session};
use crate::error::Error;
use crate::factor_verification::verify_second_factor;
use crate::login_lookup::find_by_login;
use crate::model::{ClientInfo, FactorAnswer, Password, Whereabouts, normalize_login};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::password_verification::verify_login;
use crate::state::Accounts;
use crate::throttle::network_key;
use crate::tokens::SignedIn;

/// The input of a sign-in with a password.
#[derive(Debug)]
pub(crate) struct SignInRequest {
    /// A handle or an e-mail address, in any case.
    pub login: String,
    /// The password.
    pub password: Password,
    /// The second factor, for accounts that have one.
    pub factor: Option<FactorAnswer>,
    /// The name of the device.
    pub device: String,
    /// Whether a suspended member signs in for an appeal.
    pub for_appeals: bool,
}

/// Verifies the password, and the second factor of an account that has one, and opens a session.
pub(crate) async fn sign_in(
    accounts: &Accounts,
    request: SignInRequest,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let signed_in = try_to_sign_in(accounts, request, client).await;
    accounts.metrics.count_sign_in(match &signed_in {
        Ok(_) => "ok",
        Err(Error::WrongLogin) => "wrong",
        Err(Error::SecondFactor(_) | Error::WrongFactor) => "second_factor",
        Err(Error::TooManyAttempts(_)) => "limited",
        Err(Error::Busy) => "busy",
        Err(Error::Suspended { .. }) => "suspended",
        Err(_) => "error",
    });
    signed_in
}

async fn try_to_sign_in(accounts: &Accounts, request: SignInRequest, client: ClientInfo) -> Result<SignedIn, Error> {
    let SignInRequest { login, password, factor, device, for_appeals } = request;
    let login = normalize_login(&login);
    let mut named = find_by_login(accounts, &login, &client).await?.into_iter();
    let mut found = named.next();
    let (mut check, mut network) = verify_login(accounts, &login, &password, found.as_ref(), &client).await?;
    while check == PasswordCheck::Wrong
        && let Some(other) = named.next()
    {
        (check, network) = verify_login(accounts, &login, &password, Some(&other), &client).await?;
        found = Some(other);
    }
    let from = Whereabouts { device, network: network_key(client.address) };
    if check == PasswordCheck::Wrong {
        if let Some(found) = &found {
            accounts.failed_sign_ins.add(found.account.id, from, accounts.context.clock.now());
        }
        return Err(Error::WrongLogin);
    }
    let found = found.ok_or(Error::WrongLogin)?;
    let account = found.account.id;
    let factor = verify_second_factor(accounts, account, factor.as_ref(), &client)
        .await
        .inspect_err(|error| accounts.note_wrong_factor(error, account, &from))?;
    let rehashed = match check {
        PasswordCheck::NeedsRehash => Some(accounts.hasher.hash(&password, Priority::Reserved).await?),
        PasswordCheck::Right | PasswordCheck::Wrong => None,
    };
    let login = VerifiedLogin {
        account: found.account,
        password: found.password,
        by_password: true,
        factor,
        rehashed,
        from,
        network,
        request_key: client.request_key,
        operators: client.operators,
        for_appeals,
    };
    open_session(accounts, login).await
}

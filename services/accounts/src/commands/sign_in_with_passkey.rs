//! Signing in with a passkey alone.
//!
//! Invariant: the passkey names its account and its authenticator has verified the user, so that it is two factors.

use serde_json::Value;

use super::open_session::{VerifiedLogin, open_session};
use crate::error::Error;
use crate::factor_verification::verify_lone_passkey;
use crate::model::{ClientInfo, Whereabouts};
use crate::state::Accounts;
use crate::store;
use crate::throttle::network_key;
use crate::tokens::SignedIn;

/// Verifies the response of a passkey and opens a session; for an appeal, also that of a suspended member.
pub(crate) async fn sign_in_with_passkey(
    accounts: &Accounts,
    assertion: &Value,
    device: String,
    for_appeals: bool,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let signed_in = try_to_sign_in(accounts, assertion, device, for_appeals, client).await;
    accounts.metrics.count_sign_in(match &signed_in {
        Ok(_) => "ok",
        Err(Error::WrongFactor) => "second_factor",
        Err(Error::Suspended { .. }) => "suspended",
        Err(_) => "error",
    });
    signed_in
}

async fn try_to_sign_in(
    accounts: &Accounts,
    assertion: &Value,
    device: String,
    for_appeals: bool,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let from = Whereabouts { device, network: network_key(client.address) };
    let (id, factor) = verify_lone_passkey(accounts, assertion, &from).await?;
    let sql = accounts.context.db.read();
    let account = store::accounts::find_by_id(sql, id).await?.ok_or(Error::WrongFactor)?;
    let password = store::accounts::find_password(sql, id).await?.ok_or(Error::WrongFactor)?;
    let login = VerifiedLogin {
        account,
        password,
        by_password: false,
        factor: Some(factor),
        rehashed: None,
        from,
        network: Some(accounts.network(id, &client)),
        request_key: client.request_key,
        operators: client.operators,
        for_appeals,
    };
    open_session(accounts, login).await
}

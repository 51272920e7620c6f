//! Beginning a sign-in by passkey alone.
//!
//! Invariant: the challenge says nothing of any account.

use serde_json::Value;

use crate::error::Error;
use crate::factor_verification::new_challenge;
use crate::model::ClientInfo;
use crate::state::Accounts;
use crate::throttle::client_key;

/// Returns the options for `navigator.credentials.get()`, with which any passkey of this site can respond.
pub(crate) async fn begin_passkey_sign_in(accounts: &Accounts, client: &ClientInfo) -> Result<Value, Error> {
    let now = accounts.context.clock.now();
    accounts.passkey_challenges.try_acquire(&client_key(client.address), now).map_err(Error::TooManyAttempts)?;
    new_challenge(accounts, None, &[]).await
}

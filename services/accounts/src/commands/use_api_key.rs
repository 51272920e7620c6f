//! Exchanging an API key for an access token.
//!
//! Invariant: the token has the scope of the key and the role `member` only, whatever roles the account has.

use db::Lane;

use crate::error::Error;
use crate::model::LAST_USE_INTERVAL;
use crate::state::Accounts;
use crate::store;
use crate::tokens::api_key_claims;

/// Returns an access token of the key with this hash. Fails with [`Error::NoSuchApiKey`] if it does not exist, has
/// expired, or belongs to a suspended account.
pub(crate) async fn use_api_key(accounts: &Accounts, hash: &str) -> Result<String, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let found = store::api_keys::find(sql, hash, now).await?.ok_or(Error::NoSuchApiKey)?;
    let account = store::accounts::find_by_id(sql, found.account).await?.ok_or(Error::NoSuchApiKey)?;
    if account.standing.is_denied(now) {
        return Err(Error::NoSuchApiKey);
    }
    let id = found.key.id;
    if found.key.last_used_at.is_none_or(|used_at| now - used_at >= LAST_USE_INTERVAL) {
        let lane = Lane::of(&found.account);
        accounts.context.db.write(lane, async move |tx| store::api_keys::set_used(tx, id, now).await).await?;
    }
    accounts.signing_keys.sign(&api_key_claims(&account, found.key, now)).await
}

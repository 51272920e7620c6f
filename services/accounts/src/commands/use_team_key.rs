//! Exchanging an API key of the team for an access token.
//!
//! Invariant: the token has the scope of the key; it is one of a member only for a key that may act for members, and
//! then has the role `member` only, whatever roles the account has.

use db::Lane;
use http_server::auth::ACT_FOR_MEMBERS;

use crate::error::Error;
use crate::model::{Account, LAST_USE_INTERVAL};
use crate::state::Accounts;
use crate::store;
use crate::tokens::{api_key_claims, team_key_claims};

/// Returns an access token of the key of the team with this hash: of the member for whom it acts, or of nobody. Fails
/// with [`Error::NoSuchApiKey`] if there is no such key, if it has expired, or if it can't act for this member.
pub(crate) async fn use_team_key(accounts: &Accounts, hash: &str, member: Option<&Account>) -> Result<String, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let key = store::team_keys::find(sql, hash, now).await?.ok_or(Error::NoSuchApiKey)?;
    let may_act = key.scopes.iter().any(|scope| scope == ACT_FOR_MEMBERS);
    if member.is_some_and(|member| !may_act || member.standing.is_denied(now)) {
        return Err(Error::NoSuchApiKey);
    }
    let id = key.id;
    if key.last_used_at.is_none_or(|used_at| now - used_at >= LAST_USE_INTERVAL) {
        let lane = Lane::of(&id);
        accounts.context.db.write(lane, async move |tx| store::team_keys::set_used(tx, id, now).await).await?;
    }
    let claims = match member {
        Some(member) => api_key_claims(member, key, now),
        None => team_key_claims(key, now),
    };
    accounts.signing_keys.sign(&claims).await
}

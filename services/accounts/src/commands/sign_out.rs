//! Signing out with a refresh token, an access token, or both.
//!
//! Invariant: any token of a session ends it, an older one as well.

use db::Lane;

use crate::error::Error;
use crate::model::CurrentSession;
use crate::state::Accounts;
use crate::store;
use crate::tokens::RefreshToken;

/// Ends the session of a refresh token (its newest or an older one) and the session `current`. A session that has ended
/// already is no error.
pub(crate) async fn sign_out(
    accounts: &Accounts,
    token: Option<&str>,
    current: Option<CurrentSession>,
) -> Result<(), Error> {
    let mut ended = Vec::new();
    if let Some(token) = token.and_then(RefreshToken::parse)
        && let Some(family) = store::sessions::find_family(accounts.context.db.read(), &token).await?
    {
        ended.push((family.account.id, family.session));
    }
    ended.extend(current.map(|current| (current.account.id, current.session.id)));
    if ended.is_empty() {
        return Ok(());
    }
    // The two may belong to two accounts.
    let now = accounts.context.clock.now();
    let lanes = Lane::of_each(ended.iter().map(|(account, _)| account));
    accounts
        .context
        .db
        .write(lanes, async move |tx| {
            for &(account, session) in &ended {
                store::sessions::remove(tx, account, session, now).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    Ok(())
}

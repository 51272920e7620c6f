//! Refresh: exchanges a refresh token for a new pair of tokens.
//!
//! Invariant: two requests with one token get the same successor, or one of them ends the session:
//! [`Rotation`] has the rule.

use db::Lane;

use crate::error::Error;
use crate::model::Rotation;
use crate::state::Accounts;
use crate::store;
use crate::tokens::{RefreshToken, SignedIn, TokenSession};

/// Rotates a refresh token and signs a new access token. `operators` says whether the request came through the
/// operators' listener: a session goes on at its own listener only.
pub(crate) async fn refresh_session(accounts: &Accounts, text: &str, operators: bool) -> Result<SignedIn, Error> {
    let refreshed = try_to_refresh(accounts, text, operators).await;
    accounts.metrics.count_refresh(match &refreshed {
        Ok((_, Rotation::Repeated)) => "repeated",
        Ok(_) => "rotated",
        Err(Error::RefreshReused) => "reused",
        Err(Error::InvalidRefresh) => "invalid",
        Err(Error::Suspended { .. }) => "suspended",
        Err(_) => "error",
    });
    refreshed.map(|(signed_in, _)| signed_in)
}

async fn try_to_refresh(accounts: &Accounts, text: &str, operators: bool) -> Result<(SignedIn, Rotation), Error> {
    let token = RefreshToken::parse(text).ok_or(Error::InvalidRefresh)?;
    let (now, limits) = (accounts.context.clock.now(), accounts.config.session_limits(operators));
    let family = store::sessions::find_family(accounts.context.db.read(), &token)
        .await?
        .filter(|family| family.operators == operators && limits.allow(family.opened_at, family.last_seen_at, now))
        .ok_or(Error::InvalidRefresh)?;
    // Before the rotation: the token stays valid for the time after the suspension.
    family.account.standing.check_usable(now)?;
    let (account, session) = (family.account.id, family.session);
    let next = token.successor(&family.chain_key);
    let successor = next.clone();
    let rotation = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if store::sessions::replace_token(tx, session, &token, &successor, now).await? {
                return Ok(Rotation::Rotated);
            }
            let replaced = store::sessions::find_replaced_token(tx, session).await?;
            let rotation = Rotation::without_current(replaced.as_ref(), &token.secret_hash(), now);
            if rotation == Rotation::Reused {
                store::sessions::remove(tx, account, session, now).await?;
            }
            Ok::<_, db::Error>(rotation)
        })
        .await?;
    match rotation {
        Rotation::Rotated | Rotation::Repeated => {
            let ends_at = limits.end(family.opened_at);
            let authentication = family.authentication;
            let of_token = TokenSession { id: session, authentication, operators, ends_at, is_for_appeals: false };
            Ok((accounts.signing_keys.issue(family.account, &of_token, &next).await?, rotation))
        }
        Rotation::Gone => Err(Error::InvalidRefresh),
        Rotation::Reused => {
            tracing::warn!(
                session.id = %session,
                account.id = %account,
                "a refresh token was used twice, so its session was ended"
            );
            Err(Error::RefreshReused)
        }
    }
}

//! Refresh: exchanges a refresh token for a new pair of tokens.
//!
//! Each refresh token can be used once. Invariant: a token that is used twice ends its session, unless the second use
//! comes within [`REUSE_GRACE`](crate::tokens::REUSE_GRACE) (30 s) and the successor has not been used. Then the
//! response was lost, and the same successor is returned again.

use super::{Accounts, SignedIn};
use crate::error::Error;
use crate::store;
use crate::store::sessions::Rotation;
use crate::tokens::RefreshToken;

impl Accounts {
    /// Rotates a refresh token and signs a new access token.
    pub(crate) async fn refresh(&self, text: &str) -> Result<SignedIn, Error> {
        let refreshed = self.try_to_refresh(text).await;
        self.metrics.count_refresh(match &refreshed {
            Ok((_, Rotation::Repeated)) => "repeated",
            Ok(_) => "rotated",
            Err(Error::RefreshReused) => "reused",
            Err(Error::InvalidRefresh) => "invalid",
            Err(_) => "error",
        });
        refreshed.map(|(signed_in, _)| signed_in)
    }

    async fn try_to_refresh(&self, text: &str) -> Result<(SignedIn, Rotation), Error> {
        let token = RefreshToken::parse(text).ok_or(Error::InvalidRefresh)?;
        let now = self.context.clock.now();
        let found = store::sessions::find_family(self.context.db.read(), &token).await?;
        let family = found
            .filter(|family| now - family.last_seen_at < self.config.session_idle_timeout())
            .ok_or(Error::InvalidRefresh)?;
        let (session, next) = (family.session, token.successor(&family.chain_key));
        let successor = next.clone();
        let rotation = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move { store::sessions::rotate(tx, session, &token, &successor, now).await })
            })
            .await?;
        match rotation {
            Rotation::Rotated | Rotation::Repeated => {
                Ok((self.issue_tokens(family.account, session, &next).await?, rotation))
            }
            Rotation::Gone => Err(Error::InvalidRefresh),
            Rotation::Reused => {
                tracing::warn!(session.id = %session, account.id = %family.account.id, "a refresh token was used twice, so its session was ended");
                Err(Error::RefreshReused)
            }
        }
    }
}

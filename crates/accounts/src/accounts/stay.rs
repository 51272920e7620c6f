//! Staying signed in: a refresh token for the next pair.
//!
//! Each token is good for one use. Invariant: a token that is used twice ends its session, unless the second use comes within ten
//! seconds and nobody has used the successor: then the answer was lost, and the same successor is given again.

use super::{Accounts, SignedIn};
use crate::error::Error;
use crate::store;
use crate::store::sessions::Turn;
use crate::tokens::Refresh;

impl Accounts {
    /// Replaces a refresh token and signs a fresh access token.
    pub(crate) async fn refresh(&self, text: &str) -> Result<SignedIn, Error> {
        let refreshed = self.try_to_refresh(text).await;
        self.figures.refresh(match &refreshed {
            Ok((_, Turn::Repeated)) => "repeated",
            Ok(_) => "rotated",
            Err(Error::RefreshReused) => "reused",
            Err(Error::InvalidRefresh) => "invalid",
            Err(_) => "fault",
        });
        refreshed.map(|(signed_in, _)| signed_in)
    }

    async fn try_to_refresh(&self, text: &str) -> Result<(SignedIn, Turn), Error> {
        let token = Refresh::parse(text).ok_or(Error::InvalidRefresh)?;
        let now = self.context.clock.now();
        let found = store::sessions::find_family(self.context.db.read(), &token).await?;
        let family = found.filter(|family| now - family.last_seen_at < self.config.idle()).ok_or(Error::InvalidRefresh)?;
        let (session, next) = (family.session, token.successor(&family.chain_key));
        let successor = next.clone();
        let turn = self.context.db.write(move |tx| Box::pin(async move { store::sessions::rotate(tx, session, &token, &successor, now).await })).await?;
        match turn {
            Turn::Rotated | Turn::Repeated => Ok((self.tokens(family.account, session, &next).await?, turn)),
            Turn::Gone => Err(Error::InvalidRefresh),
            Turn::Reused => {
                tracing::warn!(session.id = %session, account.id = %family.account.id, "a refresh token was used twice; its session is ended");
                Err(Error::RefreshReused)
            }
        }
    }
}

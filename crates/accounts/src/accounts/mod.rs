//! What people can do here: sign up, sign in, stay signed in, change their profile, leave.
//!
//! Each verb applies the rules of [`crate::model`], opens the transaction, writes, records its event. Invariant: an answer that carries
//! tokens is given only after the session is durable.

mod own;
mod sign_in;
mod sign_up;
mod stay;

use std::net::IpAddr;
use std::sync::Arc;

use contract::AccountId;
use kit::Context;
use kit::service::BootError;
use uuid::Uuid;

use crate::brakes::{Brakes, household, network};
use crate::config::Config;
use crate::error::Error;
use crate::figures::Figures;
use crate::keys::Keys;
use crate::limits::Limiter;
use crate::model::{Account, Seat, Session};
use crate::passwords::Hasher;
use crate::store;
use crate::store::networks::Network;
use crate::tokens::{self, Refresh};

pub(crate) use sign_up::Wish;

/// The role's whole state; cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

pub(crate) struct Inner {
    /// What the role may touch.
    pub context: Context,
    /// How it is configured.
    pub config: Config,
    /// Signs access tokens.
    pub keys: Keys,
    hasher: Hasher,
    figures: Figures,
    brakes: Brakes,
    sign_ups: Limiter,
}

impl std::ops::Deref for Accounts {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// The client's address, as far as it is known.
    pub address: Option<IpAddr>,
    /// Its `Idempotency-Key`, hashed.
    pub request_key: Option<Vec<u8>>,
}

impl Asker {
    /// Under which name sign-ups from there are counted.
    fn household(&self) -> String {
        household(self.address)
    }
}

/// Somebody who has just signed in, or stayed so.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// Who.
    pub account: Account,
    /// For the next 15 minutes.
    pub access_token: String,
    /// For afterwards.
    pub refresh_token: String,
}

impl Accounts {
    /// Reads the configuration and the keys.
    pub(crate) async fn open(context: Context) -> Result<Self, BootError> {
        let config = context.config.section::<Config>("accounts")?.check()?;
        let keys = Keys::open(context.db.clone(), context.clock.clone(), &config).await.map_err(|error| BootError::Other(format!("the signing keys can't be read: {error}")))?;
        let hasher = Hasher::new(&config)?;
        let figures = Figures::register(&context.metrics, &hasher.made);
        Ok(Self(Arc::new(Inner {
            brakes: Brakes::new(&config),
            sign_ups: Limiter::new(config.signups_per_address, chrono::TimeDelta::hours(1)),
            context,
            config,
            keys,
            hasher,
            figures,
        })))
    }

    /// The account and session behind a checked token, if the session has not ended.
    pub(crate) async fn seat(&self, account: AccountId, session: Uuid) -> Result<Seat, Error> {
        store::accounts::find_seat(self.context.db.read(), account, session).await?.ok_or(Error::SessionEnded)
    }

    /// The account with this handle.
    pub(crate) async fn find(&self, handle: &str) -> Result<Account, Error> {
        store::accounts::find(self.context.db.read(), &handle.to_ascii_lowercase()).await?.ok_or(Error::NoSuchAccount)
    }

    /// A page of somebody's sessions, newest first, and where the next begins.
    pub(crate) async fn sessions(&self, seat: &Seat, before: Option<Uuid>, limit: usize) -> Result<(Vec<Session>, Option<Uuid>), Error> {
        let since = self.context.clock.now() - self.config.idle();
        let mut sessions = store::sessions::list(self.context.db.read(), seat.account.id, since, before.unwrap_or(Uuid::max()), limit + 1).await?;
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        let next = sessions.last().filter(|_| more).map(|session| session.id);
        Ok((sessions, next))
    }

    /// Ends one of somebody's sessions.
    pub(crate) async fn end_session(&self, seat: &Seat, session: Uuid) -> Result<(), Error> {
        let account = seat.account.id;
        let ended = self.context.db.write(move |tx| Box::pin(async move { store::sessions::remove(tx, account, session).await })).await?;
        if ended { Ok(()) } else { Err(Error::NoSuchSession) }
    }

    /// A network as an account remembers it: nothing can be read from it without the installation's secret.
    fn network(&self, account: AccountId, asker: &Asker) -> Network {
        self.context.grants.keyed_hash("accounts.network", &format!("{account} {}", network(asker.address)))
    }

    /// Ends the session that a refresh token belongs to, be it the newest or an older one of it, and that of `seat`. What has ended
    /// already is none of the caller's trouble.
    pub(crate) async fn leave(&self, token: Option<&str>, seat: Option<Seat>) -> Result<(), Error> {
        let token = token.and_then(Refresh::parse);
        self.context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(token) = token {
                        store::sessions::remove_family(tx, &token).await?;
                    }
                    if let Some(seat) = seat {
                        store::sessions::remove(tx, seat.account.id, seat.session.id).await?;
                    }
                    Ok::<_, kit::db::Error>(())
                })
            })
            .await?;
        Ok(())
    }

    /// Ends all sessions of a member.
    pub(crate) async fn end_all_sessions(&self, seat: &Seat) -> Result<(), Error> {
        let account = seat.account.id;
        self.context.db.write(move |tx| Box::pin(async move { store::sessions::remove_all(tx, account).await })).await?;
        Ok(())
    }

    /// The pair of tokens that a session answers with.
    async fn tokens(&self, account: Account, session: Uuid, refresh: &Refresh) -> Result<SignedIn, Error> {
        let access_token = self.keys.sign(&tokens::claims(&account, session, self.context.clock.now())).await?;
        Ok(SignedIn { account, access_token, refresh_token: refresh.text() })
    }
}

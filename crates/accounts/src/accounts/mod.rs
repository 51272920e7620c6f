//! The operations on accounts: sign up, sign in, refresh, change the profile, sign out, erase.
//!
//! Each operation applies the rules of [`crate::model`], opens a transaction, writes, and records its event. Invariant:
//! tokens are returned only after their session has been committed.

mod profile;
mod refresh;
mod sign_in;
mod sign_up;

use std::net::IpAddr;
use std::sync::Arc;

use contract::AccountId;
use kit::Context;
use kit::service::BootError;
use uuid::Uuid;

use crate::config::Config;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::model::{Account, CurrentSession, Session};
use crate::password_hasher::Hasher;
use crate::rate_limiter::RateLimiter;
use crate::signing_keys::SigningKeys;
use crate::store;
use crate::store::known_networks::Network;
use crate::throttle::{Throttle, client_key, network_key};
use crate::tokens::{self, RefreshToken};

pub(crate) use sign_up::SignUpRequest;

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, peers, events.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// The keys that sign access tokens.
    pub signing_keys: SigningKeys,
    hasher: Hasher,
    metrics: Metrics,
    throttle: Throttle,
    sign_ups: RateLimiter,
}

impl std::ops::Deref for Accounts {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What is known of a request's client.
#[derive(Debug, Clone)]
pub(crate) struct ClientInfo {
    /// The client's IP address, if it is known.
    pub address: Option<IpAddr>,
    /// The hash of the request's `Idempotency-Key`.
    pub request_key: Option<Vec<u8>>,
}

impl ClientInfo {
    /// Returns the key under which this client's sign-ups are counted.
    fn rate_limit_key(&self) -> String {
        client_key(self.address)
    }
}

/// The result of a sign-in or refresh.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The account that is signed in.
    pub account: Account,
    /// The access token, valid for 15 minutes.
    pub access_token: String,
    /// The refresh token for the next pair.
    pub refresh_token: String,
}

impl Accounts {
    /// Loads the configuration and the signing keys.
    pub(crate) async fn open(context: Context) -> Result<Self, BootError> {
        let config = Config::load(&context.config)?;
        let signing_keys = SigningKeys::open(context.db.clone(), context.clock.clone(), &config)
            .await
            .map_err(|error| BootError::Other(format!("the signing keys can't be loaded: {error}")))?;
        let hasher = Hasher::new(&config)?;
        let metrics = Metrics::register(&context.metrics, &hasher.hashes);
        Ok(Self(Arc::new(Inner {
            throttle: Throttle::new(&config),
            sign_ups: RateLimiter::new(config.sign_ups_per_address, chrono::TimeDelta::hours(1)),
            context,
            config,
            signing_keys,
            hasher,
            metrics,
        })))
    }

    /// Returns the account and session of a verified token, or [`Error::SessionEnded`].
    pub(crate) async fn current_session(&self, account: AccountId, session: Uuid) -> Result<CurrentSession, Error> {
        store::accounts::find_current_session(self.context.db.read(), account, session)
            .await?
            .ok_or(Error::SessionEnded)
    }

    /// Returns the account with this handle, in any case, or [`Error::NoSuchAccount`].
    pub(crate) async fn find(&self, handle: &str) -> Result<Account, Error> {
        store::accounts::find(self.context.db.read(), &handle.to_ascii_lowercase()).await?.ok_or(Error::NoSuchAccount)
    }

    /// Returns a page of the account's sessions, newest first, and the cursor of the next page.
    pub(crate) async fn sessions(
        &self,
        current: &CurrentSession,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<(Vec<Session>, Option<Uuid>), Error> {
        let since = self.context.clock.now() - self.config.session_idle_timeout();
        let mut sessions = store::sessions::list(
            self.context.db.read(),
            current.account.id,
            since,
            before.unwrap_or(Uuid::max()),
            limit + 1,
        )
        .await?;
        let has_more = sessions.len() > limit;
        sessions.truncate(limit);
        let next = sessions.last().filter(|_| has_more).map(|session| session.id);
        Ok((sessions, next))
    }

    /// Ends one of the account's sessions.
    pub(crate) async fn end_session(&self, current: &CurrentSession, session: Uuid) -> Result<(), Error> {
        let account = current.account.id;
        let removed = self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::sessions::remove(tx, account, session).await }))
            .await?;
        if removed { Ok(()) } else { Err(Error::NoSuchSession) }
    }

    /// Returns the keyed hash of a client's network for an account. It can't be reversed without the installation's
    /// secret.
    fn network(&self, account: AccountId, client: &ClientInfo) -> Network {
        self.context.url_signer.keyed_hash("accounts.network", &format!("{account} {}", network_key(client.address)))
    }

    /// Ends the session of a refresh token (its newest or an older one) and the session `current`. A session that has
    /// ended already is no error.
    pub(crate) async fn sign_out(&self, token: Option<&str>, current: Option<CurrentSession>) -> Result<(), Error> {
        let token = token.and_then(RefreshToken::parse);
        self.context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(token) = token {
                        store::sessions::remove_family(tx, &token).await?;
                    }
                    if let Some(current) = current {
                        store::sessions::remove(tx, current.account.id, current.session.id).await?;
                    }
                    Ok::<_, kit::db::Error>(())
                })
            })
            .await?;
        Ok(())
    }

    /// Ends all sessions of the account.
    pub(crate) async fn end_all_sessions(&self, current: &CurrentSession) -> Result<(), Error> {
        let account = current.account.id;
        self.context
            .db
            .write(move |tx| Box::pin(async move { store::sessions::remove_all(tx, account).await }))
            .await?;
        Ok(())
    }

    /// Signs an access token and returns it with the refresh token.
    async fn issue_tokens(&self, account: Account, session: Uuid, refresh: &RefreshToken) -> Result<SignedIn, Error> {
        let access_token = self.signing_keys.sign(&tokens::claims(&account, session, self.context.clock.now())).await?;
        Ok(SignedIn { account, access_token, refresh_token: refresh.encode() })
    }
}

//! Signing in.
//!
//! Invariant: neither the response, nor its time, nor the number of attempts reveals whether a login name exists,
//! except on a network from which its owner has signed in before.

use contract::AccountId;
use kit::db;
use uuid::Uuid;

use super::{Accounts, ClientInfo, SignedIn};
use crate::error::Error;
use crate::model::{Account, CurrentSession, Password};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::store;
use crate::store::accounts::{Credentials, LoginName};
use crate::store::known_networks::{Network, NetworkStatus};
use crate::store::sessions::NewSession;
use crate::throttle::AttemptSource;
use crate::tokens::RefreshToken;

/// A login whose password has been verified.
pub(super) struct VerifiedLogin {
    pub account: Account,
    /// The hash that the password was verified against.
    pub password: String,
    /// A hash of the same password with the configured parameters, which replaces the stored one.
    pub rehashed: Option<String>,
    /// The name of the device.
    pub device: String,
    /// The client's network, if it is to be recorded.
    pub network: Option<Network>,
}

impl Accounts {
    /// Verifies the password and opens a session. `login` is a handle or an e-mail address, in any case.
    pub(crate) async fn sign_in(
        &self,
        login: &str,
        password: &Password,
        device: String,
        client: ClientInfo,
    ) -> Result<SignedIn, Error> {
        let signed_in = self.try_to_sign_in(login, password, device, client).await;
        self.metrics.count_sign_in(match &signed_in {
            Ok(_) => "ok",
            Err(Error::WrongLogin) => "wrong",
            Err(Error::TooManyAttempts(_)) => "limited",
            Err(Error::Busy) => "busy",
            Err(_) => "error",
        });
        signed_in
    }

    async fn try_to_sign_in(
        &self,
        login: &str,
        password: &Password,
        device: String,
        client: ClientInfo,
    ) -> Result<SignedIn, Error> {
        let login = login.trim().to_ascii_lowercase();
        let login_name = if login.contains('@') { LoginName::Email(&login) } else { LoginName::Handle(&login) };
        let found = store::accounts::find_credentials(self.context.db.read(), login_name).await?;
        let (check, network) = self.verify_login(&login, password, found.as_ref(), &client).await?;
        let found = found.filter(|_| check != PasswordCheck::Wrong).ok_or(Error::WrongLogin)?;
        let rehashed = if check == PasswordCheck::NeedsRehash {
            Some(self.hasher.hash(password, Priority::Reserved).await?)
        } else {
            None
        };
        self.open_session(
            VerifiedLogin { account: found.account, password: found.password, rehashed, device, network },
            client.request_key,
        )
        .await
    }

    /// Verifies the password of a client without a session. Also returns the client's network, if it is to be recorded
    /// after the sign-in.
    pub(super) async fn verify_login(
        &self,
        login: &str,
        password: &Password,
        found: Option<&Credentials>,
        client: &ClientInfo,
    ) -> Result<(PasswordCheck, Option<Network>), Error> {
        // The lookup is made for unknown names as well, so that it takes the same time.
        let account = found.map_or(AccountId(Uuid::nil()), |found| found.account.id);
        let network = self.network(account, client);
        let status =
            store::known_networks::find(self.context.db.read(), account, &network, self.context.clock.now()).await?;
        let source = match status {
            NetworkStatus::Unknown => AttemptSource::UnknownNetwork { login, address: client.address },
            NetworkStatus::Known | NetworkStatus::SeenRecently => {
                AttemptSource::KnownNetwork { login, address: client.address }
            }
        };
        let check = self.verify_throttled(&source, password, found.map(|found| found.password.as_str())).await?;
        Ok((check, (status != NetworkStatus::SeenRecently).then_some(network)))
    }

    /// Verifies the password of a signed-in member. Returns its stored hash.
    pub(super) async fn verify_own_password(
        &self,
        current: &CurrentSession,
        password: &Password,
    ) -> Result<String, Error> {
        let stored = store::accounts::find_password(self.context.db.read(), current.account.id)
            .await?
            .ok_or(Error::SessionEnded)?;
        // Attempts are counted per session, so that guesses by others can't keep a member from changing the password or
        // erasing the account.
        match self.verify_throttled(&AttemptSource::Session(current.session.id), password, Some(&stored)).await? {
            PasswordCheck::Wrong => Err(Error::WrongPassword),
            PasswordCheck::Right | PasswordCheck::NeedsRehash => Ok(stored),
        }
    }

    /// Verifies a password and counts the attempt if it is wrong. The attempt is counted first and refunded later, so
    /// that parallel attempts gain nothing.
    async fn verify_throttled(
        &self,
        source: &AttemptSource<'_>,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<PasswordCheck, Error> {
        let attempt = self.throttle.try_acquire(source, self.context.clock.now()).map_err(Error::TooManyAttempts)?;
        if let Err(wait) = self.throttle.delay(&attempt).await {
            attempt.refund();
            return Err(Error::TooManyAttempts(wait));
        }
        // No account has such a long password, so it is refused without a hash, whatever the name.
        let fits_limit = password.fits_limit();
        let checked = if fits_limit {
            self.hasher.verify(password, stored, source.priority()).await
        } else {
            Ok(PasswordCheck::Wrong)
        };
        if !matches!(checked, Ok(PasswordCheck::Wrong)) {
            attempt.refund();
        }
        checked
    }

    /// Creates a session, not stored yet, and its first refresh token.
    pub(super) fn new_session(
        &self,
        account: AccountId,
        password: String,
        device: String,
        request_key: Option<Vec<u8>>,
    ) -> (NewSession, RefreshToken) {
        let token = RefreshToken::random();
        let chain_key = rand::random::<[u8; 32]>().to_vec();
        let new = NewSession {
            id: Uuid::now_v7(),
            account,
            password,
            device,
            request_key,
            chain_key,
            token: token.clone(),
            at: self.context.clock.now(),
        };
        (new, token)
    }

    /// Stores a session for a verified login and returns its tokens.
    pub(super) async fn open_session(
        &self,
        login: VerifiedLogin,
        request_key: Option<Vec<u8>>,
    ) -> Result<SignedIn, Error> {
        let VerifiedLogin { account, password, rehashed, device, network } = login;
        let (mut new, token) = self.new_session(account.id, password, device, request_key);
        let (session, max_sessions) = (new.id, self.config.sessions_per_account);
        let opened = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(rehashed) = rehashed
                        && store::accounts::update_password(tx, new.account, &new.password, &rehashed).await?
                    {
                        new.password = rehashed;
                    }
                    // An earlier session of the same request: its response was lost, so its tokens are unused.
                    if let Some(key) = &new.request_key {
                        store::sessions::remove_by_request_key(tx, new.account, key, new.at).await?;
                    }
                    let opened = store::sessions::insert(tx, &new).await?;
                    store::sessions::remove_excess(tx, new.account, max_sessions).await?;
                    if opened && let Some(network) = &network {
                        store::known_networks::record(tx, new.account, network, new.at).await?;
                    }
                    Ok::<_, db::Error>(opened)
                })
            })
            .await?;
        // The password was changed, or the account erased, during the verification.
        if !opened {
            return Err(Error::WrongLogin);
        }
        self.issue_tokens(account, session, &token).await
    }
}

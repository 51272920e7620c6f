//! Signing in.
//!
//! Invariant: whether a name is known can't be told from the answer, its time, or when attempts run out, except on a network from
//! which its owner has signed in.

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

/// A session to be opened.
pub(super) struct VerifiedLogin {
    pub account: Account,
    /// The hash that the password was checked against.
    pub password: String,
    /// A stronger one of the same password, to be stored in its place.
    pub rehashed: Option<String>,
    /// What the device calls itself.
    pub device: String,
    /// The network, if it is to be noted.
    pub network: Option<Network>,
}

impl Accounts {
    /// Opens a session for whoever knows the password. `login` is a handle or an address, in any case.
    pub(crate) async fn sign_in(&self, login: &str, password: &Password, device: String, client: ClientInfo) -> Result<SignedIn, Error> {
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

    async fn try_to_sign_in(&self, login: &str, password: &Password, device: String, client: ClientInfo) -> Result<SignedIn, Error> {
        let login = login.trim().to_ascii_lowercase();
        let login_name = if login.contains('@') { LoginName::Email(&login) } else { LoginName::Handle(&login) };
        let found = store::accounts::find_credentials(self.context.db.read(), login_name).await?;
        let (check, network) = self.verify_login(&login, password, found.as_ref(), &client).await?;
        let found = found.filter(|_| check != PasswordCheck::Wrong).ok_or(Error::WrongLogin)?;
        let rehashed = if check == PasswordCheck::NeedsRehash { Some(self.hasher.hash(password, Priority::Reserved).await?) } else { None };
        self.open_session(VerifiedLogin { account: found.account, password: found.password, rehashed, device, network }, client.request_key).await
    }

    /// Checks the password of somebody without a session. Answers also where they are, if that is to be noted once they are in.
    pub(super) async fn verify_login(&self, login: &str, password: &Password, found: Option<&Credentials>, client: &ClientInfo) -> Result<(PasswordCheck, Option<Network>), Error> {
        // Asked for a name that is not known as well, so that it takes as long.
        let account = found.map_or(AccountId(Uuid::nil()), |found| found.account.id);
        let network = self.network(account, client);
        let status = store::known_networks::find(self.context.db.read(), account, &network, self.context.clock.now()).await?;
        let source = match status {
            NetworkStatus::Unknown => AttemptSource::UnknownNetwork { login, address: client.address },
            NetworkStatus::Known | NetworkStatus::SeenRecently => AttemptSource::KnownNetwork { login, address: client.address },
        };
        let check = self.verify_throttled(&source, password, found.map(|found| found.password.as_str())).await?;
        Ok((check, (status != NetworkStatus::SeenRecently).then_some(network)))
    }

    /// Checks the password of somebody who is signed in; answers its hash.
    pub(super) async fn verify_own_password(&self, current: &CurrentSession, password: &Password) -> Result<String, Error> {
        let stored = store::accounts::find_password(self.context.db.read(), current.account.id).await?.ok_or(Error::SessionEnded)?;
        // A budget of its own: who guesses from outside can't keep a member from changing the password or leaving.
        match self.verify_throttled(&AttemptSource::Session(current.session.id), password, Some(&stored)).await? {
            PasswordCheck::Wrong => Err(Error::WrongPassword),
            PasswordCheck::Right | PasswordCheck::NeedsRehash => Ok(stored),
        }
    }

    /// Checks a password and counts it if it is wrong. It is counted before it is checked, so that trying many at once gains nothing.
    async fn verify_throttled(&self, source: &AttemptSource<'_>, password: &Password, stored: Option<&str>) -> Result<PasswordCheck, Error> {
        let attempt = self.throttle.try_acquire(source, self.context.clock.now()).map_err(Error::TooManyAttempts)?;
        if let Err(wait) = self.throttle.delay(&attempt).await {
            attempt.refund();
            return Err(Error::TooManyAttempts(wait));
        }
        // Nobody has so long a password, whatever the name: not worth a hash.
        let fits_limit = password.fits_limit();
        let checked = if fits_limit { self.hasher.verify(password, stored, source.priority()).await } else { Ok(PasswordCheck::Wrong) };
        if !matches!(checked, Ok(PasswordCheck::Wrong)) {
            attempt.refund();
        }
        checked
    }

    /// A session to be written, and its first token.
    pub(super) fn new_session(&self, account: AccountId, password: String, device: String, request_key: Option<Vec<u8>>) -> (NewSession, RefreshToken) {
        let token = RefreshToken::random();
        let chain_key = rand::random::<[u8; 32]>().to_vec();
        let new = NewSession { id: Uuid::now_v7(), account, password, device, request_key, chain_key, token: token.clone(), at: self.context.clock.now() };
        (new, token)
    }

    /// Opens a session for somebody whose password was checked.
    pub(super) async fn open_session(&self, login: VerifiedLogin, request_key: Option<Vec<u8>>) -> Result<SignedIn, Error> {
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
                    // The session of the same request, whose answer was lost: nobody has its tokens.
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
        // The password was changed, or the account erased, while we checked.
        if !opened {
            return Err(Error::WrongLogin);
        }
        self.issue_tokens(account, session, &token).await
    }
}

//! Signing in.
//!
//! Invariant: whether a name is known can't be told from the answer, its time, or when attempts run out, except on a network from
//! which its owner has signed in.

use contract::AccountId;
use kit::db;
use uuid::Uuid;

use super::{Accounts, Asker, SignedIn};
use crate::brakes::Guesser;
use crate::error::Error;
use crate::model::{Account, Password, Seat};
use crate::passwords::{Rank, Verdict};
use crate::store;
use crate::store::accounts::{By, Credentials};
use crate::store::networks::{Acquaintance, Network};
use crate::store::sessions::New;
use crate::tokens::Refresh;

/// A session to be opened.
pub(super) struct Opening {
    pub account: Account,
    /// The hash that the password was checked against.
    pub password: String,
    /// A stronger one of the same password, to be stored in its place.
    pub stronger: Option<String>,
    /// What the device calls itself.
    pub device: String,
    /// The network, if it is to be noted.
    pub place: Option<Network>,
}

impl Accounts {
    /// Opens a session for whoever knows the password. `login` is a handle or an address, in any case.
    pub(crate) async fn sign_in(&self, login: &str, password: &Password, device: String, asker: Asker) -> Result<SignedIn, Error> {
        let signed_in = self.try_to_sign_in(login, password, device, asker).await;
        self.figures.log_in(match &signed_in {
            Ok(_) => "ok",
            Err(Error::WrongLogin) => "wrong",
            Err(Error::TooManyAttempts(_)) => "limited",
            Err(Error::Busy) => "busy",
            Err(_) => "fault",
        });
        signed_in
    }

    async fn try_to_sign_in(&self, login: &str, password: &Password, device: String, asker: Asker) -> Result<SignedIn, Error> {
        let login = login.trim().to_ascii_lowercase();
        let by = if login.contains('@') { By::Email(&login) } else { By::Handle(&login) };
        let found = store::accounts::find_credentials(self.context.db.read(), by).await?;
        let (verdict, place) = self.check_from_outside(&login, password, found.as_ref(), &asker).await?;
        let found = found.filter(|_| verdict != Verdict::Wrong).ok_or(Error::WrongLogin)?;
        let stronger = if verdict == Verdict::RightButOld { Some(self.hasher.hash(password, Rank::Known).await?) } else { None };
        self.open_session(Opening { account: found.account, password: found.password, stronger, device, place }, asker.request_key).await
    }

    /// Checks the password of somebody without a session. Answers also where they are, if that is to be noted once they are in.
    pub(super) async fn check_from_outside(&self, login: &str, password: &Password, found: Option<&Credentials>, asker: &Asker) -> Result<(Verdict, Option<Network>), Error> {
        // Asked for a name that is not known as well, so that it takes as long.
        let account = found.map_or(AccountId(Uuid::nil()), |found| found.account.id);
        let network = self.network(account, asker);
        let acquaintance = store::networks::find(self.context.db.read(), account, &network, self.context.clock.now()).await?;
        let guesser = match acquaintance {
            Acquaintance::Stranger => Guesser::Stranger { login, address: asker.address },
            Acquaintance::Known | Acquaintance::JustNoted => Guesser::Known { login, address: asker.address },
        };
        let verdict = self.check_counted(&guesser, password, found.map(|found| found.password.as_str())).await?;
        Ok((verdict, (acquaintance != Acquaintance::JustNoted).then_some(network)))
    }

    /// Checks the password of somebody who is signed in; answers its hash.
    pub(super) async fn confirm(&self, seat: &Seat, password: &Password) -> Result<String, Error> {
        let stored = store::accounts::find_password(self.context.db.read(), seat.account.id).await?.ok_or(Error::SessionEnded)?;
        // A budget of its own: who guesses from outside can't keep a member from changing the password or leaving.
        match self.check_counted(&Guesser::Session(seat.session.id), password, Some(&stored)).await? {
            Verdict::Wrong => Err(Error::WrongPassword),
            Verdict::Right | Verdict::RightButOld => Ok(stored),
        }
    }

    /// Checks a password and counts it if it is wrong. It is counted before it is checked, so that trying many at once gains nothing.
    async fn check_counted(&self, guesser: &Guesser<'_>, password: &Password, stored: Option<&str>) -> Result<Verdict, Error> {
        let attempt = self.brakes.take(guesser, self.context.clock.now()).map_err(Error::TooManyAttempts)?;
        if let Err(wait) = self.brakes.slow_down(&attempt).await {
            attempt.forgive();
            return Err(Error::TooManyAttempts(wait));
        }
        // Nobody has so long a password, whatever the name: not worth a hash.
        let plausible = password.is_plausible();
        let checked = if plausible { self.hasher.check(password, stored, guesser.rank()).await } else { Ok(Verdict::Wrong) };
        if !matches!(checked, Ok(Verdict::Wrong)) {
            attempt.forgive();
        }
        checked
    }

    /// A session to be written, and its first token.
    pub(super) fn new_session(&self, account: AccountId, password: String, device: String, request_key: Option<Vec<u8>>) -> (New, Refresh) {
        let token = Refresh::random();
        let chain_key = rand::random::<[u8; 32]>().to_vec();
        let new = New { id: Uuid::now_v7(), account, password, device, request_key, chain_key, token: token.clone(), at: self.context.clock.now() };
        (new, token)
    }

    /// Opens a session for somebody whose password was checked.
    pub(super) async fn open_session(&self, opening: Opening, request_key: Option<Vec<u8>>) -> Result<SignedIn, Error> {
        let Opening { account, password, stronger, device, place } = opening;
        let (mut new, token) = self.new_session(account.id, password, device, request_key);
        let (session, keep) = (new.id, self.config.sessions_per_account);
        let opened = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(stronger) = stronger
                        && store::accounts::update_password(tx, new.account, &new.password, &stronger).await?
                    {
                        new.password = stronger;
                    }
                    // The session of the same request, whose answer was lost: nobody has its tokens.
                    if let Some(key) = &new.request_key {
                        store::sessions::remove_of_request(tx, new.account, key, new.at).await?;
                    }
                    let opened = store::sessions::insert(tx, &new).await?;
                    store::sessions::trim(tx, new.account, keep).await?;
                    if opened && let Some(network) = &place {
                        store::networks::note(tx, new.account, network, new.at).await?;
                    }
                    Ok::<_, db::Error>(opened)
                })
            })
            .await?;
        // The password was changed, or the account erased, while we checked.
        if !opened {
            return Err(Error::WrongLogin);
        }
        self.tokens(account, session, &token).await
    }
}

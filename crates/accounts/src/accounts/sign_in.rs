//! Signing in.
//!
//! Invariant: whether a name is known can't be told from the answer, its time, or when attempts run out.

use contract::AccountId;
use kit::db;
use uuid::Uuid;

use super::{Accounts, Asker, SignedIn};
use crate::error::Error;
use crate::model::{Account, Password, Seat};
use crate::passwords::Verdict;
use crate::store;
use crate::store::accounts::By;
use crate::store::sessions::New;
use crate::tokens::Refresh;

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
        let verdict = self.check_counted(&login, password, found.as_ref().map(|found| found.password.as_str()), &asker).await?;
        let found = found.filter(|_| verdict != Verdict::Wrong).ok_or(Error::WrongLogin)?;
        let stronger = if verdict == Verdict::RightButOld { Some(self.hasher.hash(password).await?) } else { None };
        self.open_session(found.account, found.password, stronger, device, asker.request_key).await
    }

    /// Checks the password of somebody who is signed in; answers its hash.
    pub(super) async fn confirm(&self, seat: &Seat, password: &Password, asker: &Asker) -> Result<String, Error> {
        let stored = store::accounts::find_password(self.context.db.read(), seat.account.id).await?.ok_or(Error::SessionEnded)?;
        // The same count as at sign-in by handle: one account, one budget.
        match self.check_counted(&seat.account.handle, password, Some(&stored), asker).await? {
            Verdict::Wrong => Err(Error::WrongPassword),
            Verdict::Right | Verdict::RightButOld => Ok(stored),
        }
    }

    /// Checks a password for `name` and counts it if it is wrong. It is counted before it is checked, so that trying many at once gains nothing.
    async fn check_counted(&self, name: &str, password: &Password, stored: Option<&str>, asker: &Asker) -> Result<Verdict, Error> {
        let (now, household) = (self.context.clock.now(), asker.household());
        self.by_address.take(&household, now).map_err(Error::TooManyAttempts)?;
        if let Err(wait) = self.by_login.take(name, now) {
            self.by_address.give_back(&household);
            return Err(Error::TooManyAttempts(wait));
        }
        // Nobody has so long a password, whatever the name: not worth a hash.
        let checked = if password.is_plausible() { self.hasher.check(password, stored).await } else { Ok(Verdict::Wrong) };
        if !matches!(checked, Ok(Verdict::Wrong)) {
            self.by_address.give_back(&household);
            self.by_login.give_back(name);
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

    /// Opens a session for somebody whose password was checked against `password`; stores a `stronger` hash of it, if there is one.
    pub(super) async fn open_session(&self, account: Account, password: String, stronger: Option<String>, device: String, request_key: Option<Vec<u8>>) -> Result<SignedIn, Error> {
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

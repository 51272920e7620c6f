//! Signing up.
//!
//! An `Idempotency-Key` makes a repeated request sign in to the account that the first one made, if it names the same handle and
//! address and knows the password; no answer with tokens is kept for that. Invariant: an account comes into being with its first session or not at all.

use chrono::TimeDelta;
use contract::AccountId;
use uuid::Uuid;

use super::sign_in::Opening;
use super::{Accounts, Asker, SignedIn};
use crate::error::Error;
use crate::model::{Account, Email, Handle, NewPassword, Password, Roles};
use crate::passwords::{Rank, Verdict};
use crate::store::accounts::{By, Credentials, find_credentials, insert};

/// How long a request may be repeated.
const REPEATED_WITHIN: TimeDelta = TimeDelta::days(1);

/// What somebody asks for who signs up.
#[derive(Debug)]
pub(crate) struct Wish {
    /// A handle in any case.
    pub handle: String,
    /// An address in any case.
    pub email: String,
    /// A password.
    pub password: Password,
    /// What to call the device.
    pub device: String,
}

impl Accounts {
    /// Makes an account and its first session.
    pub(crate) async fn sign_up(&self, wish: Wish, asker: Asker) -> Result<SignedIn, Error> {
        let (handle, email) = (Handle::parse(&wish.handle)?, Email::parse(&wish.email)?);
        let password = NewPassword::choose(wish.password, &[handle.as_str(), email.as_str()])?;
        let now = self.context.clock.now();
        self.sign_ups.take(&asker.household(), now).map_err(Error::TooManySignUps)?;
        // A look before the costly hash; the unique keys decide.
        if let Some(taken) = self.taken(&handle, &email).await? {
            return self.repeated(taken, &email, &password, wish.device, asker).await;
        }
        let hash = self.hasher.hash(password.get(), Rank::Stranger).await?;
        let account = Account {
            id: AccountId(Uuid::now_v7()),
            // The spelling that the person typed, until they choose another.
            display_name: wish.handle.trim().to_owned(),
            handle: handle.as_str().to_owned(),
            email: email.as_str().to_owned(),
            bio: String::new(),
            avatar: None,
            roles: Roles::of_a_new_account(),
            created_at: now,
        };
        let (new, token) = self.new_session(account.id, hash.clone(), wish.device.clone(), asker.request_key.clone());
        let (session, network) = (new.id, self.network(account.id, &asker));
        let credentials = Credentials { account: account.clone(), password: hash, request_key: asker.request_key.clone() };
        let made = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let made = insert(tx, &credentials).await?;
                    if made {
                        crate::store::sessions::insert(tx, &new).await?;
                        crate::store::networks::note(tx, new.account, &network, new.at).await?;
                    }
                    Ok::<_, kit::db::Error>(made)
                })
            })
            .await?;
        if made {
            return self.tokens(account, session, &token).await;
        }
        // Somebody was faster, perhaps this very request on another connection.
        match self.taken(&handle, &email).await? {
            Some(taken) => self.repeated(taken, &email, &password, wish.device, asker).await,
            None => Err(Error::HandleTaken),
        }
    }

    /// What is taken, and by whom.
    async fn taken(&self, handle: &Handle, email: &Email) -> Result<Option<Taken>, Error> {
        let sql = self.context.db.read();
        if let Some(found) = find_credentials(sql, By::Handle(handle.as_str())).await? {
            return Ok(Some(Taken::Handle(Box::new(found))));
        }
        // Between the two looks an account with both may have come into being.
        Ok(find_credentials(sql, By::Email(email.as_str())).await?.map(|found| if found.account.handle == handle.as_str() { Taken::Handle(Box::new(found)) } else { Taken::Email }))
    }

    /// The request again? Then a fresh session in place of the one whose tokens were lost. Otherwise a refusal that says what is taken.
    async fn repeated(&self, taken: Taken, email: &Email, password: &NewPassword, device: String, asker: Asker) -> Result<SignedIn, Error> {
        let Taken::Handle(found) = taken else { return Err(Error::EmailTaken) };
        let within = self.context.clock.now() - found.account.created_at < REPEATED_WITHIN;
        let same_request = within && found.request_key.is_some() && found.request_key == asker.request_key && found.account.email == email.as_str();
        if !same_request {
            return Err(Error::HandleTaken);
        }
        // It tries a password as signing in does, and is counted like that.
        let (verdict, place) = self.check_from_outside(&found.account.handle, password.get(), Some(&*found), &asker).await?;
        if verdict == Verdict::Wrong {
            return Err(Error::HandleTaken);
        }
        let Credentials { account, password, .. } = *found;
        self.open_session(Opening { account, password, stronger: None, device, place }, asker.request_key).await
    }
}

/// What stands in the way of a new account.
enum Taken {
    /// An account with the same handle.
    Handle(Box<Credentials>),
    /// An account with the same address.
    Email,
}

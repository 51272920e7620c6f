//! Signing up.
//!
//! An `Idempotency-Key` makes a repeated request sign in to the account that the first one made, if it names the same handle and
//! address and knows the password; no answer with tokens is kept for that. Invariant: an account comes into being with its first session or not at all.

use chrono::TimeDelta;
use contract::AccountId;
use uuid::Uuid;

use super::sign_in::VerifiedLogin;
use super::{Accounts, ClientInfo, SignedIn};
use crate::error::Error;
use crate::model::{Account, Email, Handle, NewPassword, Password, Roles};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::store::accounts::{Credentials, LoginName, find_credentials, insert};

/// How long a request may be repeated.
const IDEMPOTENCY_WINDOW: TimeDelta = TimeDelta::days(1);

/// What somebody asks for who signs up.
#[derive(Debug)]
pub(crate) struct SignUpRequest {
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
    pub(crate) async fn sign_up(&self, request: SignUpRequest, client: ClientInfo) -> Result<SignedIn, Error> {
        let (handle, email) = (Handle::parse(&request.handle)?, Email::parse(&request.email)?);
        let password = NewPassword::validate(request.password, &[handle.as_str(), email.as_str()])?;
        let now = self.context.clock.now();
        self.sign_ups.try_acquire(&client.rate_limit_key(), now).map_err(Error::TooManySignUps)?;
        // A look before the costly hash; the unique keys decide.
        if let Some(taken) = self.find_taken(&handle, &email).await? {
            return self.replay_sign_up(taken, &email, &password, request.device, client).await;
        }
        let hash = self.hasher.hash(password.get(), Priority::Normal).await?;
        let account = Account {
            id: AccountId(Uuid::now_v7()),
            // The spelling that the person typed, until they choose another.
            display_name: request.handle.trim().to_owned(),
            handle: handle.as_str().to_owned(),
            email: email.as_str().to_owned(),
            bio: String::new(),
            avatar: None,
            roles: Roles::for_new_account(),
            created_at: now,
        };
        let (new, token) = self.new_session(account.id, hash.clone(), request.device.clone(), client.request_key.clone());
        let (session, network) = (new.id, self.network(account.id, &client));
        let credentials = Credentials { account: account.clone(), password: hash, request_key: client.request_key.clone() };
        let created = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let created = insert(tx, &credentials).await?;
                    if created {
                        crate::store::sessions::insert(tx, &new).await?;
                        crate::store::known_networks::record(tx, new.account, &network, new.at).await?;
                    }
                    Ok::<_, kit::db::Error>(created)
                })
            })
            .await?;
        if created {
            return self.issue_tokens(account, session, &token).await;
        }
        // Somebody was faster, perhaps this very request on another connection.
        match self.find_taken(&handle, &email).await? {
            Some(taken) => self.replay_sign_up(taken, &email, &password, request.device, client).await,
            None => Err(Error::HandleTaken),
        }
    }

    /// What is taken, and by whom.
    async fn find_taken(&self, handle: &Handle, email: &Email) -> Result<Option<Taken>, Error> {
        let sql = self.context.db.read();
        if let Some(found) = find_credentials(sql, LoginName::Handle(handle.as_str())).await? {
            return Ok(Some(Taken::Handle(Box::new(found))));
        }
        // Between the two looks an account with both may have come into being.
        Ok(find_credentials(sql, LoginName::Email(email.as_str()))
            .await?
            .map(|found| if found.account.handle == handle.as_str() { Taken::Handle(Box::new(found)) } else { Taken::Email }))
    }

    /// The request again? Then a fresh session in place of the one whose tokens were lost. Otherwise a refusal that says what is taken.
    async fn replay_sign_up(&self, taken: Taken, email: &Email, password: &NewPassword, device: String, client: ClientInfo) -> Result<SignedIn, Error> {
        let Taken::Handle(found) = taken else { return Err(Error::EmailTaken) };
        let is_recent = self.context.clock.now() - found.account.created_at < IDEMPOTENCY_WINDOW;
        let is_same_request = is_recent && found.request_key.is_some() && found.request_key == client.request_key && found.account.email == email.as_str();
        if !is_same_request {
            return Err(Error::HandleTaken);
        }
        // It tries a password as signing in does, and is counted like that.
        let (check, network) = self.verify_login(&found.account.handle, password.get(), Some(&*found), &client).await?;
        if check == PasswordCheck::Wrong {
            return Err(Error::HandleTaken);
        }
        let Credentials { account, password, .. } = *found;
        self.open_session(VerifiedLogin { account, password, rehashed: None, device, network }, client.request_key).await
    }
}

/// What stands in the way of a new account.
enum Taken {
    /// An account with the same handle.
    Handle(Box<Credentials>),
    /// An account with the same address.
    Email,
}

//! Signing up.
//!
//! A repeated request with the same `Idempotency-Key`, handle, e-mail address and password signs in to the account that
//! the first one created. No response with tokens is stored for that. Invariant: an account and its first session are
//! created in one transaction.

use chrono::TimeDelta;
use contract::AccountId;
use uuid::Uuid;

use super::sign_in::VerifiedLogin;
use super::{Accounts, ClientInfo, SignedIn};
use crate::error::Error;
use crate::model::{Account, Email, Handle, NewPassword, Password, Roles};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::store::accounts::{Credentials, LoginName, find_credentials, insert};

/// How long after the sign-up the request may be repeated.
const IDEMPOTENCY_WINDOW: TimeDelta = TimeDelta::days(1);

/// The input of a sign-up.
#[derive(Debug)]
pub(crate) struct SignUpRequest {
    /// The handle, in any case.
    pub handle: String,
    /// The e-mail address, in any case.
    pub email: String,
    /// The password.
    pub password: Password,
    /// The name of the device.
    pub device: String,
}

impl Accounts {
    /// Creates an account and its first session, and returns its tokens.
    pub(crate) async fn sign_up(&self, request: SignUpRequest, client: ClientInfo) -> Result<SignedIn, Error> {
        let (handle, email) = (Handle::parse(&request.handle)?, Email::parse(&request.email)?);
        let password = NewPassword::validate(request.password, &[handle.as_str(), email.as_str()])?;
        let now = self.context.clock.now();
        self.sign_ups.try_acquire(&client.rate_limit_key(), now).map_err(Error::TooManySignUps)?;
        // This check saves the cost of a hash. The unique indexes decide.
        if let Some(taken) = self.find_taken(&handle, &email).await? {
            return self.replay_sign_up(taken, &email, &password, request.device, client).await;
        }
        let hash = self.hasher.hash(password.get(), Priority::Normal).await?;
        let account = Account {
            id: AccountId(Uuid::now_v7()),
            // The handle as it was typed, until the member chooses a name.
            display_name: request.handle.trim().to_owned(),
            handle: handle.as_str().to_owned(),
            email: email.as_str().to_owned(),
            bio: String::new(),
            avatar: None,
            roles: Roles::for_new_account(),
            created_at: now,
        };
        let (new, token) =
            self.new_session(account.id, hash.clone(), request.device.clone(), client.request_key.clone());
        let (session, network) = (new.id, self.network(account.id, &client));
        let credentials =
            Credentials { account: account.clone(), password: hash, request_key: client.request_key.clone() };
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
        // A concurrent sign-up was faster, perhaps the same request on another connection.
        match self.find_taken(&handle, &email).await? {
            Some(taken) => self.replay_sign_up(taken, &email, &password, request.device, client).await,
            None => Err(Error::HandleTaken),
        }
    }

    /// Returns the account that has the handle or the e-mail address, if any.
    async fn find_taken(&self, handle: &Handle, email: &Email) -> Result<Option<Taken>, Error> {
        let sql = self.context.db.read();
        if let Some(found) = find_credentials(sql, LoginName::Handle(handle.as_str())).await? {
            return Ok(Some(Taken::Handle(Box::new(found))));
        }
        // An account with both may have been created between the two queries.
        Ok(find_credentials(sql, LoginName::Email(email.as_str())).await?.map(|found| {
            if found.account.handle == handle.as_str() { Taken::Handle(Box::new(found)) } else { Taken::Email }
        }))
    }

    /// Handles a sign-up whose handle or e-mail address is taken. A repeated request gets a new session in place of the
    /// one whose tokens were lost; any other fails with what is taken.
    async fn replay_sign_up(
        &self,
        taken: Taken,
        email: &Email,
        password: &NewPassword,
        device: String,
        client: ClientInfo,
    ) -> Result<SignedIn, Error> {
        let Taken::Handle(found) = taken else { return Err(Error::EmailTaken) };
        let is_recent = self.context.clock.now() - found.account.created_at < IDEMPOTENCY_WINDOW;
        let is_same_request = is_recent
            && found.request_key.is_some()
            && found.request_key == client.request_key
            && found.account.email == email.as_str();
        if !is_same_request {
            return Err(Error::HandleTaken);
        }
        // The password is verified and throttled like that of a sign-in.
        let (check, network) = self.verify_login(&found.account.handle, password.get(), Some(&*found), &client).await?;
        if check == PasswordCheck::Wrong {
            return Err(Error::HandleTaken);
        }
        let Credentials { account, password, .. } = *found;
        self.open_session(VerifiedLogin { account, password, rehashed: None, device, network }, client.request_key)
            .await
    }
}

/// The reason why an account can't be created.
enum Taken {
    /// The handle is taken, by this account.
    Handle(Box<Credentials>),
    /// The e-mail address is taken.
    Email,
}

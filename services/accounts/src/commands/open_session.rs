//! Opening a session for a login whose password, second factor or passkey has been verified.
//!
//! Invariant: a session is opened only while the verified password is the account's, and in the transaction that uses
//! up the verified factor; of a suspended account it has a token for appeals only, and only if that was asked for; an
//! account has at most `accounts.sessions_per_account`
//! sessions; and a mail about a new device is recorded with the session.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Lane, Tx};
use mail::Mail;
use uuid::Uuid;

use crate::error::Error;
use crate::mails;
use crate::model::{Account, Authentication, Method, VerifiedFactor, Whereabouts};
use crate::state::Accounts;
use crate::store;
use crate::store::known_networks::Network;
use crate::store::sessions::NewSession;
use crate::tokens::{RefreshToken, SignedIn, TokenSession};

/// A login that has been verified.
pub(super) struct VerifiedLogin {
    pub account: Account,
    /// The hash of the account's password when the login was verified.
    pub password: String,
    /// Whether the password was verified against it. If not, the factor is a passkey, which needs none.
    pub by_password: bool,
    /// The second factor that was verified.
    pub factor: Option<VerifiedFactor>,
    /// A hash of the same password with the configured parameters, which replaces the stored one.
    pub rehashed: Option<String>,
    /// The device and network that the member sees in the list of sign-ins.
    pub from: Whereabouts,
    /// The client's network, if it is to be recorded.
    pub network: Option<Network>,
    /// The hash of the request's `Idempotency-Key`.
    pub request_key: Option<Vec<u8>>,
    /// Whether the request came through the operators' listener.
    pub operators: bool,
    /// Whether a suspended member gets a token for an appeal. At the operators' listener there is none.
    pub for_appeals: bool,
}

/// Creates a session, not stored yet, and its first refresh token.
pub(super) fn new_session(
    accounts: &Accounts,
    account: AccountId,
    password: String,
    device: String,
    request_key: Option<Vec<u8>>,
    authentication: Authentication,
    operators: bool,
) -> NewSession {
    let (random, now) = (&accounts.context.random, accounts.context.clock.now());
    NewSession {
        id: random.uuid_v7(now),
        account,
        password,
        device,
        request_key,
        chain_key: random.bytes::<32>().to_vec(),
        token: RefreshToken::new(random.bytes(), random.bytes()),
        authentication,
        operators,
        at: now,
    }
}

/// Returns what the access tokens of a new session say of it.
pub(super) fn token_session(accounts: &Accounts, new: &NewSession) -> TokenSession {
    let ends_at = accounts.config.session_limits(new.operators).end(new.at);
    let authentication = new.authentication.clone();
    TokenSession { id: new.id, authentication, operators: new.operators, ends_at, is_for_appeals: false }
}

/// Stores a session for a verified login and returns its tokens.
pub(super) async fn open_session(accounts: &Accounts, login: VerifiedLogin) -> Result<SignedIn, Error> {
    let now = accounts.context.clock.now();
    // After the proof: only the owner learns that the account is suspended, and why.
    if !login.for_appeals || login.operators {
        login.account.standing.check_usable(now)?;
    }
    let VerifiedLogin {
        account, password, by_password, factor, rehashed, from, network, request_key, operators, ..
    } = login;
    let is_for_appeals = account.standing.is_denied(now);
    let methods: Vec<Method> = by_password
        .then_some(Method::Password)
        .into_iter()
        .chain(factor.as_ref().map(|factor| factor.method))
        .collect();
    let authentication = Authentication::by(&methods, now);
    let new = new_session(accounts, account.id, password, from.device.clone(), request_key, authentication, operators);
    let session = TokenSession { is_for_appeals, ..token_session(accounts, &new) };
    let token = new.token.clone();
    let seen_from = from.clone();
    let (mail, member) = (accounts.context.mail.clone(), account.clone());
    let sign_in = accounts.context.random.uuid_v7(new.at);
    let max_sessions = accounts.config.sessions_per_account;
    let opened = accounts
        .context
        .db
        .write(Lane::of(&account.id), async move |tx| {
            let mut new = new.clone();
            if let Some(factor) = &factor
                && !store::factors::spend(tx, new.account, &factor.spend, new.at).await?
            {
                return Err(Error::WrongFactor);
            }
            if let Some(rehashed) = &rehashed
                && store::accounts::update_password(tx, new.account, &new.password, rehashed).await?
            {
                new.password.clone_from(rehashed);
            }
            let opened = store_session(tx, &new, network.as_ref(), max_sessions).await?;
            if opened {
                record_sign_in(tx, &mail, &member, sign_in, &from, new.at).await?;
            }
            Ok::<_, Error>(opened)
        })
        .await
        .inspect_err(|error| accounts.note_wrong_factor(error, account.id, &seen_from))?;
    // The password was changed, or the account erased, during the verification.
    if !opened {
        return Err(Error::WrongLogin);
    }
    accounts.signing_keys.issue(account, &session, &token).await
}

async fn store_session(
    tx: &Tx,
    new: &NewSession,
    network: Option<&Network>,
    max_sessions: u32,
) -> Result<bool, db::Error> {
    // An earlier session of the same request: its response was lost, so its tokens are unused.
    if let Some(key) = &new.request_key {
        store::sessions::remove_by_request_key(tx, new.account, key, new.at).await?;
    }
    let opened = store::sessions::insert(tx, new).await?;
    store::sessions::remove_excess(tx, new.account, max_sessions, new.at).await?;
    if opened && let Some(network) = network {
        store::known_networks::record(tx, new.account, network, new.at).await?;
    }
    Ok(opened)
}

/// Adds the sign-in to the member's list, and tells the member if its device is new to the account.
async fn record_sign_in(
    tx: &Tx,
    mail: &Mail,
    account: &Account,
    id: Uuid,
    from: &Whereabouts,
    now: DateTime<Utc>,
) -> Result<(), db::Error> {
    let familiarity = store::sign_ins::familiarity(tx, account.id, from).await?;
    store::sign_ins::insert(tx, id, account.id, from, now).await?;
    if familiarity.is_new_device() {
        let time = now.format("%Y-%m-%d %H:%M UTC").to_string();
        mail.enqueue(tx, mails::new_device(mail, account, from, &time)).await?;
    }
    Ok(())
}

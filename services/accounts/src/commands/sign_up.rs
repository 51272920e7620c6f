//! Signing up.
//!
//! A repeated request with the same `Idempotency-Key`, handle, e-mail address and password signs in to the account that
//! the first one created. No response with tokens is stored for that. Invariant: an account, its first session and the
//! mail to its address are created in one transaction; whether another account has the address changes nothing but that
//! mail.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::Lane;
use service::Flag;

use super::admit_sign_up::{count_sign_up, use_work};
use super::mail_confirmation::mail_confirmation;
use super::open_session::{VerifiedLogin, new_session, open_session, token_session};
use crate::error::Error;
use crate::mailed_codes::FreshCode;
use crate::model::{
    About, Account, Authentication, ClientInfo, Email, Handle, Method, NewPassword, Password, Purpose, Region, Roles,
    Standing, Whereabouts, skeleton,
};
use crate::password_hasher::{PasswordCheck, Priority};
use crate::password_verification::verify_login;
use crate::state::Accounts;
use crate::store;
use crate::store::accounts::{Credentials, LoginName, find_credentials};
use crate::store::handle_skeletons::is_taken;
use crate::throttle::network_key;
use crate::tokens::SignedIn;

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
    /// The region, as it was guessed.
    pub region: Region,
    /// The solution of a challenge.
    pub altcha: Option<String>,
}

/// Creates an account and its first session, and returns its tokens. The address is not confirmed yet; if another
/// account has confirmed it, only the mail says so.
pub(crate) async fn sign_up(
    accounts: &Accounts,
    request: SignUpRequest,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    accounts.context.flags.require(Flag::SignUps)?;
    let (handle, email) = (Handle::parse(&request.handle)?, accounts.parse_email(&request.email)?);
    let password = NewPassword::validate(request.password, &[handle.as_str(), email.as_str()])?;
    let now = accounts.context.clock.now();
    let admitted = count_sign_up(accounts, &client, now)?;
    // This check saves the cost of a hash. The unique index decides.
    if let Some(taken) = find_taken(accounts, &handle).await? {
        return replay_sign_up(accounts, taken, &email, &password, request.device, client).await;
    }
    use_work(accounts, &admitted, request.altcha.as_deref(), now).await?;
    let hash = accounts.hasher.hash(password.get(), Priority::Normal).await?;
    let id = AccountId(accounts.context.random.uuid_v7(now));
    let account = new_account(id, &request.handle, &handle, &email, request.region, now);
    let new = Credentials { account, password: hash, request_key: client.request_key.clone() };
    if let Some(signed_in) = insert_account(accounts, new, request.device.clone(), &client).await? {
        return Ok(signed_in);
    }
    // A concurrent sign-up was faster, perhaps the same request on another connection.
    match find_taken(accounts, &handle).await? {
        Some(taken) => replay_sign_up(accounts, taken, &email, &password, request.device, client).await,
        None => Err(Error::HandleTaken),
    }
}

/// Returns the new account. Its display name is the handle as it was typed, until the member chooses a name.
fn new_account(
    id: AccountId,
    typed: &str,
    handle: &Handle,
    email: &Email,
    region: Region,
    now: DateTime<Utc>,
) -> Account {
    Account {
        id,
        handle: handle.as_str().to_owned(),
        email: email.as_str().to_owned(),
        display_name: typed.trim().to_owned(),
        bio: String::new(),
        avatar: None,
        roles: Roles::for_new_account(),
        created_at: now,
        email_confirmed_at: None,
        region,
        about: About::default(),
        standing: Standing::default(),
    }
}

/// Inserts an account with its first session and returns its tokens; `None` if the handle is taken.
async fn insert_account(
    accounts: &Accounts,
    new: Credentials,
    device: String,
    client: &ClientInfo,
) -> Result<Option<SignedIn>, Error> {
    let account = new.account.clone();
    let from = Whereabouts { device: device.clone(), network: network_key(client.address) };
    let (password, key) = (new.password.clone(), new.request_key.clone());
    let authentication = Authentication::by(&[Method::Password], account.created_at);
    let session = new_session(accounts, account.id, password, device, key, authentication, client.operators);
    let (of_token, token) = (token_session(accounts, &session), session.token.clone());
    let network = accounts.network(account.id, client);
    let sign_in = accounts.context.random.uuid_v7(session.at);
    // One mailbox gets only so many of these mails, which strangers can cause. The member can ask for another one
    // later.
    let may_mail = accounts.stranger_mails.try_acquire(&account.email, session.at).is_ok();
    let code = may_mail.then(|| FreshCode::draw(accounts, account.id, Purpose::ConfirmEmail, &account.email));
    let mail = accounts.context.mail.clone();
    // No other write can know the account's id before the commit, so its lane is not needed. In these two, sign-ups and
    // erasures that want the same handle never wait for each other's rows, and who has the address stays as it is read.
    let lane = Lane::of(&skeleton(&account.handle)).and(&account.email);
    let created = accounts
        .context
        .db
        .write(lane, async move |tx| {
            let created = store::accounts::insert(tx, &new).await?;
            if created {
                tx.publish(&new.account.profile_changed(new.account.created_at), new.account.created_at)?;
                store::sessions::insert(tx, &session).await?;
                store::known_networks::record(tx, session.account, &network, session.at).await?;
                store::sign_ins::insert(tx, sign_in, session.account, &from, session.at).await?;
                if let Some(code) = &code {
                    mail_confirmation(tx, &mail, &new.account, code).await?;
                }
            }
            Ok::<_, db::Error>(created)
        })
        .await?;
    if !created {
        if may_mail {
            accounts.stranger_mails.refund(&account.email);
        }
        return Ok(None);
    }
    accounts.signing_keys.issue(account, &of_token, &token).await.map(Some)
}

/// Returns who has the handle or one that looks like it, if anybody.
async fn find_taken(accounts: &Accounts, handle: &Handle) -> Result<Option<Taken>, Error> {
    let sql = accounts.context.db.read();
    // First, so that an account with this very handle that is created in between is found as such.
    let looks_taken = is_taken(sql, &skeleton(handle.as_str())).await?;
    if let Some(found) = find_credentials(sql, LoginName::Handle(handle.as_str())).await? {
        return Ok(Some(Taken::Handle(Box::new(found))));
    }
    Ok(looks_taken.then_some(Taken::SimilarHandle))
}

/// Handles a sign-up whose handle is taken. A repeated request gets a new session in place of the one whose tokens were
/// lost; any other fails.
async fn replay_sign_up(
    accounts: &Accounts,
    taken: Taken,
    email: &Email,
    password: &NewPassword,
    device: String,
    client: ClientInfo,
) -> Result<SignedIn, Error> {
    let Taken::Handle(taken) = taken else { return Err(Error::HandleTaken) };
    let is_recent = accounts.context.clock.now() - taken.account.created_at < IDEMPOTENCY_WINDOW;
    let is_same_request = is_recent
        && taken.request_key.is_some()
        && taken.request_key == client.request_key
        && taken.account.email == email.as_str();
    if !is_same_request {
        return Err(Error::HandleTaken);
    }
    // The password is verified and throttled like that of a sign-in.
    let (check, network) =
        verify_login(accounts, &taken.account.handle, password.get(), Some(&*taken), &client).await?;
    if check == PasswordCheck::Wrong {
        return Err(Error::HandleTaken);
    }
    let Credentials { account, password, .. } = *taken;
    // A new account has no second factor in its first moments, and one that has is signed in to as usual.
    if !store::factors::list(accounts.context.db.read(), account.id).await?.is_empty() {
        return Err(Error::HandleTaken);
    }
    let login = VerifiedLogin {
        account,
        password,
        by_password: true,
        factor: None,
        rehashed: None,
        from: Whereabouts { device, network: network_key(client.address) },
        network,
        request_key: client.request_key,
        operators: client.operators,
        for_appeals: false,
    };
    open_session(accounts, login).await
}

/// Why a handle can't be had.
enum Taken {
    /// This account has it.
    Handle(Box<Credentials>),
    /// A handle that looks like it is taken.
    SimilarHandle,
}

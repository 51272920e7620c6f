//! Verifies second factors: throttled, and without using them up.
//!
//! What uses a factor up is written in the transaction of what it allows ([`crate::store::factors::spend`]), so that a
//! code is accepted once. Owns the order of counting, delaying and checking, and what is offered to a client that has
//! to send a factor. Invariant: an attempt is counted before its factor is checked, and taken back if the factor was
//! not wrong; wrong ones from unknown networks never use up the attempts of a known network or of a live session.

use contract::AccountId;
use db::Lane;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::model::{
    CHALLENGE_LIFETIME, ClientInfo, CurrentSession, Factor, FactorAnswer, FactorKind, Method, Spend, VerifiedFactor,
    Whereabouts, normalized_recovery_code, totp,
};
use crate::passkeys::{Assertion, VerifiedPasskey};
use crate::sealed_secret;
use crate::state::Accounts;
use crate::store;
use crate::store::factors::SecretRow;
use crate::store::known_networks::NetworkStatus;
use crate::store::passkey_challenges::NewChallenge;
use crate::throttle::{AttemptSource, client_key};

/// The lane of challenges for every account. It has a space, as no handle, address or id has.
const LANE: &str = "passkey challenges";

/// Verifies the second factor of a login whose password is right. `None` if the account has none; fails with
/// [`Error::SecondFactor`] if it has one and `answer` is absent.
pub(crate) async fn verify_second_factor(
    accounts: &Accounts,
    account: AccountId,
    answer: Option<&FactorAnswer>,
    client: &ClientInfo,
) -> Result<Option<VerifiedFactor>, Error> {
    let sql = accounts.context.db.read();
    let factors = store::factors::list(sql, account).await?;
    if factors.is_empty() {
        return Ok(None);
    }
    let Some(answer) = answer else {
        return Err(Error::SecondFactor(Box::new(offer_factors(accounts, account, &factors).await?)));
    };
    let login = format!("factors {account}");
    let network = accounts.network(account, client);
    let source = match store::known_networks::find(sql, account, &network, accounts.context.clock.now()).await? {
        NetworkStatus::Unknown => AttemptSource::UnknownNetwork { login: &login, address: client.address },
        NetworkStatus::Known | NetworkStatus::SeenRecently => {
            AttemptSource::KnownNetwork { login: &login, address: client.address }
        }
    };
    verify_throttled(accounts, account, answer, &source).await.map(Some)
}

/// Verifies a second factor of a signed-in member.
pub(crate) async fn verify_own_factor(
    accounts: &Accounts,
    current: &CurrentSession,
    answer: &FactorAnswer,
) -> Result<VerifiedFactor, Error> {
    let source = AttemptSource::Session(current.session.id);
    verify_throttled(accounts, current.account.id, answer, &source).await
}

/// Verifies a passkey that signs in alone. Returns its account as well. The response must name that account, as a
/// passkey does that was found by the browser. If the passkey is refused, its account has a failed sign-in `from`
/// there.
pub(crate) async fn verify_lone_passkey(
    accounts: &Accounts,
    assertion: &Value,
    from: &Whereabouts,
) -> Result<(AccountId, VerifiedFactor), Error> {
    let verified = find_and_verify(accounts, assertion, from).await;
    accounts.metrics.count_factor("passkey", outcome(&verified));
    verified
}

async fn find_and_verify(
    accounts: &Accounts,
    assertion: &Value,
    from: &Whereabouts,
) -> Result<(AccountId, VerifiedFactor), Error> {
    let assertion = Assertion::parse(assertion)?;
    let state = take_challenge(accounts, &assertion, None).await?;
    let row = store::factors::find_passkey(accounts.context.db.read(), assertion.credential())
        .await?
        .filter(|row| assertion.user_handle() == Some(row.account_id.as_bytes().as_slice()))
        .ok_or(Error::WrongFactor)?;
    let account = AccountId(row.account_id);
    let factor = verify_passkey(accounts, &assertion, &state, row)
        .inspect_err(|error| accounts.note_wrong_factor(error, account, from))?;
    Ok((account, factor))
}

/// Returns the members of a problem that asks for a second factor: the kinds that are possible and, for a passkey, the
/// options for `navigator.credentials.get()`.
pub(crate) async fn offer_factors(
    accounts: &Accounts,
    account: AccountId,
    factors: &[Factor],
) -> Result<Map<String, Value>, Error> {
    let sql = accounts.context.db.read();
    // What can't be used here is not offered.
    let is_usable = |kind: FactorKind| kind != FactorKind::Passkey || accounts.passkeys.are_on();
    let has = |kind: FactorKind| is_usable(kind) && factors.iter().any(|factor| factor.kind == kind);
    let mut kinds: Vec<&str> =
        [FactorKind::Totp, FactorKind::Passkey].into_iter().filter(|kind| has(*kind)).map(FactorKind::as_str).collect();
    if !factors.is_empty() && store::recovery_codes::count(sql, account).await? > 0 {
        kinds.push("recovery");
    }
    let mut members = Map::from_iter([("factors".to_owned(), json!(kinds))]);
    if has(FactorKind::Passkey) {
        let credentials = store::factors::list_credentials(sql, account).await?;
        members.insert("passkey".to_owned(), new_challenge(accounts, Some(account), &credentials).await?);
    }
    Ok(members)
}

/// Stores a challenge for the passkeys of an account, or of every account, and returns the options for the browser.
pub(crate) async fn new_challenge(
    accounts: &Accounts,
    account: Option<AccountId>,
    credentials: &[Vec<u8>],
) -> Result<Value, Error> {
    let challenge = accounts.passkeys.challenge(credentials)?;
    let now = accounts.context.clock.now();
    let new = NewChallenge { id: challenge.id, account, state: challenge.state, expires_at: now + CHALLENGE_LIFETIME };
    let lane = account.map_or_else(|| Lane::of(LANE), |account| Lane::of(&account));
    accounts.context.db.write(lane, async move |tx| store::passkey_challenges::insert(tx, &new, now).await).await?;
    Ok(challenge.options)
}

async fn verify_throttled(
    accounts: &Accounts,
    account: AccountId,
    answer: &FactorAnswer,
    source: &AttemptSource<'_>,
) -> Result<VerifiedFactor, Error> {
    let now = accounts.context.clock.now();
    // Known networks and sessions have counters of their own, so that others can't use up the owner's attempts.
    let key = match source {
        AttemptSource::UnknownNetwork { .. } => account.to_string(),
        AttemptSource::KnownNetwork { address, .. } => format!("{account}\nknown\n{}", client_key(*address)),
        AttemptSource::Session(session) => format!("session\n{session}"),
    };
    let verified = match accounts.wrong_codes.try_acquire(&key, now) {
        Ok(_) => {
            let verified = verify_counted(accounts, account, answer, source).await;
            if !matches!(verified, Err(Error::WrongFactor)) {
                accounts.wrong_codes.refund(&key);
            }
            verified
        }
        Err(wait) => Err(Error::TooManyAttempts(wait)),
    };
    accounts.metrics.count_factor(answer.kind(), outcome(&verified));
    verified
}

fn outcome<T>(verified: &Result<T, Error>) -> &'static str {
    match verified {
        Ok(_) => "ok",
        Err(Error::WrongFactor) => "wrong",
        Err(Error::TooManyAttempts(_)) => "limited",
        Err(_) => "error",
    }
}

/// Counts the attempt like that of a password, beside the counter of wrong codes.
async fn verify_counted(
    accounts: &Accounts,
    account: AccountId,
    answer: &FactorAnswer,
    source: &AttemptSource<'_>,
) -> Result<VerifiedFactor, Error> {
    let now = accounts.context.clock.now();
    let attempt = accounts.throttle.try_acquire(source, now).map_err(Error::TooManyAttempts)?;
    if let Err(wait) = accounts.throttle.delay(&attempt).await {
        attempt.refund();
        return Err(Error::TooManyAttempts(wait));
    }
    let verified = verify(accounts, account, answer).await;
    if !matches!(verified, Err(Error::WrongFactor)) {
        attempt.refund();
    }
    verified
}

async fn verify(accounts: &Accounts, account: AccountId, answer: &FactorAnswer) -> Result<VerifiedFactor, Error> {
    match answer {
        FactorAnswer::Totp(code) => verify_code(accounts, account, code).await,
        FactorAnswer::Recovery(code) => verify_recovery_code(accounts, account, code).await,
        FactorAnswer::Passkey(assertion) => {
            let assertion = Assertion::parse(assertion)?;
            let state = take_challenge(accounts, &assertion, Some(account)).await?;
            let row = store::factors::find_passkey(accounts.context.db.read(), assertion.credential())
                .await?
                .filter(|row| row.account_id == account.0)
                .filter(|row| assertion.user_handle().is_none_or(|handle| handle == row.account_id.as_bytes()))
                .ok_or(Error::WrongFactor)?;
            verify_passkey(accounts, &assertion, &state, row)
        }
    }
}

async fn verify_code(accounts: &Accounts, account: AccountId, code: &str) -> Result<VerifiedFactor, Error> {
    let seconds = accounts.context.clock.now().timestamp();
    for app in store::factors::list_apps(accounts.context.db.read(), account).await? {
        let Ok(secret) = sealed_secret::open(&accounts.context.url_signer, app.id, &app.secret) else {
            tracing::warn!(
                account.id = %account,
                "the secret of an authenticator app can't be decrypted; was secrets.url_signing_key_file replaced?"
            );
            continue;
        };
        if let Some(step) = totp::matching_step(&secret, code, app.last_step, seconds) {
            let spend = Spend::Totp { factor: app.id, step };
            return Ok(VerifiedFactor { method: Method::OneTimeCode, spend });
        }
    }
    Err(Error::WrongFactor)
}

async fn verify_recovery_code(accounts: &Accounts, account: AccountId, code: &str) -> Result<VerifiedFactor, Error> {
    let code = normalized_recovery_code(code).ok_or(Error::WrongFactor)?;
    let hash = store::recovery_codes::hash(account, &code);
    if !store::recovery_codes::contains(accounts.context.db.read(), account, &hash).await? {
        return Err(Error::WrongFactor);
    }
    Ok(VerifiedFactor { method: Method::OneTimeCode, spend: Spend::Recovery(hash) })
}

/// Removes the challenge of a response, which counts as used from now on, and returns its state.
async fn take_challenge(
    accounts: &Accounts,
    assertion: &Assertion,
    account: Option<AccountId>,
) -> Result<String, Error> {
    let (id, now) = (assertion.challenge_id()?, accounts.context.clock.now());
    let lane = account.map_or_else(|| Lane::of(LANE), |account| Lane::of(&account));
    let state = accounts
        .context
        .db
        .write(lane, async move |tx| store::passkey_challenges::take(tx, &id, account, now).await)
        .await?;
    state.ok_or(Error::WrongFactor)
}

fn verify_passkey(
    accounts: &Accounts,
    assertion: &Assertion,
    state: &str,
    row: SecretRow,
) -> Result<VerifiedFactor, Error> {
    let VerifiedPasskey { stored, method } = accounts.passkeys.verify(assertion, state, &row.secret)?;
    let spend = Spend::Passkey { factor: row.id, before: row.secret, after: stored };
    Ok(VerifiedFactor { method, spend })
}

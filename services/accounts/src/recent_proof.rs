//! Step-up: what is dangerous needs a recent proof of who the caller is, so that a stolen token alone can't do it.
//!
//! Owns the one rule of it. Does not own the proofs: a sign-in is one, and `POST /v1/me/proof` another. Invariant: an
//! account with a second factor changes its factors and its address only with a recent proof by one of them, so that a
//! password alone never takes them away.

use serde_json::{Value, json};

use crate::error::Error;
use crate::factor_verification::offer_factors;
use crate::model::CurrentSession;
use crate::state::Accounts;
use crate::store;

/// Checks that the member has proven who they are, with a password or a second factor, within the last minutes
/// (`accounts.recent_sign_in_minutes`). Fails with [`Error::ProofRequired`], which says what is possible.
pub(crate) async fn require_recent_proof(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let (age, now) = (accounts.config.recent_sign_in(), accounts.context.clock.now());
    if current.authentication.is_recent(age, now) {
        return Ok(());
    }
    proof_required(accounts, current, true).await
}

/// Checks the same for a change of second factors: an account that has one needs a proof by one.
pub(crate) async fn require_recent_factor(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let (age, now) = (accounts.config.recent_sign_in(), accounts.context.clock.now());
    if current.authentication.has_recent_factor(age, now) {
        return Ok(());
    }
    if store::factors::list(accounts.context.db.read(), current.account.id).await?.is_empty() {
        return require_recent_proof(accounts, current).await;
    }
    proof_required(accounts, current, false).await
}

/// Checks that the member has proven a second factor within the last minutes, if the account has one. For what needs
/// the password in any case.
pub(crate) async fn require_factor_if_any(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let (age, now) = (accounts.config.recent_sign_in(), accounts.context.clock.now());
    if current.authentication.has_recent_factor(age, now)
        || store::factors::list(accounts.context.db.read(), current.account.id).await?.is_empty()
    {
        return Ok(());
    }
    proof_required(accounts, current, false).await
}

/// Fails with [`Error::ProofRequired`]: `proofs` names what may be sent to `/v1/me/proof`, and `passkey` has the
/// options for the browser.
pub(crate) async fn proof_required(
    accounts: &Accounts,
    current: &CurrentSession,
    password_counts: bool,
) -> Result<(), Error> {
    let factors = store::factors::list(accounts.context.db.read(), current.account.id).await?;
    let mut members = offer_factors(accounts, current.account.id, &factors).await?;
    let kinds = members.remove("factors").unwrap_or_default();
    let proofs: Vec<&str> = password_counts
        .then_some("password")
        .into_iter()
        .chain(kinds.as_array().into_iter().flatten().filter_map(Value::as_str))
        .collect();
    members.insert("proofs".to_owned(), json!(proofs));
    Err(Error::ProofRequired(Box::new(members)))
}

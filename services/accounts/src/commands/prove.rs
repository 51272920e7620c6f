//! Proving again who one is, for what is dangerous.
//!
//! Invariant: a proof is recorded in the transaction that uses up its factor.

use db::Lane;

use crate::error::Error;
use crate::factor_verification::verify_own_factor;
use crate::model::{CurrentSession, FactorAnswer, Method, Password};
use crate::password_verification::verify_own_password;
use crate::recent_proof::proof_required;
use crate::state::Accounts;
use crate::store;

/// Records a proof of the session's member: by the password, a second factor, or both. Without either it fails with
/// [`Error::ProofRequired`], which says what is possible.
pub(crate) async fn prove(
    accounts: &Accounts,
    current: &CurrentSession,
    password: Option<&Password>,
    factor: Option<&FactorAnswer>,
) -> Result<(), Error> {
    let mut methods = Vec::new();
    if let Some(password) = password {
        verify_own_password(accounts, current, password).await?;
        methods.push(Method::Password);
    }
    let factor = match factor {
        Some(factor) => Some(verify_own_factor(accounts, current, factor).await.map_err(of_member)?),
        None => None,
    };
    methods.extend(factor.iter().map(|factor| factor.method));
    if methods.is_empty() {
        return proof_required(accounts, current, true).await;
    }
    let (account, session, now) = (current.account.id, current.session.id, accounts.context.clock.now());
    let authentication = current.authentication.clone().with(&methods, now);
    let proven = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if let Some(factor) = &factor
                && !store::factors::spend(tx, account, &factor.spend, now).await?
            {
                return Err(Error::FactorRefused);
            }
            Ok::<_, Error>(store::sessions::prove(tx, account, session, &authentication).await?)
        })
        .await?;
    if proven { Ok(()) } else { Err(Error::SessionEnded) }
}

/// A wrong factor of a signed-in member is no reason to sign in anew.
fn of_member(error: Error) -> Error {
    if matches!(error, Error::WrongFactor) { Error::FactorRefused } else { error }
}

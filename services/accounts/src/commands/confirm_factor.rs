//! Confirming a second factor, which puts it to use.
//!
//! Invariant: an account has at most as many factors of a kind as [`FactorKind::max_count`] says, and a passkey belongs
//! to one account. What was begun with a password alone is not confirmed once the account has a factor. A mail tells
//! the member of it, in the same transaction.

use db::Lane;
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::mails::{self, FactorChange};
use crate::model::{CurrentSession, Factor, FactorKind, Method, totp};
use crate::sealed_secret;
use crate::state::Accounts;
use crate::store;
use crate::store::factors::{ConfirmedFactor, SecretRow};

/// What confirms a factor.
pub(crate) enum FactorConfirmation {
    /// A code of the authenticator app.
    Code(String),
    /// The new passkey, as `PublicKeyCredential.toJSON()` returns it.
    Credential(Value),
}

/// Verifies that the member can use the factor, and puts it to use. It counts as a proof by a second factor as well.
pub(crate) async fn confirm_factor(
    accounts: &Accounts,
    current: &CurrentSession,
    id: Uuid,
    confirmation: FactorConfirmation,
) -> Result<Factor, Error> {
    let (account, session, now) = (current.account.id, current.session.id, accounts.context.clock.now());
    let pending =
        store::factors::find_pending(accounts.context.db.read(), account, id, now).await?.ok_or(Error::NoSuchFactor)?;
    let kind = FactorKind::from_name(&pending.kind).ok_or(Error::NoSuchFactor)?;
    let is_proven = current.authentication.has_recent_factor(accounts.config.recent_sign_in(), pending.created_at);
    let (confirmed, method) = verify(accounts, kind, pending, confirmation)?;
    let authentication = current.authentication.clone().with(&[method], now);
    let (mail, member) = (accounts.context.mail.clone(), current.account.clone());
    accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            let factors = store::factors::list(tx, account).await?;
            // Another session may have added the first factor after this one was begun without any.
            if !factors.is_empty() && !is_proven {
                return Err(Error::NoSuchFactor);
            }
            if factors.iter().filter(|factor| factor.kind == kind).count() >= kind.max_count() {
                return Err(Error::TooManyFactors);
            }
            // Another account has this passkey only if its authenticator is not honest.
            let factor = store::factors::confirm(tx, account, id, &confirmed, now)
                .await
                .map_err(|error| if error.is_unique_violation() { Error::FactorRefused } else { error.into() })?
                .ok_or(Error::NoSuchFactor)?;
            store::sessions::prove(tx, account, session, &authentication).await?;
            mail.enqueue(tx, mails::factor_changed(&mail, &member, FactorChange::Added(&factor.name))).await?;
            Ok(factor)
        })
        .await
}

fn verify(
    accounts: &Accounts,
    kind: FactorKind,
    pending: SecretRow,
    confirmation: FactorConfirmation,
) -> Result<(ConfirmedFactor, Method), Error> {
    match (kind, confirmation) {
        (FactorKind::Totp, FactorConfirmation::Code(code)) => {
            let secret = sealed_secret::open(&accounts.context.url_signer, pending.id, &pending.secret)?;
            let seconds = accounts.context.clock.now().timestamp();
            let step = totp::matching_step(&secret, &code, None, seconds).ok_or(Error::FactorRefused)?;
            let confirmed = ConfirmedFactor { secret: pending.secret, credential: None, last_step: Some(step) };
            Ok((confirmed, Method::OneTimeCode))
        }
        (FactorKind::Passkey, FactorConfirmation::Credential(credential)) => {
            let passkey = accounts.passkeys.finish(credential, &pending.secret)?;
            let confirmed =
                ConfirmedFactor { secret: passkey.stored, credential: Some(passkey.credential), last_step: None };
            Ok((confirmed, passkey.method))
        }
        _ => Err(Error::FactorRefused),
    }
}

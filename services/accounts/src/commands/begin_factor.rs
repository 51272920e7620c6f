//! Beginning to add a second factor.
//!
//! Invariant: a factor that was begun proves nothing until it is confirmed, and an account has at most one such factor
//! of each kind.

use db::Lane;
use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{CurrentSession, FactorKind, totp};
use crate::recent_proof::require_recent_factor;
use crate::sealed_secret;
use crate::state::Accounts;
use crate::store;
use crate::store::factors::PendingFactor;

/// What the member needs to confirm the factor.
pub(crate) enum FactorSetup {
    /// For an authenticator app.
    Totp {
        /// The secret in base 32, to be typed.
        secret: String,
        /// The `otpauth:` URI for a QR code.
        uri: String,
    },
    /// For a passkey: the options for `navigator.credentials.create()`.
    Passkey(Value),
}

/// Begins to add a factor, in place of one of its kind that was begun before. Returns its id and what confirms it.
/// Needs a recent proof: by a second factor, if the account has one.
pub(crate) async fn begin_factor(
    accounts: &Accounts,
    current: &CurrentSession,
    kind: FactorKind,
    name: String,
) -> Result<(Uuid, FactorSetup), Error> {
    require_recent_factor(accounts, current).await?;
    let (context, account, now) = (&accounts.context, current.account.id, accounts.context.clock.now());
    let factors = store::factors::list(context.db.read(), account).await?;
    if factors.iter().filter(|factor| factor.kind == kind).count() >= kind.max_count() {
        return Err(Error::TooManyFactors);
    }
    let id = context.random.uuid_v7(now);
    let (secret, setup) = match kind {
        FactorKind::Totp => {
            let secret = context.random.bytes::<{ totp::SECRET_BYTES }>();
            let setup = FactorSetup::Totp {
                secret: totp::secret_text(&secret),
                uri: totp::uri(&secret, &current.account.handle),
            };
            (sealed_secret::seal(&context.url_signer, &context.random, id, &secret)?, setup)
        }
        FactorKind::Passkey => {
            let existing = store::factors::list_credentials(context.db.read(), account).await?;
            let (options, state) = accounts.passkeys.begin(&current.account, existing)?;
            (state.into_bytes(), FactorSetup::Passkey(options))
        }
    };
    let pending = PendingFactor { id, account, kind, name, secret, until: now + kind.pending_lifetime(), at: now };
    context.db.write(Lane::of(&account), async move |tx| store::factors::insert_pending(tx, &pending).await).await?;
    Ok((id, setup))
}

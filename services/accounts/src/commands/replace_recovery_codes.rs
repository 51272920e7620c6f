//! New recovery codes.
//!
//! Invariant: a code is returned once, to its member, and stored as a hash only; new codes replace all older ones,
//! and a mail tells the member of it, in the same transaction.

use db::Lane;

use crate::error::Error;
use crate::mails::{self, FactorChange};
use crate::model::{CurrentSession, RECOVERY_CODES, normalized_recovery_code, recovery_code};
use crate::recent_proof::require_recent_factor;
use crate::state::Accounts;
use crate::store;

/// Replaces the recovery codes and returns the new ones. Needs a second factor and a recent proof by one.
pub(crate) async fn replace_recovery_codes(
    accounts: &Accounts,
    current: &CurrentSession,
) -> Result<Vec<String>, Error> {
    require_recent_factor(accounts, current).await?;
    let account = current.account.id;
    let codes: Vec<String> =
        std::iter::repeat_with(|| recovery_code(accounts.context.random.bytes())).take(RECOVERY_CODES).collect();
    let hashes: Vec<Vec<u8>> = codes
        .iter()
        .filter_map(|code| normalized_recovery_code(code))
        .map(|code| store::recovery_codes::hash(account, &code))
        .collect();
    let (mail, member) = (accounts.context.mail.clone(), current.account.clone());
    accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if store::factors::list(tx, account).await?.is_empty() {
                return Err(Error::NoFactor);
            }
            store::recovery_codes::replace(tx, account, &hashes).await?;
            mail.enqueue(tx, mails::factor_changed(&mail, &member, FactorChange::RecoveryCodes)).await?;
            Ok(())
        })
        .await?;
    Ok(codes)
}

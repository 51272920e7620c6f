//! Finding the account that a login names at a sign-in.
//!
//! Owns which account is meant where several have one address. Does not own the other uses of an address, which mean
//! the account that has confirmed it or the oldest one ([`find_credentials`]). Invariant: the statements and the hashes
//! are the same, however many accounts have the address, and one account at most is returned, so that one password
//! hash is verified.

use contract::AccountId;
use uuid::Uuid;

use crate::error::Error;
use crate::model::ClientInfo;
use crate::state::Accounts;
use crate::store;
use crate::store::accounts::{Credentials, LoginName, find_credentials, list_credentials};
use crate::store::known_networks::Network;

/// The most accounts of one address among which a sign-in chooses: the one that has confirmed it, and the oldest ones.
const MAX_CANDIDATES: usize = 16;

/// Returns the account that a lower-case login names. Among the accounts of an address it is one that has signed in
/// from the client's network before, or else the one that has confirmed it, or else the oldest one. So a member who
/// signs up with the address of another account, and then signs in with it, finds their own account, as if the address
/// were free.
pub(crate) async fn find_by_login(
    accounts: &Accounts,
    login: &str,
    client: &ClientInfo,
) -> Result<Option<Credentials>, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let LoginName::Email(email) = LoginName::of(login) else {
        return Ok(find_credentials(sql, LoginName::of(login)).await?);
    };
    // Ordered by preference among those that know the network, and among those that don't.
    let found = list_credentials(sql, email, MAX_CANDIDATES).await?;
    let ids = found.iter().map(|one| one.account.id).chain(std::iter::repeat(AccountId(Uuid::nil())));
    let pairs: Vec<(AccountId, Network)> =
        ids.take(MAX_CANDIDATES).map(|id| (id, accounts.network(id, client))).collect();
    let knowing = store::known_networks::list_knowing(sql, &pairs, now).await?;
    let chosen = found.iter().position(|one| knowing.contains(&one.account.id)).unwrap_or(0);
    Ok(found.into_iter().nth(chosen))
}

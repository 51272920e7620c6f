//! Finding the account that a login names at a sign-in.
//!
//! Owns which accounts are meant where several have one address. Does not own the other uses of an address, which mean
//! the account that has confirmed it or the oldest one ([`find_credentials`]). Invariant: the statements are the same,
//! however many accounts have the address, and at most [`MAX_MEANT`] accounts are returned, so that strangers can't
//! make a sign-in costly.

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
/// The most accounts whose password a sign-in is compared with.
const MAX_MEANT: usize = 3;

/// Returns the accounts that a lower-case login names, in the order in which their passwords are compared. Of the
/// accounts with an address these are one that has signed in from the client's network before, the one that has
/// confirmed it or else the oldest one, and the newest one. So the owner of an address can sign in with it anywhere,
/// and a member who signs up with the address of another account, and then signs in with it, finds their own account,
/// as if the address were free.
pub(crate) async fn find_by_login(
    accounts: &Accounts,
    login: &str,
    client: &ClientInfo,
) -> Result<Vec<Credentials>, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let LoginName::Email(email) = LoginName::of(login) else {
        return Ok(find_credentials(sql, LoginName::of(login)).await?.into_iter().collect());
    };
    // Ordered by preference among those that know the network, and among those that don't.
    let found = list_credentials(sql, email, MAX_CANDIDATES).await?;
    let ids = found.iter().map(|one| one.account.id).chain(std::iter::repeat(AccountId(Uuid::nil())));
    let pairs: Vec<(AccountId, Network)> =
        ids.take(MAX_CANDIDATES).map(|id| (id, accounts.network(id, client))).collect();
    let knowing = store::known_networks::list_knowing(sql, &pairs, now).await?;
    let mut order: Vec<usize> = found.iter().position(|one| knowing.contains(&one.account.id)).into_iter().collect();
    for other in [0, found.len().saturating_sub(1)] {
        if !order.contains(&other) {
            order.push(other);
        }
    }
    Ok(order.into_iter().take(MAX_MEANT).filter_map(|at| found.get(at).cloned()).collect())
}

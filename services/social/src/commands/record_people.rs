//! Recording what accounts says of an account that is needed here.
//!
//! Invariant: an account has one number, however many requests record it at once; one that was erased gets none; what
//! is known stays where it is newer.

use contract::accounts::FoundAccount;
use db::Lane;

use crate::error::Error;
use crate::model::{Person, PersonNumber};
use crate::state::Social;
use crate::store::people;

/// Numbers that are drawn for an account: each is taken already with a chance of one in two thousand, where a million
/// accounts are.
const MAX_DRAWS: usize = 8;

/// Records an account, or updates it if it is known. Returns the person; `None` if the account was erased.
pub(crate) async fn record_person(social: &Social, account: FoundAccount) -> Result<Option<Person>, Error> {
    let draw = || PersonNumber((social.context.random.below(PersonNumber::MAX) + 1).cast_signed());
    let numbers: [PersonNumber; MAX_DRAWS] = std::array::from_fn(|_| draw());
    let id = account.profile.account;
    social
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            if people::is_erased(tx, id).await? {
                return Ok::<_, Error>(None);
            }
            for number in numbers {
                people::insert(tx, &account, number).await?;
                if people::find_by_account(tx, id).await?.is_some() {
                    people::update_profile(tx, &account.profile).await?;
                    people::update_standing(tx, &account.standing).await?;
                    return Ok(people::find_by_account(tx, id).await?);
                }
            }
            Err(Error::Db(db::Error::Conflict))
        })
        .await
}

//! Where verdicts about profiles keep what they need.
//!
//! Invariant: nothing of an erased account is left here.

use contract::AccountId;
use db::{Error, Tx};
use screening_store::{Home, senders, texts, verdicts};

/// Rows per statement.
const BATCH: usize = 500;

/// The tables of verdicts.
pub(crate) static HOME: Home = Home {
    role: "accounts",
    sender: "verdict_sender",
    text: "verdict_text",
    domain: "verdict_domain",
    verdict: "verdict",
    place: "place",
    object: "object",
};

/// Removes what verdicts have of an account.
pub(crate) async fn remove_of_account(tx: &Tx, account: AccountId) -> Result<(), Error> {
    senders::remove(tx, &HOME, account.0).await?;
    while texts::remove_of_sender(tx, &HOME, account.0, BATCH).await? == BATCH as u64 {}
    while verdicts::remove_of_account(tx, &HOME, account.0, BATCH).await? == BATCH as u64 {}
    Ok(())
}

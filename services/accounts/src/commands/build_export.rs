//! Building the archive of an export.
//!
//! Each attempt writes an object of its own; that of an attempt that dies becomes an orphan. Invariant: of all attempts
//! one makes the export ready, and the mail is recorded in its transaction; none does after the account was erased. An
//! account has one archive at most: that of an older export is removed once the new one is ready. An original that
//! can't be read fails no export: from the fifth attempt on each is read before it is put in, and one that can't be is
//! left out and listed.

use base::Transient as _;
use base::error::chain;
use db::Lane;

use super::request_export::ExportRequested;
use crate::error::Error;
use crate::export_archive::write_archive;
use crate::mails;
use crate::model::{Export, ExportState};
use crate::state::Accounts;
use crate::store;

/// The attempts after which an export has failed whose building fails by its own fault, and from which on every
/// original is read to its end first.
const MAX_ATTEMPTS: u32 = 5;

/// Builds the archive, unless the export is not being built any more. `attempt` counts from 1.
pub(crate) async fn build_export(accounts: &Accounts, requested: ExportRequested, attempt: u32) -> Result<(), Error> {
    let found = store::exports::find(accounts.context.db.read(), requested.export).await?;
    let Some(export) = found.filter(|export| export.state == ExportState::Building) else { return Ok(()) };
    match build(accounts, &export, attempt >= MAX_ATTEMPTS).await {
        Err(error) if !error.is_transient() && attempt >= MAX_ATTEMPTS => {
            tracing::error!(export.id = %export.id, error = chain(&error), "an export could not be built");
            fail(accounts, export).await
        }
        result => result,
    }
}

async fn build(accounts: &Accounts, export: &Export, reads_all: bool) -> Result<(), Error> {
    // The lease is held until the row names the key, so that no sweep removes the object meanwhile.
    let Some(lease) = accounts.orphans.register(1).await?.pop() else { return Ok(()) };
    let written = write_archive(accounts, export, lease.key().clone(), reads_all).await?;
    let Some(archive) = written else { return Ok(()) };
    let (mail, now) = (accounts.context.mail.clone(), accounts.context.clock.now());
    let (id, owner) = (export.id, export.account);
    accounts
        .context
        .db
        .write(Lane::of(&owner), async move |tx| {
            let Some(account) = store::accounts::find_by_id(tx, owner).await? else { return Ok(()) };
            if store::exports::set_ready(tx, id, &archive, now).await? {
                // Each has all originals: the store has one archive of a member, not one for each request of a week.
                for older in store::exports::list_other_ready(tx, owner, id).await? {
                    store::exports::set_ended(tx, &older, ExportState::Expired, now).await?;
                }
                mail.enqueue(tx, mails::export_ready(&mail, &account, archive.missing_count, now)).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    drop(lease);
    Ok(())
}

/// Records that an export that is being built has failed.
async fn fail(accounts: &Accounts, export: Export) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    accounts
        .context
        .db
        .write(Lane::of(&export.account), async move |tx| {
            let found = store::exports::find(tx, export.id).await?;
            if let Some(export) = found.filter(|export| export.state == ExportState::Building) {
                store::exports::set_ended(tx, &export, ExportState::Failed, now).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    Ok(())
}

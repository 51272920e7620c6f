//! Ending exports whose time is over: an archive is removed after seven days, a building that has taken too long has
//! failed, and an old row is removed.
//!
//! Invariant: it can run at any time and any number of times, and changes only what is due.

use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::model::{Export, ExportState};
use crate::state::Accounts;
use crate::store;

/// Exports that are listed at once.
const BATCH: usize = 100;

/// Ends every export that is due.
pub(crate) async fn sweep_exports(accounts: &Accounts, run: &Run) -> Result<(), Error> {
    loop {
        let now = accounts.context.clock.now();
        let due = store::exports::list_due(accounts.context.db.read(), now, BATCH).await?;
        let is_last = due.len() < BATCH;
        for export in due {
            end(accounts, run.clone(), export).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

async fn end(accounts: &Accounts, run: Run, export: Export) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    accounts
        .context
        .db
        .write(Lane::of(&export.account), async move |tx| {
            run.fence(tx).await?;
            // It may have become ready, or its account may have been erased, since it was listed.
            let found = store::exports::find(tx, export.id).await?;
            let Some(export) = found.filter(|found| found.state == export.state) else { return Ok(()) };
            match export.state {
                ExportState::Building => store::exports::set_ended(tx, &export, ExportState::Failed, now).await,
                ExportState::Ready => store::exports::set_ended(tx, &export, ExportState::Expired, now).await,
                ExportState::Failed | ExportState::Expired => store::exports::remove(tx, export.id).await,
            }
        })
        .await?;
    Ok(())
}

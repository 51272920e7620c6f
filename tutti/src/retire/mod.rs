//! `tutti retire`: fences an old site, so that nothing is done twice after a migration.
//!
//! Invariant: it exits with 0 only if every database of the site says the same.

pub(crate) mod arguments;

use base::Clock;
use db::retirement;

use crate::databases::{RoleDb, open_current};
use crate::terminal::say;
use crate::{CommandError, settings};
use arguments::Retire;

/// Retires the site, or takes that back.
pub(crate) async fn run(arguments: Retire) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let databases = open_current(&config, &server.data).await?;
    let (clock, mut changed) = (Clock::system(), 0);
    for RoleDb { db, .. } in &databases {
        let is_changed = if arguments.undo {
            retirement::undo(db).await?
        } else {
            retirement::retire(db, &arguments.reason, clock.now()).await?
        };
        changed += usize::from(is_changed);
    }
    match (arguments.undo, changed) {
        (true, 0) => say!("The site was not retired."),
        (true, _) => say!("The site is not retired any more: its timed jobs run and its mails go again."),
        (false, 0) => say!("The site was retired already."),
        (false, _) => say!("The site is retired: no timed job begins, and no mail, push or webhook is sent."),
    }
    if arguments.undo {
        return Ok(());
    }
    let mut running = 0;
    for RoleDb { db, .. } in &databases {
        running += retirement::count_running(db.read(), clock.now()).await?;
    }
    if running > 0 {
        say!(
            "{running} timed runs began before and go on. Wait until `tutti retire` says no such number any more, or \
             stop the servers."
        );
    }
    Ok(())
}

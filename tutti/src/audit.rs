//! `tutti audit`: verifies the audit trail of operators' acts.
//!
//! Works beside running servers. Invariant: it changes nothing.

use crate::cli::{Audit as Arguments, AuditAction};
use crate::terminal::say;
use crate::{CommandError, accounts as accounts_command};

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let db = accounts_command::open(&arguments.settings).await?;
    let AuditAction::Verify { contains } = arguments.action;
    let report = accounts::verify_audit(&db, contains.as_deref()).await?;
    if let Some(number) = report.broken {
        return Err(format!(
            "entry {number} of the audit trail does not follow from the one before it: it or its predecessor was \
             changed, removed or put in; the {} entries before it are as they were written",
            report.entries
        )
        .into());
    }
    if report.is_missing {
        return Err(format!(
            "the audit trail does not contain {}: entries were removed at its end, or this is another trail",
            contains.unwrap_or_default()
        )
        .into());
    }
    match report.head {
        Some(head) => say!("Entries: {}, all as they were written. The last one is {head}.", report.entries),
        None => say!("The audit trail is empty."),
    }
    Ok(())
}

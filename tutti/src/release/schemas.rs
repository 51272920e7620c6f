//! Whether the running release can work with the schemas of this one, and this one with those that there are.
//!
//! Invariant: nothing is changed.

use std::path::Path;

use base::config::Config;

use crate::CommandError;
use crate::databases::{RoleDb, open_all};
use crate::terminal::say;

/// Prints the steps that the schemas lack. Returns those with which the running release can't work, as sentences.
pub(super) async fn check(config: &Config, data: &Path) -> Result<Vec<String>, CommandError> {
    let (mut incompatible, mut count) = (Vec::new(), 0);
    for RoleDb { service, db } in open_all(config, data).await? {
        // A schema that is too new for this binary is an error of its own.
        for step in db.missing_steps(service.name, service.migrations.unwrap_or_default()).await? {
            count += 1;
            let of_part = if step.part == service.name { "" } else { " (of the platform)" };
            say!("  {:<10} version {} to {}{of_part}", service.name, step.found, step.version);
            if !step.is_compatible() {
                incompatible.push(format!(
                    "version {} of {}{of_part} needs a release that knows version {}, and the running one knows {}",
                    step.version, service.name, step.min_compatible, step.found
                ));
            }
        }
    }
    if count == 0 {
        say!("  every schema is current");
    }
    Ok(incompatible)
}

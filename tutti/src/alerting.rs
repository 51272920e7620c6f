//! Starts the built-in alerter of a process, if it is configured.
//!
//! Does not own rules or channels: they are the crate `alerts`. Invariant: what the rules see is what `/metrics` shows.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ::alerts::{AlertOptions, Alerter, Origin, Setup};
use boot::Process;

use crate::{CommandError, listeners};

/// Starts the alerter of a process, whose public listener has this address.
pub(crate) fn start(
    process: &Arc<Process>,
    options: AlertOptions,
    data: &Path,
    listen: SocketAddr,
) -> Result<(), CommandError> {
    if !options.is_on() {
        return Ok(());
    }
    let roles: Vec<&str> = process.contexts.iter().map(|(role, _)| *role).collect();
    let Some((_, context)) = process.contexts.first() else { return Ok(()) };
    // Not the number of the process, which is another one after each restart.
    let name = format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), listen.port());
    let setup = Setup {
        data: data.to_owned(),
        origin: Origin { process: name, roles: roles.join(" "), site_url: process.mail.site_url("/") },
        has_role: roles.contains(&options.role.as_str()),
        mail: process.mail.clone(),
        db: process.databases.first().map(|(_, db)| db.clone()),
        clock: context.clock.clone(),
        options,
    };
    let of_process = process.clone();
    Alerter::new(setup, &process.metrics)?.start(
        move || {
            let process = of_process.clone();
            Box::pin(async move { listeners::metrics_text(&process).await })
        },
        &process.tasks,
    );
    Ok(())
}

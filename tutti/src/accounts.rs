//! `tutti accounts`: gives accounts roles, and takes them. This is how an installation gets its first operator.
//!
//! Works beside running servers. Invariant: a change and its entry in the audit trail, with the local user as the
//! actor, are one transaction.

use accounts::Error;
use base::Environment;
use boot::DbConfig;
use db::Db;
use http_server::operators::Actor;

use crate::cli::{Accounts as Arguments, AccountsAction, Settings};
use crate::terminal::say;
use crate::{CommandError, settings};

/// Where the names of local users are.
const PASSWD: &str = "/etc/passwd";

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let db = open(&arguments.settings).await?;
    let (actor, now) = (Actor::machine(&local_user()), base::Clock::system().now());
    let (named, roles) = match arguments.action {
        AccountsAction::Grant(named) => {
            let roles = accounts::assign(&db, &named.handle, &named.role, actor, &named.reason, now).await;
            (named, roles)
        }
        AccountsAction::Revoke(named) => {
            let roles = accounts::revoke(&db, &named.handle, &named.role, actor, &named.reason, now).await;
            (named, roles)
        }
    };
    let roles = roles.map_err(|error| match error {
        Error::NoSuchAccount => {
            format!("there is no account called {}: sign up on the site first, then repeat this", named.handle).into()
        }
        error => CommandError::from(error),
    })?;
    say!("{} has the roles {}. They are in the next access token: sign in again.", named.handle, roles.join(", "));
    Ok(())
}

/// Opens the database of accounts. Fails if there is none, or if its schema is older than this release.
pub(crate) async fn open(arguments: &Settings) -> Result<Db, CommandError> {
    let (config, server) = settings::installation(arguments)?;
    let options: DbConfig = config.section("db")?;
    let service = accounts::service();
    if options.postgres("")?.is_none() && !server.data.join("accounts.db").exists() {
        return Err(format!(
            "there are no accounts in {}: give the server's data folder with --data, or its configuration with \
             --config",
            server.data.display()
        )
        .into());
    }
    let db = options.open(service.name, &server.data).await?;
    boot::refuse_other_environment(service.name, &db, &Environment::of(&config)?).await?;
    if !db.is_current(service.name, service.migrations.unwrap_or_default()).await? {
        return Err("the schema of accounts is older than this release needs: run `tutti migrate`".into());
    }
    Ok(db)
}

/// Returns the name of the user who runs the command; the number where no name is known.
pub(crate) fn local_user() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string(PASSWD).unwrap_or_default();
    // name:password:uid:…
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.unwrap_or(uid)
}

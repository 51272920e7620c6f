//! The role that knows people: credentials, sessions, roles, profiles.
//!
//! Owns accounts, their passwords and sessions, and the keys that sign access tokens. Does not own who follows whom, nor any
//! media. Invariant: passwords and refresh tokens are nowhere in readable form, neither in the database nor in a log.

mod accounts;
mod api;
mod brakes;
mod config;
mod error;
mod events;
mod figures;
mod jobs;
mod keys;
mod limits;
mod migration;
mod model;
mod passwords;
mod roles;
mod store;
mod tokens;

pub use error::Error;
use kit::service::BootError;
use kit::{Context, Part, Service};
pub use roles::{grant, withdraw};

/// The row of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "accounts",
        migrations: Some(migration::MIGRATIONS),
        objects: &[],
        openapi: api::openapi,
        sections: config::sections,
        hears: events::hears,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<Part, BootError> {
    let accounts = accounts::Accounts::open(context).await?;
    Ok(Part { router: api::router(accounts.clone()), consumers: events::consumers(&accounts), jobs: jobs::jobs(&accounts), ..Part::default() })
}

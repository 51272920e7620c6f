//! The accounts role: credentials, sessions, roles and profiles.
//!
//! Owns accounts, their passwords and sessions, and the keys that sign access tokens. Does not own
//! who follows whom, nor any media. Invariant:
//! passwords and refresh tokens are stored as hashes only and never logged.

mod accounts;
mod api;
mod config;
mod error;
mod events;
mod jobs;
mod metrics;
mod migration;
mod model;
mod password_hasher;
mod rate_limiter;
mod roles;
mod signing_keys;
mod store;
mod throttle;
mod tokens;

pub use error::Error;
use kit::service::BootError;
use kit::{Context, RoleInstance, Service};
pub use roles::{assign, revoke};

/// Returns the definition of the accounts role.
pub fn service() -> Service {
    Service {
        name: "accounts",
        migrations: Some(migration::MIGRATIONS),
        objects: &[],
        openapi: api::openapi,
        sections: config::sections,
        subscriptions: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let accounts = accounts::Accounts::open(context).await?;
    Ok(RoleInstance {
        router: api::router(accounts.clone()),
        consumers: events::consumers(&accounts),
        jobs: jobs::jobs(&accounts),
        ..RoleInstance::default()
    })
}

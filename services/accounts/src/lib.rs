//! The accounts role: credentials, sessions, roles and profiles, and the audit trail of operators' acts.
//!
//! Owns accounts, their passwords and sessions, and the keys that sign access tokens. Does not own who follows whom,
//! nor any media. Invariant: passwords, refresh tokens and mailed codes are stored as hashes only and never logged.
//!
//! The table of the lanes is in `commands/mod.rs`.

mod api;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod failed_sign_ins;
mod jobs;
mod mailed_codes;
mod mails;
mod metrics;
mod migration;
mod model;
mod password_hasher;
mod password_verification;
mod queries;
mod rate_limiter;
mod signing_keys;
mod state;
mod store;
mod throttle;
mod tokens;

pub use commands::{AuditReport, assign, revoke, verify_audit};
pub use error::Error;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the accounts role.
pub fn service() -> Service {
    Service {
        name: "accounts",
        migrations: Some(migration::MIGRATIONS),
        objects: &[],
        openapi: api::openapi,
        codes: codes::CODES,
        sections: config::sections,
        subscriptions: |config| events::subscriptions(config).declared(),
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let no_keys = |error| BootError::Other(format!("the signing keys can't be loaded: {error}"));
    let config = config::Config::load(&context.config)?;
    commands::create_first_signing_key(&context).await.map_err(no_keys)?;
    let keys = signing_keys::SigningKeys::open(context.db.clone(), context.clock.clone()).await.map_err(no_keys)?;
    let consumers = events::subscriptions(&context.config);
    let accounts = state::Accounts::new(context, config, keys)?;
    commands::keep_storing_failed_sign_ins(&accounts);
    Ok(RoleInstance {
        router: api::router(accounts.clone()),
        consumers: consumers.consumers(&accounts),
        jobs: jobs::jobs(&accounts),
        ..RoleInstance::default()
    })
}

//! The accounts role: credentials, second factors, sessions, API keys of members and of the team, roles, standings and
//! profiles, the flags of the installation, and the audit trail of operators' acts.
//!
//! Owns accounts, their passwords, second factors and sessions, the keys of access tokens, and the archives of members'
//! data. Does not own follows and media. Invariant: passwords, refresh tokens, recovery and mailed codes are stored as
//! hashes only and never logged.
//!
//! The table of the lanes is in `commands/mod.rs`.

mod api;
mod api_key_secrets;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod export_archive;
mod export_writer;
mod factor_verification;
mod failed_sign_ins;
mod jobs;
mod login_lookup;
mod mailed_codes;
mod mails;
mod metrics;
mod migration;
mod missing_originals;
mod model;
mod passkeys;
mod password_hasher;
mod password_verification;
mod personal_data;
mod queries;
mod rate_limiter;
mod recent_proof;
mod sealed_secret;
mod sign_up_pressure;
mod signing_keys;
mod state;
mod store;
mod throttle;
mod tokens;

pub use commands::{AuditReport, assign, revoke, verify_audit};
pub use error::Error;
use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the accounts role.
pub fn service() -> Service {
    Service {
        name: "accounts",
        migrations: Some(migration::MIGRATIONS),
        objects: store::exports::OBJECT_COLUMNS,
        personal_data: PersonalData::Kept(personal_data::KEPT),
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
    let accounts = state::Accounts::open(context, config, keys).await?;
    commands::keep_storing_failed_sign_ins(&accounts);
    Ok(RoleInstance {
        router: api::router(accounts.clone()),
        consumers: events::subscriptions(&accounts.context.config).consumers(&accounts),
        jobs: jobs::jobs(&accounts),
        personal_data: Some(std::sync::Arc::new(accounts)),
        ..RoleInstance::default()
    })
}

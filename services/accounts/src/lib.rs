//! The accounts role: credentials, second factors, sessions, roles and profiles.
//!
//! Owns accounts, their passwords, second factors and sessions, and the keys of access tokens. Does not own follows and
//! media. Invariant: passwords, refresh tokens, recovery and mailed codes are stored as hashes only and never logged.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once. An id, a skeleton, an e-mail
//! address and the names of the lanes of keys and challenges never have the same text.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | sign-up | the handle's skeleton and e-mail address | the unique keys, and who has the address |
//! | sign-in, refresh, sign-out, new password | account | its sessions, their number and tokens, and its networks |
//! | factors, proofs, mailed codes, profile, roles | account | one use of each, their number; what is written back |
//! | confirming an address, a mailed new password | account and e-mail address | one account confirms an address |
//! | erasure | account, skeleton and e-mail address | all of these |
//! | filling in skeletons of earlier releases | accounts and skeletons of the batch | that one account has a skeleton |
//! | first signing key, rotation; challenges of no account | one each | that one key is next; their number |
//! | removal of what has expired | all | rows of many accounts, in any order |

mod api;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod factor_verification;
mod failed_sign_ins;
mod jobs;
mod mailed_codes;
mod mails;
mod metrics;
mod migration;
mod model;
mod passkeys;
mod password_hasher;
mod password_verification;
mod queries;
mod rate_limiter;
mod recent_proof;
mod sealed_secret;
mod signing_keys;
mod state;
mod store;
mod throttle;
mod tokens;

pub use commands::{assign, revoke};
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
    let accounts = state::Accounts::new(context, config, keys)?;
    commands::keep_storing_failed_sign_ins(&accounts);
    Ok(RoleInstance {
        router: api::router(accounts.clone()),
        consumers: events::subscriptions(&accounts.context.config).consumers(&accounts),
        jobs: jobs::jobs(&accounts),
        ..RoleInstance::default()
    })
}

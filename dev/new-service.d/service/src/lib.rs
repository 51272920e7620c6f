//! The newservice role: short texts that members keep for themselves.
//!
//! Owns the entries. Does not own the accounts that they belong to. Invariant: a member reads and removes only their
//! own entries.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | new entry, removal, erasure of an account | owner | the number of a member's entries |
//! | removal of expired entries | all | rows of many members, in any order |

mod api;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod jobs;
mod metrics;
mod migration;
mod model;
mod personal_data;
mod state;
mod store;

use std::sync::Arc;

use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};

/// Returns the definition of the newservice role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "newservice",
        migrations: Some(migration::MIGRATIONS),
        objects: &[],
        personal_data: PersonalData::Kept(personal_data::KEPT),
        openapi: api::openapi,
        codes: codes::CODES,
        sections: config::sections,
        subscriptions: |_| events::subscriptions().declared(),
        start: |context| Box::pin(async { start(context) }),
    }
}

fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config: config::Config = context.config.section("newservice")?;
    let newservice = state::NewService::new(context, config);
    Ok(RoleInstance {
        router: api::router(&newservice),
        consumers: events::subscriptions().consumers(&newservice),
        jobs: jobs::jobs(&newservice),
        personal_data: Some(Arc::new(newservice)),
        ..RoleInstance::default()
    })
}

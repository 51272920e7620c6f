//! The webhooks role: tells receivers outside what happens in the installation, as Standard Webhooks define it.
//!
//! Owns webhooks, their secrets, their deliveries and the log of the attempts. Does not own the events, which other
//! roles publish. Invariant: an event that a webhook subscribes to is delivered at least once with one `webhook-id`, or
//! it is in the log why not; no request goes to an address that `outgoing::AddressRules` refuse.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | new webhook | `webhooks` | the number of webhooks |
//! | changes, secrets, removal, redelivery, leases, attempts | webhook | what is read and written back |
//! | events | none | the inbox's key is unique, and so are the ids of deliveries |
//! | erasure of an account, removal of what is old | all | rows of many webhooks, in any order |

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
mod outbound;
mod personal_data;
mod queries;
mod sender;
mod state;
mod store;
#[cfg(test)]
mod tests;

use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};

/// Returns the definition of the webhooks role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "webhooks",
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
    let config = config::Config::load(&context.config)?;
    let webhooks = state::Webhooks::new(context, config)?;
    sender::start(&webhooks);
    Ok(RoleInstance {
        router: api::router(&webhooks),
        consumers: events::subscriptions().consumers(&webhooks),
        jobs: jobs::jobs(&webhooks),
        ..RoleInstance::default()
    })
}

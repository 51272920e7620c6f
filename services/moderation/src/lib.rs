//! Moderation: the queue of what was reported, what moderators decide about it, and appeals.
//!
//! Owns cases, frozen evidence, claims, decisions and appeals, and the counts of them. Does not own what is reported,
//! which another role removes, nor accounts, whose standing `accounts` changes: both follow the events of a decision
//! (decisions 74 and 75). Invariant: a case is decided once, by a moderator who holds it and whom it does not concern.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | report, and its end elsewhere | the report, also with the thing | that a closed one opens no case |
//! | report, claim, decision, answers to reporters, end of a case elsewhere | the thing | its open case |
//! | appeal | the thing and its owner | its open case; their number |
//! | verdict of a check | the thing and its owner, and the oldest thing that is held | its open case; their number |
//! | a sanction without a case | the thing and its owner | as a verdict |
//! | a sanction that accounts has refused | none | one statement |
//! | erasure: its first step | all | no write that began before is still running |
//! | erasure: the other steps | the account | — |
//! | removal of old rows | all | rows of many members, in any order |

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
mod queries;
mod state;
mod store;

use std::sync::Arc;

use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the moderation role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "moderation",
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
    let config: config::Config = context.config.section("moderation")?;
    let moderation = state::Moderation::new(context, config);
    Ok(RoleInstance {
        router: api::router(&moderation),
        consumers: events::subscriptions().consumers(&moderation),
        jobs: jobs::jobs(&moderation),
        personal_data: Some(Arc::new(moderation)),
        ..RoleInstance::default()
    })
}

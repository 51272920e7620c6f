//! Chat: conversations of two and of groups, and what keeps them free of unwanted messages.
//!
//! Owns conversations, their messages and changes, the boxes of members, and the verdicts about what is sent. Does not
//! own the rules of verdicts (`screening`), people and who follows or blocks whom (`social`), nor media. Invariant:
//! what happens in a conversation has one place in one sequence without a gap, given at its commit in the lane of the
//! conversation; nothing is stored for others before its verdict (decisions 70 and 71).
//!
//! # Lanes
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | a message, an edit, an invitation | conversation, sender | the sequence; the sender's budget and rate |
//! | a new conversation of two | key of the pair | that there is one |
//! | deletion, reaction, mark, answer to a request, change of a group | conversation | the sequence, and who is in it |
//! | what happens to a media item | item | its state |
//! | delivery of what was held, removal by a decision | conversation | the sequence; that it happens once |
//! | settings, reports, verdicts of refused ones, exemptions | account | one row each; the rate of reports |
//! | when members were online last | their accounts | that nothing is written for one who hides it, or is gone |
//! | an account's end, first part | all | that nothing is written for it afterwards |
//! | removal of old rows | all | rows of many conversations |

mod api;
mod codes;
mod commands;
mod config;
mod contacts;
mod error;
mod events;
mod jobs;
mod live;
mod metrics;
mod migration;
mod model;
mod personal_data;
mod presence;
mod queries;
mod recent;
mod state;
mod store;
mod streams;

use std::sync::Arc;

use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};

/// Returns the definition of the chat role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "chat",
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
    let config: config::Config = context.config.section("chat")?;
    let chat = state::Chat::new(context, config)?;
    presence::sharing::start(&chat);
    Ok(RoleInstance {
        router: api::router(&chat),
        consumers: events::subscriptions().consumers(&chat),
        jobs: jobs::jobs(&chat),
        personal_data: Some(Arc::new(chat)),
        ..RoleInstance::default()
    })
}

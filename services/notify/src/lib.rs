//! Notify: tells members what concerns them. The history of their notices, their preferences, and what they mute.
//!
//! Owns who is told of what (`model/facts.rs`, `model/decision.rs`) and the history, behind a port (`history.rs`). Does
//! not own what notices are about: it knows the other roles through their events only (decision 49). Invariant: a
//! member has one notice for an event or an open group, however often the event is delivered, and `unread` is the
//! number of unread notices that the member sees.

mod api;
mod check;
mod codes;
mod commands;
mod config;
mod dynamodb;
mod engine;
mod error;
mod events;
mod history;
#[cfg(test)]
mod history_conformance;
mod jobs;
mod live;
mod mails;
mod metrics;
mod migration;
mod model;
mod personal_data;
mod push;
mod queries;
mod sections;
mod sentences;
mod state;
mod store;
mod stored_kind;
mod stream_queue;
mod stream_reader;
mod streams;
#[cfg(test)]
mod tests;
mod texts;
mod unsubscribe;

pub use check::{Drift, check};
pub use engine::{HistoryTable, check_table, create_table};
pub use push::new_vapid_key;
pub use sections::secret_files;
use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the notify role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "notify",
        migrations: Some(migration::MIGRATIONS),
        objects: &[],
        personal_data: PersonalData::Kept(personal_data::KEPT),
        openapi: api::openapi,
        codes: codes::CODES,
        sections: sections::sections,
        subscriptions: |_| events::subscriptions().declared(),
        start: |context| Box::pin(async { start(context) }),
    }
}

fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config = context.config.section("notify")?;
    let history = engine::open(&context.config, &context.db, &context.clock, &context.random)?;
    let notify = state::Notify::with_history(context, config, history)?;
    push::sender::start(&notify);
    stream_reader::start(&notify);
    Ok(RoleInstance {
        router: api::router(&notify),
        consumers: events::subscriptions().consumers(&notify),
        jobs: jobs::jobs(&notify),
        personal_data: Some(std::sync::Arc::new(notify)),
        ..RoleInstance::default()
    })
}

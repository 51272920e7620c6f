//! Social: people and what they show each other. Follows, blocks, mutes, close friends, posts, threads, feeds, what is
//! said about posts, and greetings.
//!
//! Owns who may see what of whom (`model/may_see.rs`, and its SQL form in `store/visible.rs`). Does not own accounts,
//! of which it keeps copies, nor media, whose URLs it signs for those who may see a post (decision 40). Invariant: what
//! a reader may not see and what does not exist are the same response.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once. Counts that two lanes change
//! are changed by one commutative statement.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | follow, request, answer, block, mute, close friend | pair, actor | a pair's relations; the actor's budget |
//! | new post, change, removal, publication, the state of its media | the author's account | a post and its rows |
//! | entries of feeds: fan-out of a post, and their removal | the author's account | a cursor; none after removal |
//! | entries of one feed: wanted, filled | the account | the newest filling |
//! | entries of old posts and of feeds that are not read | all | the floor of each feed |
//! | an edition of the rising posts | `rising` | one edition at a time |
//! | new thread, its change and removal | the opener's account, the thread | the thread's row |
//! | part: joining, approval, removal, withdrawal | the author's account, the thread | how it stands to the thread |
//! | moderators, invitations of a thread | the thread, the person | their number |
//! | comment, reaction, save, repost | the post's author, the actor | a post and its rows; the actor's budget |
//! | approval; what a verdict has held | the post's author; the writer too | a comment is counted once |
//! | song of posts: its title, its removal | the song | its row |
//! | report, greeting, settings for comments, topics that a member follows | the account | their number and bounds |
//! | decision about a report | what was reported | its reports are closed once |
//! | copy of an account: created, changed | the account | the newest version |
//! | erasure: its first step | all | no write that began before is still running |
//! | erasure: the other steps; removal of what a removed post leaves | the account; the post | — |
//! | removal of expired posts, old rows and unused songs | all | rows of many members; a song that is named meanwhile |

mod api;
mod check;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod jobs;
mod known_people;
mod metrics;
mod migration;
mod model;
mod personal_data;
mod queries;
mod state;
mod store;

pub use check::{Drift, check};
use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the social role, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "social",
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
    let config: config::Config = context.config.section("social")?;
    let social = state::Social::new(context, config);
    Ok(RoleInstance {
        router: api::router(&social),
        consumers: events::subscriptions().consumers(&social),
        jobs: jobs::jobs(&social),
        personal_data: Some(std::sync::Arc::new(social)),
        ..RoleInstance::default()
    })
}

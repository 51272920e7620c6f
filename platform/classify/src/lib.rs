//! The engines behind `screening`'s trait [`Classifier`]: a model in a child process, and a server outside.
//!
//! Owns how they are reached, bounded and replaced by each other. Does not own what a score leads to (`screening`), nor
//! which pictures and texts are asked about (the roles). Invariant: whatever a model or a server does, a question ends
//! by its deadline, with a score or with why there is none, and takes bounded memory here.

mod backoff;
mod breaker;
mod child;
mod fallback;
mod frame;
mod options;
mod serve_model;
mod webhook;

pub use child::{ChildCommand, ChildModel};
pub use fallback::Fallback;
pub use frame::{FRAME_BYTES, FRAME_SIDE, frame_of};
pub use options::{ScreeningOptions, WebhookContext, sections};
pub use screening::classifier::{Classifier, NoScore, Picture, Score};
pub use serve_model::{HAS_MODEL_ENGINE, MODEL_COMMAND, serve_model};

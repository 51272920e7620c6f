//! A flag that cancels a rendering from another thread.
//!
//! Invariant: once set, it stays set.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Error;

/// Cancels the renderings that received it. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Cancels the renderings.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns [`Error::Interrupted`] once the flag is set.
    pub fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

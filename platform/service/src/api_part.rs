//! A role's part of the API.
//!
//! Invariant: it is made at most once, when it is first read.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use utoipa::openapi::OpenApi;

type Make = Box<dyn FnOnce() -> OpenApi + Send>;

/// The OpenAPI document of a role's part of the API; clones share it. Most processes never read that of another role,
/// and making those of all roles takes longer than the rest of a start.
#[derive(Clone)]
pub struct ApiPart(Arc<LazyLock<OpenApi, Make>>);

impl ApiPart {
    /// Returns a part that `make` makes when it is first read.
    pub fn new(make: impl FnOnce() -> OpenApi + Send + 'static) -> Self {
        let make: Make = Box::new(make);
        Self(Arc::new(LazyLock::new(make)))
    }
}

impl From<OpenApi> for ApiPart {
    fn from(part: OpenApi) -> Self {
        Self::new(move || part)
    }
}

impl Deref for ApiPart {
    type Target = OpenApi;

    fn deref(&self) -> &OpenApi {
        &self.0
    }
}

impl fmt::Debug for ApiPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiPart")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_part_is_made_once_and_only_if_it_is_read() {
        let made = Arc::new(AtomicU32::new(0));
        let counted = made.clone();
        let part = ApiPart::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            OpenApi::default()
        });
        let other = part.clone();
        assert_eq!(made.load(Ordering::Relaxed), 0);
        assert!(part.paths == other.paths);
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}

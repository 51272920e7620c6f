//! The messages that services exchange: events, internal queries and the ids in them, one file per publisher.
//!
//! Owns data types only, no behaviour and no transport. Invariant: fields are only ever added, with
//! `#[serde(default)]`, because the previous and the next release read the same events.

pub mod accounts;
pub mod chat;
pub mod dates;
pub mod delivery;
pub mod ids;
pub mod media;
pub mod moderation;
pub mod notify;
pub mod social;
mod string_enum;
pub mod transcode;
pub mod webhooks;

pub use base::Event;
pub use base::Query;
pub use ids::{AccountId, MediaId, ObjectKey};
pub use string_enum::UnknownVariant;

#[cfg(test)]
mod tests {
    use crate::media::{FindAlbumOwner, FindAlbumPreview, FindPreview, FindReceived};
    use crate::transcode::{FindConversion, FindPlayback};
    use crate::{MediaId, Query};

    /// A query is sent to the path that its role routes.
    fn fills<Q: Query>(query: &Q, id: &MediaId) -> bool {
        query.path() == Q::PATH.replace("{id}", id.as_str())
    }

    #[test]
    fn queries_are_sent_to_the_paths_that_are_routed() {
        let id = MediaId::random();
        assert!(fills(&FindReceived(id.clone()), &id));
        assert!(fills(&FindPreview(id.clone()), &id));
        assert!(fills(&FindAlbumPreview(id.clone()), &id));
        assert!(fills(&FindAlbumOwner(id.clone()), &id));
        assert!(fills(&FindPlayback(id.clone()), &id));
        assert!(fills(&FindConversion(id.clone()), &id));
    }
}

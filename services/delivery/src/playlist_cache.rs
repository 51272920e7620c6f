//! A cache of playlists: the text and its ETag.
//!
//! Invariant: a key has the generation of the playback and the query of the request, so a playlist is never returned
//! for another state of its item, or with the signature of another request.

use bytes::Bytes;
use contract::MediaId;

use crate::config::Config;
use crate::model::{Playback, content_etag};

/// Playlists by item, generation, file and the query of the request.
pub(crate) struct PlaylistCache(moka::sync::Cache<(MediaId, u64, String, String), CachedPlaylist>);

/// A playlist.
#[derive(Clone)]
pub(crate) struct CachedPlaylist {
    pub bytes: Bytes,
    pub etag: String,
}

impl PlaylistCache {
    pub(crate) fn new(config: &Config) -> Self {
        let weigher = |key: &(MediaId, u64, String, String), playlist: &CachedPlaylist| {
            (256 + key.2.len() + key.3.len() + playlist.bytes.len()) as u32
        };
        Self(moka::sync::Cache::builder().max_capacity(config.catalog_cache_bytes / 4).weigher(weigher).build())
    }

    /// Returns the playlist `file` of an item. `query` is appended to the URLs in it: `write` receives it on a miss.
    pub(crate) fn get(
        &self,
        id: &MediaId,
        playback: &Playback,
        file: &str,
        query: &str,
        write: impl FnOnce(&str) -> String,
    ) -> CachedPlaylist {
        let key = (id.clone(), playback.generation, file.to_owned(), query.to_owned());
        if let Some(playlist) = self.0.get(&key) {
            return playlist;
        }
        let bytes = Bytes::from(write(query));
        let playlist = CachedPlaylist { etag: content_etag(&bytes), bytes };
        self.0.insert(key, playlist.clone());
        playlist
    }
}

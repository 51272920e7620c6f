//! The preview of an item or an album: what a link to it shows on another site.
//!
//! Invariant: it has nothing that a view for everyone has not, and its URLs carry no signature.

use contract::media::{AlbumPreview, Kind, Preview};

use super::album::Album;
use super::{Item, State};

impl Item {
    /// Returns the preview. The caller has checked that everyone may read the item.
    pub(crate) fn preview(&self) -> Preview {
        let is_viewable = matches!(self.state, State::Playable | State::Ready);
        let has_poster = self.assets.iter().any(|asset| asset == "poster");
        let image = match self.kind {
            Kind::Photo => is_viewable.then_some("image"),
            Kind::Audio | Kind::Video => has_poster.then_some("poster"),
        };
        Preview {
            id: self.id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            alt: self.alt.clone(),
            visibility: self.effective_visibility(),
            width: self.width,
            height: self.height,
            image: image.map(|part| format!("/v1/media/{}/{part}", self.id)),
            is_viewable,
        }
    }
}

impl Album {
    /// Returns the preview. The caller has checked that everyone may read the album, and that everyone who does sees
    /// the cover and so many items.
    pub(crate) fn preview(self, cover: Option<&Item>, item_count: u64) -> AlbumPreview {
        let cover = cover.map(Item::preview);
        AlbumPreview { id: self.id.0, title: self.title, visibility: self.visibility, item_count, cover }
    }
}

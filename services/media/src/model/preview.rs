//! The preview of an item or an album: what a link to it shows on another site.
//!
//! Invariant: it has nothing that a view for everyone has not, and its URLs carry no signature.

use contract::media::{AlbumPreview, Kind, Preview};

use super::album::Album;
use super::{Item, State};

impl Item {
    /// Whether it can be shown or played.
    fn is_viewable(&self) -> bool {
        matches!(self.state, State::Playable | State::Ready)
    }

    /// Returns the path of a picture of it, if there is one.
    pub(crate) fn picture_path(&self) -> Option<String> {
        let has_poster = self.assets.iter().any(|asset| asset == "poster");
        let part = match self.kind {
            Kind::Photo => self.is_viewable().then_some("image"),
            Kind::Audio | Kind::Video => has_poster.then_some("poster"),
        };
        part.map(|part| format!("/v1/media/{}/{part}", self.id))
    }

    /// Returns the preview. The caller has checked that everyone may read the item. Another site blurs nothing, so it
    /// gets no picture that is blurred for strangers here.
    pub(crate) fn preview(&self) -> Preview {
        Preview {
            id: self.id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            alt: self.alt.clone(),
            visibility: self.effective_visibility(),
            width: self.width,
            height: self.height,
            image: self.picture_path().filter(|_| !self.is_sensitive(false)),
            is_viewable: self.is_viewable(),
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

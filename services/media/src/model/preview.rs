//! The preview of an item: what a link to it shows on another site.
//!
//! Invariant: it has nothing that a view for everyone has not, and its URLs carry no signature.

use contract::media::{Kind, Preview};

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

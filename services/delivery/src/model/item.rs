//! An item, with the facts that serving it needs.
//!
//! Invariant: an item whose overlays are not understood has none (`scrub: None`), so its file is not served.

use chrono::{DateTime, Utc};
use codec::filename::{clean, with_extension};
use codec::scrub::Patch;
use codec::sniff::{self, Format};
use contract::media::{CaptionTrack, Kind, Received, Visibility};
use contract::{AccountId, MediaId, ObjectKey};

/// An item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub id: MediaId,
    pub owner: AccountId,
    pub kind: Kind,
    /// Also its file extension.
    pub format: String,
    pub content_type: String,
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub object: ObjectKey,
    /// The overlays of the file for everyone, sorted; `None` where there is no such file.
    pub scrub: Option<Vec<Patch>>,
    pub visibility: Visibility,
    /// Whether it is in the trash of its owner.
    pub trashed: bool,
    /// Its captions, which `media` serves.
    pub captions: Vec<CaptionTrack>,
    /// Upright size in pixels, where known.
    pub size: Option<(u32, u32)>,
    /// EXIF orientation 1–8.
    pub orientation: u8,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
}

impl Item {
    /// Returns whether everyone who knows its URL may read it.
    pub fn is_public_or_unlisted(&self) -> bool {
        !self.trashed && matches!(self.visibility, Visibility::Public | Visibility::Unlisted)
    }

    /// Returns the format of its bytes; `None` if they are of no supported media type.
    pub fn supported_format(&self) -> Option<Format> {
        let kinds = [sniff::Kind::Photo, sniff::Kind::Audio, sniff::Kind::Video];
        let format = self.format.parse::<Format>().ok();
        format.filter(|format| kinds.iter().any(|kind| format.content_type_as(*kind) == self.content_type))
    }

    /// Returns the name under which its file is downloaded. The extension follows from the bytes, never from what the
    /// uploader stated.
    pub fn file_name(&self) -> String {
        match self.supported_format() {
            Some(format) => with_extension(&self.name, format),
            None => clean(&format!("{}.bin", self.name)),
        }
    }

    /// Returns its approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        let scrub = self.scrub.iter().flatten().map(|patch| 64 + patch.fill.len()).sum::<usize>();
        let captions = self.captions.iter().map(|track| 64 + track.lang.len() + track.label.len()).sum::<usize>();
        512 + self.name.len() + scrub + captions
    }
}

impl From<&Received> for Item {
    /// Returns the item that an announcement describes. Its row reads the same.
    fn from(received: &Received) -> Self {
        Self {
            id: received.id.clone(),
            owner: received.owner,
            kind: received.kind,
            format: received.format.clone(),
            content_type: received.content_type.clone(),
            name: received.name.clone(),
            bytes: received.bytes,
            sha256: received.sha256.clone(),
            object: received.object.clone(),
            scrub: received.scrub.as_deref().and_then(overlays),
            visibility: received.visibility,
            trashed: received.trashed,
            captions: received.captions.clone(),
            size: received.width.zip(received.height),
            orientation: received.orientation,
            created_at: received.created_at,
        }
    }
}

/// Returns announced overlays as the codec applies them; `None` if one of them is not understood.
pub(crate) fn overlays(announced: &[contract::media::Patch]) -> Option<Vec<Patch>> {
    let mut patches: Vec<Patch> =
        announced.iter().map(|patch| Patch::from_hex(patch.offset, patch.bytes, &patch.hex)).collect::<Option<_>>()?;
    patches.sort_by_key(|patch| patch.offset);
    Some(patches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_unknown_overlays_is_not_served() {
        let good = contract::media::Patch { offset: 8, bytes: 4, hex: "ffd8".into() };
        let bad = contract::media::Patch { hex: "xyz".into(), ..good.clone() };
        assert_eq!(overlays(&[]).map(|patches| patches.len()), Some(0));
        assert_eq!(overlays(std::slice::from_ref(&good)).map(|patches| patches.len()), Some(1));
        assert!(overlays(&[good, bad]).is_none());
    }
}

//! The URLs of an item that pages of other sites use, and the sizes of what is behind them.
//!
//! Invariant: every URL is absolute and has no signature: what an anonymous visitor may read needs none.

use contract::MediaId;
use contract::media::{Kind, Preview};

/// The longest sides in which pictures are rendered, in pixels, up to what previews need (see `delivery`). Another side
/// would be rounded up.
const SIDES_PX: [u32; 8] = [128, 256, 384, 512, 640, 768, 1024, 1280];
/// The longest side of the player, in pixels.
const PLAYER_SIDE_PX: u32 = 640;
/// The ratio of a video whose size is not known.
const DEFAULT_RATIO: (u32, u32) = (16, 9);
/// The player of a song, in pixels.
const SONG_PLAYER_PX: (u32, u32) = (640, 200);

/// A picture of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) url: String,
    /// Width and height in pixels, where known.
    pub(crate) size: Option<(u32, u32)>,
}

/// The URLs of one item.
pub(crate) struct PreviewUrls<'a> {
    origin: &'a str,
    preview: &'a Preview,
}

impl<'a> PreviewUrls<'a> {
    pub(crate) fn new(origin: &'a str, preview: &'a Preview) -> Self {
        Self { origin, preview }
    }

    /// Returns the URL of the site.
    pub(crate) fn site(&self) -> String {
        format!("{}/", self.origin)
    }

    /// Returns the URL of the item's page.
    pub(crate) fn page(&self) -> String {
        format!("{}/m/{}", self.origin, self.preview.id)
    }

    /// Returns the URL of the embeddable player.
    pub(crate) fn player(&self) -> String {
        format!("{}/embed/{}", self.origin, self.preview.id)
    }

    /// Returns the URL of the oEmbed response.
    pub(crate) fn oembed(&self) -> String {
        let page = self.page().replace(':', "%3A").replace('/', "%2F").replace('[', "%5B").replace(']', "%5D");
        format!("{}/oembed?format=json&url={page}", self.origin)
    }

    /// Returns the largest picture that fits into `max`, in pixels. Where none does, that is the smallest, whose longer
    /// side has 128 pixels, or those of its source. Its size is what the URL has in either case.
    pub(crate) fn picture(&self, max: (u32, u32)) -> Option<Picture> {
        let path = self.preview.image.as_ref()?;
        let (side, size) = match self.size() {
            Some(source) => {
                let side = SIDES_PX.into_iter().rev().find(|side| is_within(contained(source, *side), max));
                let side = side.unwrap_or(SIDES_PX[0]);
                (side, Some(contained(source, side)))
            }
            None => (SIDES_PX[SIDES_PX.len() - 1], None),
        };
        // Every crawler reads JPEG.
        Some(Picture { url: format!("{}{path}?w={side}&h={side}&format=jpeg", self.origin), size })
    }

    /// Returns the size of the player that fits into `max`, in pixels.
    pub(crate) fn player_size(&self, max: (u32, u32)) -> (u32, u32) {
        if self.preview.kind == Kind::Audio {
            return (SONG_PLAYER_PX.0.min(max.0), SONG_PLAYER_PX.1.min(max.1));
        }
        let (width, height) = (max.0.min(PLAYER_SIDE_PX), max.1.min(PLAYER_SIDE_PX));
        let source = self.size().unwrap_or(DEFAULT_RATIO);
        let is_wider = u64::from(source.0) * u64::from(height) >= u64::from(source.1) * u64::from(width);
        if is_wider {
            (width, scaled(source.1, width, source.0).min(height))
        } else {
            (scaled(source.0, height, source.1).min(width), height)
        }
    }

    /// Returns the upright size of the item in pixels.
    fn size(&self) -> Option<(u32, u32)> {
        Some((self.preview.width?, self.preview.height?)).filter(|(width, height)| *width > 0 && *height > 0)
    }
}

/// Returns the item whose page a path is.
pub(crate) fn item_of_page(path: &str) -> Option<MediaId> {
    path.trim_start_matches('/').strip_prefix("m/")?.trim_end_matches('/').parse().ok()
}

/// Returns the album whose page a path is.
pub(crate) fn album_of_page(path: &str) -> Option<MediaId> {
    path.trim_start_matches('/').strip_prefix("albums/")?.trim_end_matches('/').parse().ok()
}

/// Returns whether a path is a page for which media is asked for a preview.
pub(crate) fn has_preview(path: &str) -> bool {
    item_of_page(path).is_some() || album_of_page(path).is_some()
}

/// Returns whether a size is no larger than another in both directions.
pub(crate) fn is_within(size: (u32, u32), max: (u32, u32)) -> bool {
    size.0 <= max.0 && size.1 <= max.1
}

/// Returns the size of a picture whose longest side is `side` or, if that is shorter, that of its source.
fn contained((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longest = width.max(height);
    let side = side.min(longest);
    (scaled(width, side, longest), scaled(height, side, longest))
}

/// Returns `length * numerator / denominator`, rounded, and at least 1.
fn scaled(length: u32, numerator: u32, denominator: u32) -> u32 {
    let (product, denominator) = (u64::from(length) * u64::from(numerator), u64::from(denominator.max(1)));
    u32::try_from((product + denominator / 2) / denominator).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use contract::media::Visibility;

    use super::*;

    fn preview(kind: Kind, size: Option<(u32, u32)>) -> Preview {
        let id: MediaId = "5kT0vYq8Zb3mXw1RcHs9Ga".parse().unwrap();
        Preview {
            image: Some(format!("/v1/media/{id}/image")),
            id,
            kind,
            name: "x".into(),
            alt: String::new(),
            visibility: Visibility::Public,
            width: size.map(|size| size.0),
            height: size.map(|size| size.1),
            is_viewable: true,
        }
    }

    #[test]
    fn a_picture_is_no_larger_than_its_source_or_what_was_asked_for() {
        let picture = |size, max| {
            let preview = preview(Kind::Photo, size);
            PreviewUrls::new("https://a.example", &preview).picture(max).unwrap()
        };
        let large = picture(Some((4000, 3000)), (u32::MAX, u32::MAX));
        assert_eq!(large.size, Some((1280, 960)));
        let url = "https://a.example/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/image?w=1280&h=1280&format=jpeg";
        assert_eq!(large.url, url);
        assert_eq!(picture(Some((4000, 3000)), (700, u32::MAX)).size, Some((640, 480)));
        assert_eq!(picture(Some((3000, 4000)), (u32::MAX, 300)).size, Some((192, 256)));
        assert_eq!(picture(Some((300, 200)), (u32::MAX, u32::MAX)).size, Some((300, 200)));
        let smallest = picture(Some((4000, 3000)), (10, 10));
        assert_eq!(smallest.size, Some((128, 96)), "none is smaller");
        assert!(smallest.url.contains("?w=128&h=128&"), "{smallest:?}");
        assert_eq!(picture(Some((100, 50)), (10, 10)).size, Some((100, 50)));
        assert_eq!(picture(None, (100, 100)).size, None);
    }

    #[test]
    fn a_player_keeps_the_ratio_within_what_was_asked_for() {
        let size = |kind, size, max| {
            let preview = preview(kind, size);
            PreviewUrls::new("https://a.example", &preview).player_size(max)
        };
        let any = (u32::MAX, u32::MAX);
        assert_eq!(size(Kind::Video, Some((1920, 1080)), any), (640, 360));
        assert_eq!(size(Kind::Video, None, any), (640, 360));
        assert_eq!(size(Kind::Video, Some((1920, 1080)), (320, u32::MAX)), (320, 180));
        assert_eq!(size(Kind::Video, Some((1080, 1920)), (u32::MAX, 640)), (360, 640));
        assert_eq!(size(Kind::Audio, None, (300, 1000)), (300, 200));
    }

    #[test]
    fn only_the_page_of_an_item_names_one() {
        for path in ["/m/5kT0vYq8Zb3mXw1RcHs9Ga", "m/5kT0vYq8Zb3mXw1RcHs9Ga/"] {
            assert!(item_of_page(path).is_some(), "{path}");
        }
        for path in
            ["/m/short", "/u/5kT0vYq8Zb3mXw1RcHs9Ga", "/m/5kT0vYq8Zb3mXw1RcHs9Ga/x", "/embed/5kT0vYq8Zb3mXw1RcHs9Ga"]
        {
            assert!(item_of_page(path).is_none(), "{path}");
        }
        assert!(album_of_page("/albums/5kT0vYq8Zb3mXw1RcHs9Ga").is_some());
        for path in ["/albums", "/albums/new", "/albums/5kT0vYq8Zb3mXw1RcHs9Ga/x", "/m/5kT0vYq8Zb3mXw1RcHs9Ga"] {
            assert!(album_of_page(path).is_none(), "{path}");
        }
    }
}

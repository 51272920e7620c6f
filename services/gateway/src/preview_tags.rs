//! The tags of a link preview in the head of the page: Open Graph (ogp.me), Twitter cards, the title, the canonical
//! URL, and where the oEmbed response is.
//!
//! Owns the escaping. Invariant: every value is escaped, so a name can be no markup, whatever its owner has typed.

use std::fmt::Write as _;

use contract::media::{AlbumPreview, Kind, Preview, Visibility};

use crate::preview_urls::{Picture, PreviewUrls};

/// What the site is called.
pub(crate) const SITE_NAME: &str = "Tutti";

/// What a page of the site is about.
#[derive(Debug)]
pub(crate) enum PagePreview {
    Item(Preview),
    Album(AlbumPreview),
}

/// Returns the page with the title and the tags of a preview; `None` if the page has no head.
pub(crate) fn insert(page: &str, origin: &str, preview: &PagePreview) -> Option<String> {
    let (head, body) = page.split_once("</head>")?;
    let (before, rest) = head.split_once("<title>")?;
    let (_, after) = rest.split_once("</title>")?;
    let (name, tags) = match preview {
        PagePreview::Item(item) => (&item.name, item_tags(origin, item)),
        PagePreview::Album(album) => (&album.title, album_tags(origin, album)),
    };
    let title = escape(&format!("{name} · {SITE_NAME}"));
    Some(format!("{before}<title>{title}</title>{after}{tags}</head>{body}"))
}

/// Adds a tag, whose value is escaped.
fn add_tag(tags: &mut String, attribute: &str, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(tags, "<meta {attribute}=\"{name}\" content=\"{}\" />", escape(value));
}

fn album_tags(origin: &str, album: &AlbumPreview) -> String {
    let mut tags = String::new();
    let mut add = |attribute: &str, name: &str, value: &str| add_tag(&mut tags, attribute, name, value);
    let page = format!("{origin}/albums/{}", album.id);
    let description = match album.item_count {
        0 => "An album on Tutti.".to_owned(),
        1 => "An album on Tutti, with 1 item.".to_owned(),
        count => format!("An album on Tutti, with {count} items."),
    };
    let cover = album.cover.as_ref().and_then(|cover| PreviewUrls::new(origin, cover).picture((u32::MAX, u32::MAX)));
    add("property", "og:site_name", SITE_NAME);
    add("property", "og:type", "website");
    add("property", "og:title", &album.title);
    add("property", "og:description", &description);
    add("property", "og:url", &page);
    if let Some(cover) = &cover {
        add_picture(&mut add, cover, &album.title);
    }
    add("name", "twitter:card", if cover.is_some() { "summary_large_image" } else { "summary" });
    add("name", "twitter:title", &album.title);
    add("name", "twitter:description", &description);
    if album.visibility != Visibility::Public {
        add("name", "robots", "noindex");
    }
    let _ = write!(tags, "<link rel=\"canonical\" href=\"{}\" />", escape(&page));
    tags
}

fn add_picture(add: &mut impl FnMut(&str, &str, &str), picture: &Picture, alt: &str) {
    add("property", "og:image", &picture.url);
    add("property", "og:image:type", "image/jpeg");
    add("property", "og:image:alt", alt);
    if let Some((width, height)) = picture.size {
        add("property", "og:image:width", &width.to_string());
        add("property", "og:image:height", &height.to_string());
    }
    add("name", "twitter:image", &picture.url);
    add("name", "twitter:image:alt", alt);
}

fn item_tags(origin: &str, preview: &Preview) -> String {
    let urls = PreviewUrls::new(origin, preview);
    let mut tags = String::new();
    let mut add = |attribute: &str, name: &str, value: &str| add_tag(&mut tags, attribute, name, value);
    let (kind, description) = match preview.kind {
        Kind::Photo => ("website", "A photo on Tutti."),
        Kind::Audio => ("music.song", "A song on Tutti."),
        Kind::Video => ("video.other", "A video on Tutti."),
    };
    let player = Some(urls.player()).filter(|_| preview.is_viewable && preview.kind != Kind::Photo);
    let picture = urls.picture((u32::MAX, u32::MAX));
    let alt = if preview.alt.is_empty() { &preview.name } else { &preview.alt };
    add("property", "og:site_name", SITE_NAME);
    add("property", "og:type", kind);
    add("property", "og:title", &preview.name);
    add("property", "og:description", description);
    add("property", "og:url", &urls.page());
    if let Some(picture) = &picture {
        add_picture(&mut add, picture, alt);
    }
    let (width, height) = urls.player_size((u32::MAX, u32::MAX));
    if let Some(player) = &player {
        add("property", "og:video", player);
        add("property", "og:video:type", "text/html");
        add("property", "og:video:width", &width.to_string());
        add("property", "og:video:height", &height.to_string());
        add("name", "twitter:player", player);
        add("name", "twitter:player:width", &width.to_string());
        add("name", "twitter:player:height", &height.to_string());
    }
    let card = match (&player, &picture) {
        (Some(_), _) => "player",
        (None, Some(_)) => "summary_large_image",
        (None, None) => "summary",
    };
    add("name", "twitter:card", card);
    add("name", "twitter:title", &preview.name);
    add("name", "twitter:description", description);
    if preview.visibility != Visibility::Public {
        // An unlisted item is for those who have its link, and in no index.
        add("name", "robots", "noindex");
    }
    let (page, oembed, title) = (escape(&urls.page()), escape(&urls.oembed()), escape(&preview.name));
    let _ = write!(
        tags,
        "<link rel=\"canonical\" href=\"{page}\" />\
         <link rel=\"alternate\" type=\"application/json+oembed\" href=\"{oembed}\" title=\"{title}\" />"
    );
    tags
}

/// Returns a text that is itself both as text and in a quoted attribute of HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "<!doctype html><html><head><title>Tutti</title><script src=\"/a.js\"></script></head><body></body></html>";

    fn preview(kind: Kind, name: &str) -> Preview {
        let id: contract::MediaId = "5kT0vYq8Zb3mXw1RcHs9Ga".parse().unwrap();
        Preview {
            image: Some(format!("/v1/media/{id}/image")),
            id,
            kind,
            name: name.to_owned(),
            alt: String::new(),
            visibility: Visibility::Public,
            width: Some(4000),
            height: Some(3000),
            is_viewable: true,
        }
    }

    #[test]
    fn a_name_is_never_markup() {
        let name = "</title><script>alert('1')</script>\" onload=\"x&amp;";
        let html = insert(PAGE, "https://a.example", &PagePreview::Item(preview(Kind::Photo, name))).unwrap();
        assert_eq!((html.matches("<script").count(), html.matches("</title>").count()), (1, 1), "{html}");
        let escaped = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x&amp;amp;";
        assert!(html.contains(&format!("<title>{escaped} · Tutti</title>")), "{html}");
        assert!(html.contains(&format!("<meta property=\"og:title\" content=\"{escaped}\" />")), "{html}");
        assert!(html.contains(&format!("<meta property=\"og:image:alt\" content=\"{escaped}\" />")), "{html}");
        // Without the escaped name, no quotation mark is left over.
        assert_eq!(html.matches('"').count() % 2, 0);
    }

    #[test]
    fn each_kind_has_the_card_that_suits_it() {
        let html = |preview: &Preview| insert(PAGE, "https://a.example", &PagePreview::Item(preview.clone())).unwrap();
        let photo = html(&preview(Kind::Photo, "a"));
        assert!(photo.contains("summary_large_image") && !photo.contains("og:video"), "{photo}");
        assert!(photo.contains("content=\"1280\"") && photo.contains("content=\"960\""), "{photo}");
        assert!(photo.contains("?w=1280&amp;h=1280&amp;format=jpeg"), "{photo}");
        assert!(photo.contains("<link rel=\"canonical\" href=\"https://a.example/m/5kT0vYq8Zb3mXw1RcHs9Ga\" />"));
        let oembed =
            "https://a.example/oembed?format=json&amp;url=https%3A%2F%2Fa.example%2Fm%2F5kT0vYq8Zb3mXw1RcHs9Ga";
        assert!(photo.contains(oembed), "{photo}");
        let described = Preview { alt: "A \"cat\"\nand a dog".to_owned(), ..preview(Kind::Photo, "a") };
        let alt = "content=\"A &quot;cat&quot;\nand a dog\" />";
        for name in ["<meta property=\"og:image:alt\" ", "<meta name=\"twitter:image:alt\" "] {
            assert!(html(&described).contains(&format!("{name}{alt}")), "{name}");
        }
        let video = html(&preview(Kind::Video, "a"));
        assert!(video.contains("https://a.example/embed/5kT0vYq8Zb3mXw1RcHs9Ga") && video.contains("\"player\""));
        let waiting = Preview { image: None, is_viewable: false, ..preview(Kind::Video, "a") };
        assert!(html(&waiting).contains("\"summary\"") && !html(&waiting).contains("og:video"));
        let unlisted = Preview { visibility: Visibility::Unlisted, ..preview(Kind::Photo, "a") };
        assert!(html(&unlisted).contains("noindex") && !photo.contains("noindex"));
        assert_eq!(insert("no head", "https://a.example", &PagePreview::Item(unlisted)), None);
    }

    #[test]
    fn an_album_has_its_title_its_count_and_its_cover() {
        let album = |item_count, cover: Option<Preview>, visibility| {
            let id = "2bQ9sLw7Kd4nYx0TfGv5Rm".parse().unwrap();
            let title = "</title><script>\"".to_owned();
            let album = AlbumPreview { id, title, visibility, item_count, cover };
            insert(PAGE, "https://a.example", &PagePreview::Album(album)).unwrap()
        };
        let html = album(12, Some(preview(Kind::Photo, "secret name")), Visibility::Public);
        assert_eq!((html.matches("<script").count(), html.matches("</title>").count()), (1, 1), "{html}");
        assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;&quot; · Tutti</title>"), "{html}");
        assert!(html.contains("An album on Tutti, with 12 items."), "{html}");
        assert!(
            html.contains("/image?w=1280&amp;h=1280&amp;format=jpeg") && html.contains("content=\"960\""),
            "{html}"
        );
        assert!(html.contains("<link rel=\"canonical\" href=\"https://a.example/albums/2bQ9sLw7Kd4nYx0TfGv5Rm\" />"));
        assert!(!html.contains("secret name") && !html.contains("noindex") && !html.contains("oembed"), "{html}");
        let empty = album(0, None, Visibility::Unlisted);
        assert!(empty.contains("An album on Tutti.\"") && empty.contains("\"summary\""), "{empty}");
        assert!(empty.contains("noindex") && !empty.contains("og:image"), "{empty}");
        assert!(album(1, None, Visibility::Public).contains("with 1 item.\""));
    }
}

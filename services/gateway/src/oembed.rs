//! `GET /oembed`: how other sites embed an item (oembed.com).
//!
//! Invariant: an item that an anonymous visitor may not see, and one that does not exist, are the same 404.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use contract::MediaId;
use contract::media::{Kind, Preview};
use http::{HeaderValue, Uri, header};
use http_server::{Problem, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::codes;
use crate::preview_tags::{SITE_NAME, escape};
use crate::preview_urls::{PreviewUrls, is_within, item_of_page};
use crate::previews::Previews;

/// How long a consumer may keep the response, in seconds.
const CACHE_AGE_SECONDS: u32 = 3600;

/// The query (oembed.com, section 2.2).
#[derive(Debug, Deserialize)]
pub(crate) struct OembedQuery {
    /// The URL of the item's page.
    url: String,
    /// The largest width in pixels.
    maxwidth: Option<u32>,
    /// The largest height in pixels.
    maxheight: Option<u32>,
    /// `json`; XML is not supported.
    format: Option<String>,
}

/// Responds with the oEmbed of an item.
pub(crate) async fn respond(
    State(previews): State<Previews>,
    Query(query): Query<OembedQuery>,
    request: Request,
) -> Result<Response, Problem> {
    if query.format.as_deref().is_some_and(|format| format != "json") {
        return Err(Problem::of(codes::NO_SUCH_FORMAT, "oEmbed responses are JSON here. Ask for `format=json`."));
    }
    let nothing = || Problem::of(codes::NOTHING_TO_EMBED, "There is nothing to embed at this URL.");
    let (parts, _) = request.into_parts();
    let origin = previews.origin(&parts).ok_or_else(nothing)?;
    let id = item_at(&query.url, &origin).ok_or_else(nothing)?;
    let unavailable = |_| Problem::unavailable("The item can't be read right now. Try again.", Duration::from_secs(2));
    let preview = previews.find(&id).await.map_err(unavailable)?.ok_or_else(nothing)?;
    let max = (query.maxwidth.unwrap_or(u32::MAX).max(1), query.maxheight.unwrap_or(u32::MAX).max(1));
    let mut response = Json(body(&PreviewUrls::new(&origin, &preview), &preview, max)).into_response();
    // What everyone may read, scripts of every page may read too.
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
    Ok(response)
}

/// Returns the item whose page has this URL. HTTP and HTTPS are the same here: a link may be older than the site's
/// certificate.
fn item_at(url: &str, origin: &str) -> Option<MediaId> {
    let (url, origin): (Uri, Uri) = (url.parse().ok()?, origin.parse().ok()?);
    let is_ours = url.authority()?.as_str().eq_ignore_ascii_case(origin.authority()?.as_str());
    item_of_page(url.path()).filter(|_| is_ours && matches!(url.scheme_str(), Some("http" | "https")))
}

fn body(urls: &PreviewUrls<'_>, preview: &Preview, max: (u32, u32)) -> Value {
    let mut body = json!({
        "version": "1.0",
        "type": "link",
        "title": preview.name,
        "provider_name": SITE_NAME,
        "provider_url": urls.site(),
        "cache_age": CACHE_AGE_SECONDS,
    });
    let picture = urls.picture(max).and_then(|picture| Some((picture.url, picture.size?)));
    if let Some((url, (width, height))) = &picture {
        body["thumbnail_url"] = json!(url);
        body["thumbnail_width"] = json!(width);
        body["thumbnail_height"] = json!(height);
    }
    match (preview.kind, picture) {
        // A photo may not be larger than what was asked for (section 2.3.4.1), and no smaller one is rendered.
        (Kind::Photo, Some((url, (width, height)))) if is_within((width, height), max) => {
            body["type"] = json!("photo");
            body["url"] = json!(url);
            body["width"] = json!(width);
            body["height"] = json!(height);
        }
        (Kind::Audio | Kind::Video, _) if preview.is_viewable => {
            let (width, height) = urls.player_size(max);
            body["type"] = json!(if preview.kind == Kind::Video { "video" } else { "rich" });
            body["html"] = json!(player_html(urls, preview, (width, height)));
            body["width"] = json!(width);
            body["height"] = json!(height);
        }
        _ => {}
    }
    body
}

fn player_html(urls: &PreviewUrls<'_>, preview: &Preview, (width, height): (u32, u32)) -> String {
    let (url, title) = (escape(&urls.player()), escape(&preview.name));
    format!(
        "<iframe src=\"{url}\" width=\"{width}\" height=\"{height}\" title=\"{title}\" style=\"border:0\" \
         loading=\"lazy\" allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen></iframe>"
    )
}

#[cfg(test)]
mod tests {
    use contract::media::Visibility;

    use super::*;

    #[test]
    fn a_thumbnail_has_its_true_size_and_128_pixels_where_its_picture_has_them() {
        let preview = |kind, (width, height)| Preview {
            id: "5kT0vYq8Zb3mXw1RcHs9Ga".parse().unwrap(),
            kind,
            name: "x".into(),
            alt: String::new(),
            visibility: Visibility::Public,
            width: Some(width),
            height: Some(height),
            image: Some("/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/image".into()),
            is_viewable: true,
        };
        let described = |preview: &Preview, max| body(&PreviewUrls::new("https://a.example", preview), preview, max);
        let thumbnail = |body: &Value| (body["thumbnail_width"].clone(), body["thumbnail_height"].clone());

        let photo = preview(Kind::Photo, (4000, 3000));
        let small = described(&photo, (100, 100));
        assert_eq!((thumbnail(&small), &small["type"]), ((json!(128), json!(96)), &json!("link")));
        assert!(small["thumbnail_url"].as_str().unwrap().contains("?w=128&h=128&"), "{small}");
        assert!(small["url"].is_null() && small["width"].is_null(), "{small}");
        let fitting = described(&photo, (300, 300));
        assert_eq!(
            (&fitting["type"], &fitting["width"], &fitting["height"]),
            (&json!("photo"), &json!(256), &json!(192))
        );
        assert_eq!(thumbnail(&fitting), (json!(256), json!(192)));
        let tiny = described(&preview(Kind::Photo, (90, 60)), (u32::MAX, u32::MAX));
        assert_eq!((thumbnail(&tiny), &tiny["type"]), ((json!(90), json!(60)), &json!("photo")));
        let video = described(&preview(Kind::Video, (1080, 1920)), (100, 100));
        assert_eq!((thumbnail(&video), &video["type"]), ((json!(72), json!(128)), &json!("video")));
        assert_eq!((&video["width"], &video["height"]), (&json!(56), &json!(100)), "the player fits");
    }

    #[test]
    fn only_pages_of_items_on_this_site_are_embedded() {
        let origin = "https://tutti.example:8443";
        let found = |url: &str| item_at(url, origin).is_some();
        assert!(found("https://tutti.example:8443/m/5kT0vYq8Zb3mXw1RcHs9Ga?t=30"));
        assert!(found("http://TUTTI.example:8443/m/5kT0vYq8Zb3mXw1RcHs9Ga/"));
        for other in [
            "https://tutti.example/m/5kT0vYq8Zb3mXw1RcHs9Ga",
            "https://me@tutti.example:8443/m/5kT0vYq8Zb3mXw1RcHs9Ga",
            "ftp://tutti.example:8443/m/5kT0vYq8Zb3mXw1RcHs9Ga",
            "https://tutti.example:8443/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga",
            "/m/5kT0vYq8Zb3mXw1RcHs9Ga",
            "",
            "::",
        ] {
            assert!(!found(other), "{other}");
        }
    }
}

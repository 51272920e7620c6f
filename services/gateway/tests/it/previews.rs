//! Link previews, oEmbed, and the page that other sites may frame.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestResponse;

use crate::harness::{Harness, NEVER, SHARED};

const UNKNOWN: &str = "1111111111111111111111";

async fn get(harness: &Harness, path: &str) -> TestResponse {
    harness.world.anonymous().get(path).await
}

fn text(response: &TestResponse) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_shared_item_has_a_preview_that_is_escaped_and_private_ones_have_none() {
    let harness = Harness::start(&["gateway.public_url=https://tutti.example"]).await;
    let shared = get(&harness, &format!("/m/{SHARED}")).await.expect(200);
    let html = text(&shared);
    assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; · Tutti</title>"), "{html}");
    assert!(!html.contains("<script>alert"), "{html}");
    let alt = "content=\"&quot;&gt;&lt;script&gt;alert(2)&lt;/script&gt;\" />";
    assert!(html.contains(&format!("<meta property=\"og:image:alt\" {alt}")), "{html}");
    let image = format!("\"https://tutti.example/v1/media/{SHARED}/poster?w=1280&amp;h=1280&amp;format=jpeg\"");
    assert!(html.contains(&image) && html.contains("application/json+oembed"), "{html}");
    assert_eq!(shared.header("cache-control"), "private, no-cache");
    let anonymous = harness.world.anonymous();
    let again = anonymous.request(http::Method::GET, &format!("/m/{SHARED}"));
    anonymous.send(again.header("if-none-match", shared.header("etag"))).await.expect(304);

    // What a visitor may not see, what does not exist and what is late are one page.
    let began = Instant::now();
    let plain = get(&harness, &format!("/m/{UNKNOWN}")).await;
    let late = get(&harness, &format!("/m/{NEVER}")).await;
    assert!(began.elapsed() < Duration::from_secs(10), "the page does not wait for its preview");
    assert_eq!((late.status, text(&late)), (plain.status, text(&plain)));
    assert!(!text(&plain).contains("og:title") && plain.header("cache-control") == "no-cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_shared_album_has_a_preview_that_is_escaped_and_private_ones_have_none() {
    let harness = Harness::start(&["gateway.public_url=https://tutti.example"]).await;
    let shared = get(&harness, &format!("/albums/{SHARED}")).await.expect(200);
    let html = text(&shared);
    assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;alert(2)&lt;/script&gt; · Tutti</title>"), "{html}");
    assert!(!html.contains("<script>alert") && html.contains("with 3 items."), "{html}");
    assert!(html.contains(&format!("content=\"https://tutti.example/albums/{SHARED}\"")), "{html}");
    assert!(html.contains("noindex") && shared.header("cache-control") == "private, no-cache", "{html}");
    let (plain, other) = (get(&harness, &format!("/albums/{UNKNOWN}")).await, get(&harness, "/albums").await);
    assert_eq!(text(&plain), text(&other));
    assert!(!text(&plain).contains("og:title") && plain.header("cache-control") == "no-cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn oembed_describes_what_a_visitor_may_see_and_nothing_else() {
    let harness = Harness::start(&["gateway.public_url=https://tutti.example"]).await;
    let url = |id: &str| format!("/oembed?url=https%3A%2F%2Ftutti.example%2Fm%2F{id}");
    let response = get(&harness, &format!("{}&maxwidth=320&maxheight=300", url(SHARED))).await.expect(200);
    assert_eq!(response.header("access-control-allow-origin"), "*");
    let body = response.json();
    assert_eq!((&body["version"], &body["type"]), (&json!("1.0"), &json!("video")));
    assert_eq!((&body["width"], &body["height"]), (&json!(320), &json!(180)));
    assert_eq!((&body["thumbnail_width"], &body["thumbnail_height"]), (&json!(256), &json!(144)));
    let html = body["html"].as_str().unwrap();
    assert!(html.starts_with(&format!("<iframe src=\"https://tutti.example/embed/{SHARED}\"")), "{html}");
    assert!(html.contains("title=\"&lt;/title&gt;&lt;script&gt;") && !html.contains("<script"), "{html}");

    get(&harness, &url(UNKNOWN)).await.refused(404, "oembed.not_found");
    get(&harness, "/oembed?url=https%3A%2F%2Felsewhere.example%2Fm%2Fx").await.refused(404, "oembed.not_found");
    get(&harness, &format!("{}&format=xml", url(SHARED))).await.refused(501, "oembed.no_such_format");
    get(&harness, &format!("{}&maxwidth=wide", url(SHARED))).await.refused(400, "request.invalid");
    get(&harness, "/oembed").await.refused(400, "request.invalid");
    get(&harness, &url(NEVER)).await.refused(503, "server.unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_embeddable_player_may_be_framed() {
    let harness = Harness::start(&[]).await;
    let player = get(&harness, &format!("/embed/{SHARED}")).await;
    assert!(player.header("content-security-policy").ends_with("; frame-ancestors *"), "{player}");
    assert!(!player.headers.contains_key("x-frame-options"), "{player}");
    assert_eq!(player.header("x-robots-tag"), "noindex");
    let (page, similar) = (format!("/m/{SHARED}"), format!("/embedded/{SHARED}"));
    for path in
        ["/", page.as_str(), similar.as_str(), "/embed", "/u/ada", "/settings", "/docs/", "/oembed", "/v1/media"]
    {
        let response = get(&harness, path).await;
        let policy = response.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(response.header("x-frame-options"), "DENY", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_link_that_expires_is_in_no_index_and_no_referrer() {
    let harness = Harness::start(&[]).await;
    for path in ["/s/3hW9dKx0Qp7LmT2vBnYc4R", "/s/3hW9dKx0Qp7LmT2vBnYc4R/more"] {
        let response = get(&harness, path).await;
        assert_eq!(response.header("x-robots-tag"), "noindex", "{path}");
        assert_eq!(response.header("referrer-policy"), "no-referrer", "{path}");
    }
    let other = get(&harness, "/settings").await;
    assert_eq!(other.header("referrer-policy"), "same-origin");
    assert!(!other.headers.contains_key("x-robots-tag"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_media_is_asked_for_counts_as_a_read() {
    let harness = Harness::start(&["gateway.reads_per_second=1"]).await;
    let (page, other) = (format!("/m/{SHARED}"), "/settings");
    let oembed = format!("/oembed?url=http%3A%2F%2F{}%2Fm%2F{SHARED}", harness.address());
    for path in [&page, &oembed] {
        // Ten seconds' worth of requests are a burst.
        let mut sent = 0;
        let refused = loop {
            let response = get(&harness, path).await;
            if response.status == 429 {
                break response;
            }
            sent += 1;
            assert!(sent < 100, "{path} is not counted");
        };
        assert!(!refused.refused(429, "request.too_many").header("retry-after").is_empty());
    }
    assert_ne!(get(&harness, other).await.status, 429, "files have a limit of their own");
}

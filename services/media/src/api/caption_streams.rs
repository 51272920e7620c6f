//! Captions as a part of an HLS stream: the playlist of one language, and its only segment (RFC 8216, section 3.5).
//!
//! Does not own the master playlist, which names these URLs: `delivery` does. Invariant: they are readable where the
//! captions themselves are ([`super::captions`]), and a playlist under a signature passes that signature on.

use axum::extract::State;
use axum::response::Response;
use codec::playlist::{self, Segment};
use codec::webvtt;
use contract::MediaId;
use http::{HeaderMap, HeaderValue, header};
use http_server::auth::Member;
use http_server::{Path, Query};
use sha2::{Digest as _, Sha256};

use super::captions::{CONTENT_TYPE, SignatureQuery, find, respond};
use crate::Media;
use crate::error::Error;
use crate::store::captions::CaptionText;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
const PLAYLIST_EXAMPLE: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:61\n#EXT-X-MEDIA-SEQUENCE:0\n\
    #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:61.000000,\nsegment.vtt\n#EXT-X-ENDLIST\n";
const SEGMENT_EXAMPLE: &str = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n\
    00:01.000 --> 00:02.500\nEveryone plays.\n";

/// The playlist of the captions in a language, for players of HLS.
///
/// The master playlist names it. Its only segment is the whole text.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/captions/{lang}/playlist.m3u8",
    operation_id = "get_captions_playlist",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("lang" = String, Path, description = "The language, as the item's view has it.", example = "pt-BR"),
        SignatureQuery,
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "The `ETag`s that the client has: the response is 304 if one of them is still the file's.",
            example = "\"5f8f04f6a3a892aaabbddb6cf273894493773960d4a325b105fee46eef4304f1\""
        )
    ),
    responses(
        (
            status = 200,
            description = "The playlist.",
            body = String,
            content_type = PLAYLIST_TYPE,
            headers(("ETag" = String, description = "Distinguishes this playlist from all others at this URL.")),
            example = json!(PLAYLIST_EXAMPLE)
        ),
        (status = 304, description = "The client has this playlist already.")
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_captions"])))
)]
pub(super) async fn captions_playlist(
    State(media): State<Media>,
    member: Option<Member>,
    Path(names): Path<(MediaId, String)>,
    Query(query): Query<SignatureQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (_, readable) = find(&media, names, query.t, member.as_ref()).await?;
    let duration_us = readable.item.duration_ms.unwrap_or_default().saturating_mul(1000);
    let content = playlist::captions(&Segment { uri: "segment.vtt".into(), duration_us }, &readable.query);
    let etag = hex::encode(Sha256::digest(content.as_bytes()));
    let found = CaptionText { content, etag };
    let mut response = respond(found, PLAYLIST_TYPE, &readable, headers.get(header::IF_NONE_MATCH));
    if !readable.query.is_empty() {
        // The signature in it expires.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    Ok(response)
}

/// The captions in a language, as the segment of their playlist.
///
/// They are the same text as at `/v1/media/{id}/captions/{lang}`, with the header that maps its times to the stream's.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/captions/{lang}/segment.vtt",
    operation_id = "get_captions_segment",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("lang" = String, Path, description = "The language, as the item's view has it.", example = "pt-BR"),
        SignatureQuery,
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "The `ETag`s that the client has: the response is 304 if one of them is still the text's.",
            example = "\"5f8f04f6a3a892aaabbddb6cf273894493773960d4a325b105fee46eef4304f1\""
        )
    ),
    responses(
        (
            status = 200,
            description = "The captions, as WebVTT.",
            body = String,
            content_type = "text/vtt",
            headers(("ETag" = String, description = "Distinguishes this text from all others at this URL.")),
            example = json!(SEGMENT_EXAMPLE)
        ),
        (status = 304, description = "The client has this text already.")
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_captions"])))
)]
pub(super) async fn captions_segment(
    State(media): State<Media>,
    member: Option<Member>,
    Path(names): Path<(MediaId, String)>,
    Query(query): Query<SignatureQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (found, readable) = find(&media, names, query.t, member.as_ref()).await?;
    let segment = CaptionText { content: webvtt::segment(&found.content), etag: found.etag };
    Ok(respond(segment, CONTENT_TYPE, &readable, headers.get(header::IF_NONE_MATCH)))
}

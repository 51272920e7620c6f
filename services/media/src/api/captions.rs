//! `/v1/media/{id}/captions/{lang}`: the captions of a video or an audio file, as WebVTT.
//!
//! Does not own their part in a stream ([`super::caption_streams`]). Invariant: they are readable where the other files
//! of the item are, by the same token, signature or visibility, and a browser shows them as captions only, never as a
//! page.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use contract::media::Visibility;
use contract::{AccountId, MediaId};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_server::auth::Member;
use http_server::{Json, Path, Policy, Query, RESOURCE_POLICY};
use serde::Deserialize;
use utoipa::IntoParams;

use super::items::viewer;
use super::{refuse, view};
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::model::Item;
use crate::model::captions::{LanguageTag, MAX_BYTES, NewCaptions, check_kind, label};
use crate::model::view::{MediaView, Viewer};
use crate::store::captions::CaptionText;
use crate::{Media, commands, queries, store};

pub(super) const CONTENT_TYPE: &str = "text/vtt; charset=utf-8";
const EXAMPLE: &str = "WEBVTT\n\n00:01.000 --> 00:02.500\nEveryone plays.\n";

/// The query of new captions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PutParams {
    /// What a menu calls them, at most 60 characters; the language tag by default.
    #[param(example = "English")]
    label: Option<String>,
}

/// Puts captions on a video or an audio file, in place of earlier ones in the same language.
///
/// The body is WebVTT, or SubRip (`.srt`), which becomes WebVTT: UTF-8, at most 1 MiB. A cue that browsers would leave
/// out is refused, with its line. An item has captions in up to 30 languages, and they count for the quota.
#[utoipa::path(
    put,
    path = "/v1/media/{id}/captions/{lang}",
    operation_id = "put_captions",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("lang" = String, Path, description = "The language, as a BCP 47 tag.", example = "pt-BR"),
        PutParams
    ),
    request_body(content = String, content_type = "text/vtt", example = json!(EXAMPLE)),
    responses((status = 200, description = "The item as it is now.", body = MediaView)),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!([
            "media.not_found",
            "request.invalid",
            "media.bad_captions",
            "media.too_many_captions",
            "media.too_large",
            "media.unsupported_content_encoding",
            "media.quota_bytes",
            "media.account_closed",
            "media.incomplete",
            "media.too_slow",
            "media.busy"
        ]))
    )
)]
pub(super) async fn put(
    State(media): State<Media>,
    member: Member,
    Path(names): Path<(MediaId, String)>,
    Query(params): Query<PutParams>,
    request: Request,
) -> Response {
    let ((id, lang), (parts, body)) = (names, request.into_parts());
    let (owner, mut body) = (AccountId(member.id()), BodyReader::new(&media, body));
    let received: Result<Item, Error> = async {
        check_target(&media, &id, owner, &parts.headers).await?;
        let lang = LanguageTag::parse(&lang).ok_or_else(bad_tag)?;
        let label = label(params.label.as_deref(), &lang)?;
        let text = codec::webvtt::normalize(&read_text(&media, &mut body, MAX_BYTES, "captions").await?)?;
        commands::put_captions(&media, &id, owner, NewCaptions { lang, label, text }).await
    }
    .await;
    match received {
        Ok(item) => Json(view(&media, &item, &Viewer::Owner)).into_response(),
        Err(error) => refuse(&media, error, &body),
    }
}

fn bad_tag() -> Error {
    Error::Invalid("`lang` must be a BCP 47 language tag, such as `en`, `pt-BR` or `zh-Hant`.".to_owned())
}

/// Refuses captions before their body is read, where that is possible.
async fn check_target(media: &Media, id: &MediaId, owner: AccountId, headers: &HeaderMap) -> Result<(), Error> {
    let item = store::items::find_in_use(media.context.db.read(), id, owner).await?.ok_or(Error::NotFound)?;
    check_kind(item.kind)?;
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Error::ContentEncoding),
        _ => Ok(()),
    }
}

/// Reads a body of at most `max_bytes` into memory. The upload permits bound how many there are at once.
pub(super) async fn read_text(
    media: &Media,
    body: &mut BodyReader,
    max_bytes: usize,
    what: &'static str,
) -> Result<Vec<u8>, Error> {
    let _permit = media.upload_permits.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
    let mut text = Vec::new();
    while let Some(chunk) = body.next().await? {
        if text.len() + chunk.len() > max_bytes {
            return Err(Error::TooLarge { max: max_bytes as u64, what });
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// The query of captions that are read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SignatureQuery {
    /// The signature of a signed URL. Without one, the access token decides.
    #[param(example = "t5yo00.mBq0v4c6nQ1T8yWkZr2e5A")]
    pub t: Option<String>,
}

/// The captions of an item in a language, for `<track>`.
///
/// They are WebVTT. Every client that may read the item may read them.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/captions/{lang}",
    operation_id = "get_captions",
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
            example = json!(EXAMPLE)
        ),
        (status = 304, description = "The client has this text already.")
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_captions"])))
)]
pub(super) async fn get(
    State(media): State<Media>,
    member: Option<Member>,
    Path(names): Path<(MediaId, String)>,
    Query(query): Query<SignatureQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (found, readable) = find(&media, names, query.t, member.as_ref()).await?;
    Ok(respond(found, CONTENT_TYPE, &readable, headers.get(header::IF_NONE_MATCH)))
}

/// An item whose captions the caller may read.
#[derive(Debug)]
pub(super) struct Readable {
    pub item: Item,
    /// Whether the URL alone opens the captions, as against the token of the owner.
    is_by_url: bool,
    /// The query that further URLs need: `t=…`, or nothing.
    pub query: String,
}

/// Returns the captions of an item in a language, if the caller may read them.
pub(super) async fn find(
    media: &Media,
    (id, lang): (MediaId, String),
    signature: Option<String>,
    member: Option<&Member>,
) -> Result<(CaptionText, Readable), Error> {
    let sql = media.context.db.read();
    let item = store::items::find(sql, &id).await?.ok_or(Error::NotFound)?;
    let readable = authorize(media, item, member, signature)?;
    queries::check_shown(sql, &readable.item, media.context.clock.now()).await?;
    let lang = LanguageTag::parse(&lang).ok_or(Error::NoSuchCaptions)?;
    let found = store::captions::find(sql, &id, &lang).await?.ok_or(Error::NoSuchCaptions)?;
    Ok((found, readable))
}

fn authorize(media: &Media, item: Item, member: Option<&Member>, signature: Option<String>) -> Result<Readable, Error> {
    if item.is_public_or_unlisted() {
        return Ok(Readable { item, is_by_url: true, query: String::new() });
    }
    // What is in the trash or withheld, only its owner's view opens.
    let (scope, now) = (if item.is_hidden() { "trash" } else { "view" }, media.context.clock.now());
    let is_valid = |text: &String| media.context.url_signer.is_valid(text, scope, item.id.as_str(), now);
    match signature.filter(is_valid) {
        Some(text) => Ok(Readable { item, is_by_url: true, query: format!("t={text}") }),
        None => {
            viewer(&item, member)?;
            Ok(Readable { item, is_by_url: false, query: String::new() })
        }
    }
}

/// Responds with a text, or with 304 if the client has it.
pub(super) fn respond(
    found: CaptionText,
    content_type: &'static str,
    readable: &Readable,
    known: Option<&HeaderValue>,
) -> Response {
    let etag = format!("\"{}\"", found.etag);
    let is_known = known.and_then(|tags| tags.to_str().ok()).is_some_and(|tags| has_tag(tags, &etag));
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(found.content) });
    let headers = response.headers_mut();
    if !is_known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    // Another text may come to this URL, so a client asks each time; the tag makes that cheap.
    let is_public = readable.item.effective_visibility() == Visibility::Public;
    let cache = if is_public { "public, no-cache" } else { "private, no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.extend(HeaderValue::from_str(&etag).ok().map(|etag| (header::ETAG, etag)));
    // A URL that works without a token may be embedded in any page.
    let embedders = if readable.is_by_url { "cross-origin" } else { "same-origin" };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(embedders));
    // A member has sent it: in a tab of its own it runs no code.
    Policy::Media.fill(headers);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// Whether a list of entity tags has this one (RFC 9110, section 13.1.2: weak comparison).
fn has_tag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// Removes the captions of an item in a language.
///
/// Those in other languages stay.
#[utoipa::path(
    delete,
    path = "/v1/media/{id}/captions/{lang}",
    operation_id = "remove_captions",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("lang" = String, Path, description = "The language, as the item's view has it.", example = "pt-BR")
    ),
    responses((status = 204, description = "The captions are removed.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_captions"])))
)]
pub(super) async fn remove(
    State(media): State<Media>,
    member: Member,
    Path(names): Path<(MediaId, String)>,
) -> Result<StatusCode, Error> {
    let (owner, (id, lang)) = (AccountId(member.id()), names);
    match LanguageTag::parse(&lang) {
        Some(lang) => commands::remove_captions(&media, &id, owner, lang).await?,
        None => {
            store::items::find_in_use(media.context.db.read(), &id, owner).await?.ok_or(Error::NotFound)?;
            return Err(Error::NoSuchCaptions);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

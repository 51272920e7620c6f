//! `/v1/threads/{id}/programme.m3u8`: the opening and the parts of a thread, end to end, as one stream.
//!
//! Without `list`, it is the master playlist. Its URLs have a version: a playlist only grows, and ends with 410 when
//! one of its clips is gone. Players send no tokens, so the URL of the view is signed for its reader. Invariant:
//! whatever opens it, what is played is what that reader may see now.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::AccountId;
use http::header;
use http_server::auth::Member;
use http_server::{Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::reader_of;
use crate::error::Error;
use crate::known_people::reader;
use crate::model::{ProgrammeList, view_signature};
use crate::queries;
use crate::state::Social;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
const EXAMPLE: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=24.000\n\
    programme.m3u8?list=v720&v=5f2c0de1a94b7730c8e6d214\n";

/// Parameters of a programme. Clients take them from the URL of the thread's view, and from the master playlist.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProgrammeParams {
    /// The playlist: `audio`, or `v` and a size; the master playlist without it.
    #[param(example = "v720")]
    list: Option<String>,
    /// The version of the playlist.
    #[param(example = "5f2c0de1a94b7730c8e6d214")]
    v: Option<String>,
    /// The token of the link of the opening post, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    link: Option<String>,
    /// The account for which the URL is signed.
    #[param(example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10")]
    reader: Option<Uuid>,
    /// The signature.
    #[param(example = "szr8eo.Xb0pM2yqVd1RrJwqg0mF5A")]
    t: Option<String>,
}

impl ProgrammeParams {
    /// Returns who reads: the account of a signed URL, or the caller.
    fn account(&self, social: &Social, thread: Uuid, member: Option<Member>) -> Result<Option<AccountId>, Error> {
        let (Some(reader), Some(signature)) = (self.reader, &self.t) else { return Ok(reader_of(member)) };
        let is_signed = queries::threads::is_programme_signature(social, thread, reader, signature);
        if is_signed { Ok(Some(AccountId(reader))) } else { Err(Error::NotFound) }
    }

    /// Returns what further URLs need for the caller to continue.
    fn query(&self) -> String {
        let signed = self.reader.zip(self.t.as_ref()).map(|(reader, t)| format!("reader={reader}&t={t}"));
        let link = self.link.as_ref().map(|link| format!("link={link}"));
        signed.into_iter().chain(link).collect::<Vec<_>>().join("&")
    }
}

/// Plays a thread: its opening and its parts, end to end.
///
/// An HLS master playlist. Open the `programme` of the thread's view, which is signed for you and ends within an hour.
/// The playlists in it are `EVENT` while clips may be added, and go on with them. When a part was removed, they respond
/// with 410: load the URL of the view again. Segments have signed URLs that end within an hour.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}/programme.m3u8",
    operation_id = "get_thread_programme",
    tag = "threads",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ProgrammeParams,
    ),
    responses(
        (
            status = 200,
            description = "The playlist",
            body = String,
            content_type = PLAYLIST_TYPE,
            example = json!(EXAMPLE),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.not_found",
            "social.programme_changed",
            "social.programme_not_ready",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn show(
    State(social): State<Social>,
    member: Option<Member>,
    Path(thread): Path<Uuid>,
    Query(params): Query<ProgrammeParams>,
) -> Result<impl IntoResponse, Error> {
    let reader = reader(&social, params.account(&social, thread, member)?).await?;
    let programme = queries::programme::get(&social, reader, thread, params.link.as_deref()).await?;
    let text = match (&params.list, &params.v) {
        (None, None) => programme.master(&params.query()),
        (Some(list), Some(version)) => {
            let list = ProgrammeList::parse(list).filter(|_| programme.version == *version);
            let (signer, now) = (&social.context.url_signer, social.context.clock.now());
            programme.playlist(list.ok_or(Error::ProgrammeChanged)?, |id| view_signature(signer, id, now))
        }
        _ => return Err(Error::ProgrammeChanged),
    };
    let headers = [(header::CONTENT_TYPE, PLAYLIST_TYPE), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, text))
}

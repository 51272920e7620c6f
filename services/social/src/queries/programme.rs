//! The programme of a thread: the clips that a reader may see, end to end.
//!
//! It begins with the opening and goes on with the parts in the order in which they have appeared. It ends before the
//! first clip that is still converted, so that clips are only ever added at its end; one that failed or is gone is left
//! out. Invariant: it has no clip of a post that the reader may not see.

use std::collections::HashMap;

use contract::MediaId;
use contract::delivery::{FindStreams, Stream};
use contract::media::{Conversion, Kind};
use contract::social::threads::PartState;
use uuid::Uuid;

use super::openings;
use crate::error::Error;
use crate::model::thread::MAX_CAP;
use crate::model::{PersonNumber, PostMedia, Programme, ProgrammeClip, target_us_of, version_of};
use crate::state::Social;
use crate::store;

/// Returns the programme of a thread that the reader may see. `token` is that of its link, if the request has one.
pub(crate) async fn get(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<Programme, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    let parts = store::thread_parts::list(sql, &opening.read_by(reader, now), 0, MAX_CAP as usize).await?;
    let numbers = parts.iter().map(|post| (post.id, post.part.as_ref().and_then(|part| part.number).unwrap_or(0)));
    let shown: Vec<(Uuid, i64)> = std::iter::once((id, 0)).chain(numbers).collect();
    let mut media = store::post_media::list(sql, &shown.iter().map(|(post, _)| *post).collect::<Vec<_>>()).await?;
    let clips = shown.into_iter().filter_map(|(post, number)| {
        let clip = first_video(media.remove(&post).unwrap_or_default())?;
        Some((number, clip))
    });
    let clips: Vec<(i64, PostMedia)> = clips.collect();
    let streams = find_streams(social, &clips).await?;
    let playing = play(&clips, &streams);
    if playing.clips.is_empty() {
        return Err(Error::ProgrammeNotReady);
    }
    let converting = store::thread_parts::count_waiting(sql, id, PartState::Joined).await?;
    let is_complete = !playing.is_stopped && converting == 0 && !opening.thread.is_growing();
    let version = version_of(&playing.kept, opening.thread.last_number, target_us_of(&playing.clips));
    Ok(Programme { clips: playing.clips, is_complete, version })
}

/// Returns the first video of a post that is not lost.
fn first_video(media: Vec<PostMedia>) -> Option<PostMedia> {
    media.into_iter().find(|item| item.kind == Kind::Video && !item.is_hidden && !item.is_lost())
}

/// Asks delivery for the streams of the clips that are converted.
async fn find_streams(social: &Social, clips: &[(i64, PostMedia)]) -> Result<HashMap<MediaId, Stream>, Error> {
    let is_ready = |clip: &&(i64, PostMedia)| clip.1.state == Conversion::Ready;
    let ids: Vec<MediaId> = clips.iter().filter(is_ready).map(|(_, clip)| clip.id.clone()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = social.context.peers.ask(&FindStreams(ids)).await?.unwrap_or_default();
    Ok(found.into_iter().map(|stream| (stream.id.clone(), stream)).collect())
}

/// The clips that are played now.
struct Playing {
    clips: Vec<ProgrammeClip>,
    /// The numbers of those that are played, and of those behind a clip that is still converted, ascending.
    kept: Vec<i64>,
    /// Whether a clip is still converted.
    is_stopped: bool,
}

/// Returns the clips before the first one that is still converted. One that delivery does not have is left out.
fn play(clips: &[(i64, PostMedia)], streams: &HashMap<MediaId, Stream>) -> Playing {
    let mut playing = Playing { clips: Vec::with_capacity(clips.len()), kept: Vec::new(), is_stopped: false };
    for (number, clip) in clips {
        let stream = streams.get(&clip.id);
        if clip.state == Conversion::Ready && stream.is_none() {
            continue;
        }
        playing.kept.push(*number);
        match stream.cloned().and_then(ProgrammeClip::of) {
            Some(clip) if !playing.is_stopped => playing.clips.push(clip),
            Some(_) => {}
            // Also where social has heard of the conversion before delivery.
            None => playing.is_stopped = true,
        }
    }
    playing
}

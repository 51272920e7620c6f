//! From the muxer's files to segments in the store, while ffmpeg still writes or after it has.
//!
//! Owns one rendition's output of one child. Invariant: a segment is announced only after its bytes are safe, and never before its rendition's header.

use contract::transcode::{Rendition, Segment};
use kit::objects::Stored;

use super::Desk;
use super::desk::Content;
use crate::error::Error;
use crate::ffmpeg::playlist::{Closed, Watch};
use crate::ffmpeg::{self, Failure};
use crate::flow::Made;
use crate::mp4::{self, Header};
use crate::store::{self, Kept};

/// Parts of fewer frames than this have a header whose delay may differ from the other parts'.
const SHORT_FRAMES: u64 = 4;

/// A rendition that a child is writing.
pub(super) struct Output {
    name: String,
    watch: Watch,
    /// The row of the master playlist, to be completed with the header's facts.
    rendition: Rendition,
    /// Numbers that an earlier attempt has stored already.
    known: Vec<u32>,
    announced: bool,
    /// What its segments must be moved by to fit the header that is announced.
    shift: i64,
    /// Microseconds and segments seen so far.
    pub seen_us: u64,
    pub seen: u32,
}

impl Output {
    pub async fn new(desk: &Desk, rendition: Rendition) -> Result<Self, Error> {
        let db = desk.worker.context.db.read();
        let known = store::list_numbers(db, &desk.job.media, &rendition.name).await?;
        Ok(Self { name: rendition.name.clone(), watch: Watch::new(desk.folder(), &rendition.name), rendition, known, announced: false, shift: 0, seen_us: 0, seen: 0 })
    }

    /// How much the muxer has listed in all, in microseconds.
    pub async fn listed_us(&self) -> u64 {
        self.watch.listed_us().await
    }

    /// Stores what was closed since the last call. `lead` is false for a part that may not be the one to announce the header (see [`SHORT_FRAMES`]).
    pub async fn collect(&mut self, desk: &Desk, lead: bool) -> Result<Made, Error> {
        let closed = self.watch.look().await;
        let mut made = Made::default();
        if closed.is_empty() {
            return Ok(made);
        }
        // What was written while the disk ran full may be cut short.
        if ffmpeg::is_full(desk.folder()) {
            return Err(Error::Child(Failure::Full));
        }
        self.seen_us += closed.iter().map(|segment| segment.duration_us).sum::<u64>();
        self.seen += u32::try_from(closed.len()).unwrap_or(u32::MAX);
        let fresh: Vec<Closed> = closed.into_iter().filter(|segment| !self.known.contains(&segment.number)).collect();
        let mut contents = Vec::with_capacity(fresh.len() + 1);
        if !self.announced {
            let header = tokio::fs::read(self.watch.init()).await.map_err(Error::Scratch)?;
            made.renditions.extend(self.announce(desk, &header, lead).await?);
            if !made.renditions.is_empty() {
                contents.push(Content::Bytes(header.into()));
            }
        }
        for segment in &fresh {
            contents.push(self.content(segment).await?);
        }
        let mut stored = desk.keep(contents).await?.into_iter();
        for kept in &mut made.renditions {
            kept.rendition.init = stored.next().ok_or(Error::Corrupt("header"))?.key;
        }
        made.segments = fresh.iter().zip(stored).map(|(closed, stored)| self.segment(closed, stored)).collect();
        self.announced = true;
        Ok(made)
    }

    /// Holds the header against the one that is announced already; answers it if it is the first.
    async fn announce(&mut self, desk: &Desk, bytes: &[u8], lead: bool) -> Result<Option<Kept>, Error> {
        let (header, fingerprint) = (mp4::header(bytes), mp4::fingerprint(bytes));
        let Some(kept) = store::find_rendition(desk.worker.context.db.read(), &desk.job.media, &self.name).await? else {
            if !lead {
                return Err(Error::TooShortToLead(self.name.clone()));
            }
            return Ok(Some(Kept { rendition: described(&self.rendition, &header), header: fingerprint }));
        };
        if kept.header != fingerprint {
            return Err(Error::HeadersDiffer(self.name.clone()));
        }
        let announced = desk.worker.context.objects.get(&kept.rendition.init, 1 << 20).await?;
        self.shift = mp4::header(&announced).delay - header.delay;
        Ok(None)
    }

    async fn content(&self, segment: &Closed) -> Result<Content, Error> {
        if self.shift == 0 {
            return Ok(Content::File(segment.path.clone()));
        }
        let mut bytes = tokio::fs::read(&segment.path).await.map_err(Error::Scratch)?;
        mp4::shift(&mut bytes, self.shift).ok_or_else(|| Error::HeadersDiffer(self.name.clone()))?;
        Ok(Content::Bytes(bytes.into()))
    }

    fn segment(&self, closed: &Closed, stored: Stored) -> Segment {
        Segment { rendition: self.name.clone(), number: closed.number, duration_us: closed.duration_us, object: stored.key, bytes: stored.bytes }
    }
}

/// Whether a part of so many frames may announce a header.
pub(super) fn may_lead(part: u32, frames: u64) -> bool {
    part == 0 || frames >= SHORT_FRAMES
}

fn described(rendition: &Rendition, header: &Header) -> Rendition {
    let codecs = header.avc.map_or_else(|| rendition.codecs.clone(), |(profile, constraints, level)| codec::ladder::avc1(profile, constraints, level));
    Rendition { codecs, ..rendition.clone() }
}

impl std::ops::AddAssign for Made {
    fn add_assign(&mut self, more: Self) {
        self.renditions.extend(more.renditions);
        self.segments.extend(more.segments);
        self.assets.extend(more.assets);
        self.tiles = self.tiles.take().or(more.tiles);
    }
}

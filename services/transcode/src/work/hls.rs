//! Stores the muxer's files as segments, while ffmpeg still writes or after it has ended.
//!
//! Owns one rendition's output of one child process. Invariant: a segment is announced only after its bytes are stored,
//! and never before its rendition's header.

use contract::ObjectKey;
use contract::transcode::{Rendition, Segment, Track};
use objects::Stored;

use super::task_context::{Content, TaskContext, read_fragments};
use crate::commands::Outputs;
use crate::error::Error;
use crate::ffmpeg::file_groups::{ClosedSegment, FileGroups};
use crate::ffmpeg::playlist::PlaylistReader;
use crate::ffmpeg::{self, ProcessError};
use crate::mp4::{self, Header};
use crate::store::{self, StoredRendition};

/// Chunks of fewer frames than this have a header whose delay may differ from the other chunks'.
const SHORT_FRAMES: u64 = 4;

/// A row of the master playlist, before there is a header.
#[derive(Debug, Clone)]
pub(super) struct RenditionSpec {
    pub name: String,
    pub track: Track,
    pub bandwidth: u64,
    pub codecs: String,
    pub width: u32,
    pub height: u32,
    pub millifps: u32,
}

impl RenditionSpec {
    /// Returns the rendition whose header is stored under `init`.
    fn with_header(&self, header: &Header, init: ObjectKey) -> Rendition {
        let codecs = header.avc.map_or_else(
            || self.codecs.clone(),
            |(profile, constraints, level)| codec::ladder::avc1(profile, constraints, level),
        );
        Rendition {
            name: self.name.clone(),
            track: self.track,
            bandwidth: self.bandwidth,
            codecs,
            width: self.width,
            height: self.height,
            millifps: self.millifps,
            init,
            total_segments: None,
        }
    }
}

/// A header that is to be announced.
struct NewHeader {
    parsed: Header,
    /// See [`StoredRendition::header`].
    fingerprint: String,
}

/// A rendition that a child process is writing.
pub(super) struct RenditionOutput {
    spec: RenditionSpec,
    playlist: PlaylistReader,
    /// Numbers that an earlier attempt has stored already.
    existing: Vec<u32>,
    announced: bool,
    /// The ticks by which its segments must be moved to fit the announced header.
    shift: i64,
    /// Microseconds and segments closed so far.
    pub seen_us: u64,
    pub seen: u32,
}

impl RenditionOutput {
    /// Returns the output of a rendition. Without `groups` each file of the muxer is a segment.
    pub async fn new(task: &TaskContext, spec: RenditionSpec, groups: Option<FileGroups>) -> Result<Self, Error> {
        let db = task.worker.context.db.read();
        let existing = store::list_numbers(db, &task.job.media, &spec.name).await?;
        Ok(Self {
            playlist: PlaylistReader::new(task.folder(), &spec.name, groups),
            spec,
            existing,
            announced: false,
            shift: 0,
            seen_us: 0,
            seen: 0,
        })
    }

    /// Returns the total duration that the muxer has listed, in microseconds.
    pub async fn listed_us(&self) -> u64 {
        self.playlist.listed_us().await
    }

    /// Stores the segments that were closed since the last call, and the last one once the child `is_over`.
    /// `may_announce` is false for a chunk that may not announce the header (see [`SHORT_FRAMES`]).
    pub async fn collect(&mut self, task: &TaskContext, may_announce: bool, is_over: bool) -> Result<Outputs, Error> {
        let closed = self.playlist.read_new(is_over).await;
        let mut outputs = Outputs::default();
        if closed.is_empty() {
            return Ok(outputs);
        }
        // A file that was written while the disk became full may be truncated.
        if ffmpeg::is_disk_full(task.folder()) {
            return Err(Error::Process(ProcessError::DiskFull));
        }
        self.seen_us += closed.iter().map(|segment| segment.duration_us).sum::<u64>();
        self.seen += u32::try_from(closed.len()).unwrap_or(u32::MAX);
        let new: Vec<ClosedSegment> =
            closed.into_iter().filter(|segment| !self.existing.contains(&segment.number)).collect();
        let (mut contents, mut new_header) = (Vec::with_capacity(new.len() + 1), None);
        if !self.announced {
            let header = tokio::fs::read(self.playlist.init()).await.map_err(Error::Scratch)?;
            new_header = self.compare(task, &header, may_announce).await?;
            if new_header.is_some() {
                contents.push(Content::Bytes(header.into()));
            }
        }
        for segment in &new {
            contents.push(self.content(segment).await?);
        }
        let mut stored = task.store(contents).await?.into_iter();
        if let Some(header) = new_header {
            let init = stored.next().ok_or(Error::Corrupt("header"))?.key;
            let rendition = self.spec.with_header(&header.parsed, init);
            outputs.renditions.push(StoredRendition { rendition, header: header.fingerprint });
        }
        outputs.segments = new.iter().zip(stored).map(|(closed, stored)| self.segment(closed, stored)).collect();
        self.announced = true;
        Ok(outputs)
    }

    /// Compares the header with the announced one; returns it if it is the first.
    async fn compare(
        &mut self,
        task: &TaskContext,
        bytes: &[u8],
        may_announce: bool,
    ) -> Result<Option<NewHeader>, Error> {
        let (parsed, fingerprint) = (mp4::header(bytes), mp4::fingerprint(bytes));
        let db = task.worker.context.db.read();
        let Some(stored) = store::find_rendition(db, &task.job.media, &self.spec.name).await? else {
            if !may_announce {
                return Err(Error::TooShortForHeader(self.spec.name.clone()));
            }
            return Ok(Some(NewHeader { parsed, fingerprint }));
        };
        if stored.header != fingerprint {
            return Err(Error::HeadersDiffer(self.spec.name.clone()));
        }
        let announced = task.worker.context.objects.get(&stored.rendition.init, 1 << 20).await?;
        self.shift = mp4::header(&announced).delay - parsed.delay;
        Ok(None)
    }

    async fn content(&self, segment: &ClosedSegment) -> Result<Content, Error> {
        match segment.files.as_slice() {
            [path] if self.shift == 0 => return Ok(Content::File(path.clone())),
            _ if self.shift == 0 => return Ok(Content::Joined(segment.files.clone())),
            _ => {}
        }
        let mut bytes = Vec::new();
        for (number, path) in segment.files.iter().enumerate() {
            bytes.extend(read_fragments(path, number == 0).await?);
        }
        mp4::shift(&mut bytes, self.shift).ok_or_else(|| Error::HeadersDiffer(self.spec.name.clone()))?;
        Ok(Content::Bytes(bytes.into()))
    }

    fn segment(&self, closed: &ClosedSegment, stored: Stored) -> Segment {
        Segment {
            rendition: self.spec.name.clone(),
            number: closed.number,
            duration_us: closed.duration_us,
            object: stored.key,
            bytes: stored.bytes,
        }
    }
}

/// Returns whether a chunk of so many frames may announce a header.
pub(super) fn may_announce(chunk: u32, frames: u64) -> bool {
    chunk == 0 || frames >= SHORT_FRAMES
}

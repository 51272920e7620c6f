//! The tasks into which the work on one item is divided, and the queue of each.
//!
//! Invariant: a task's name never changes its meaning, because names are stored in databases and on the bus.

use std::fmt;
use std::str::FromStr;

use contract::MediaId;
use serde::{Deserialize, Serialize};

/// One task of the work on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Task {
    /// Probe the file and make the plan.
    Probe,
    /// Remux the source's own video as the top rendition.
    Copy,
    /// Encode the first chunk's lowest rung alone, so that playback starts early.
    First,
    /// Encode all of the audio.
    Audio,
    /// Encode one chunk: all renditions that it still lacks.
    Chunk(u32),
    /// Make the poster (or an audio file's cover).
    Poster,
    /// Make the waveform of an audio file.
    Waveform,
    /// Convert a photo.
    Photo,
    /// Assemble the storyboard, count the segments, and mark the item as ready.
    Finish,
}

/// The queue of a task: each queue has its own workers, so that tasks that members wait for are never behind background
/// tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Queue {
    /// Probing: very short for a valid file.
    Probe,
    /// The first seconds, the finish: short, and a member waits.
    Urgent,
    /// Audio: a member waits for its beginning, but it can be long.
    Audio,
    /// Photos: short, but thousands of them may arrive at once.
    Photo,
    /// Photos that take seconds (see `Estimate`).
    HeavyPhoto,
    /// Everything else, at low priority.
    Background,
}

impl Queue {
    pub const ALL: [Self; 6] =
        [Self::Probe, Self::Urgent, Self::Audio, Self::Photo, Self::HeavyPhoto, Self::Background];

    /// Returns its subject on the bus.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Probe => "transcode.probe",
            Self::Urgent => "transcode.urgent",
            Self::Audio => "transcode.audio",
            Self::Photo => "transcode.photo",
            Self::HeavyPhoto => "transcode.heavy_photo",
            Self::Background => "transcode.background",
        }
    }

    /// Returns its name in rows and metrics.
    pub fn as_str(self) -> &'static str {
        self.subject().trim_start_matches("transcode.")
    }

    /// Returns how many of its tasks one process runs at once for one member, with `workers` as configured. The process
    /// has one more slot, which only another member can use.
    pub fn member_limit(self, workers: usize) -> usize {
        match self {
            Self::Probe | Self::Urgent => workers,
            Self::Audio | Self::Photo | Self::HeavyPhoto | Self::Background => workers.div_ceil(2),
        }
        .max(1)
    }

    /// Returns the nice level of its child processes.
    pub fn nice(self) -> i32 {
        match self {
            Self::Probe | Self::Urgent => 0,
            Self::Audio | Self::Photo => 2,
            Self::HeavyPhoto => 5,
            Self::Background => 10,
        }
    }
}

impl Task {
    /// Returns the queue of such a task; only a photo's also depends on its `Estimate`.
    pub fn queue(self) -> Queue {
        match self {
            Self::Probe => Queue::Probe,
            Self::Copy | Self::First | Self::Finish => Queue::Urgent,
            Self::Audio => Queue::Audio,
            Self::Photo => Queue::Photo,
            Self::Chunk(_) | Self::Poster | Self::Waveform => Queue::Background,
        }
    }

    /// Returns the kind of the task, in one word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Copy => "copy",
            Self::First => "first",
            Self::Audio => "audio",
            Self::Chunk(_) => "chunk",
            Self::Poster => "poster",
            Self::Waveform => "waveform",
            Self::Photo => "photo",
            Self::Finish => "finish",
        }
    }

    /// Returns whether an item is still useful without it.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Poster | Self::Waveform)
    }

    /// Returns its position among background tasks: the poster, then the chunks.
    pub fn order(self) -> i64 {
        match self {
            Self::Chunk(number) => i64::from(number) + 10,
            Self::Poster => 10,
            Self::Waveform => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(number) => write!(f, "chunk-{number}"),
            other => f.write_str(other.kind()),
        }
    }
}

/// Where a task is between its creation and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// It waits for other tasks of its item.
    Waiting,
    /// It waits for a worker, in its member's part of its queue.
    Ready,
    /// It runs under a ticket.
    Claimed,
    /// It is complete, and stays so.
    Done,
}

impl TaskState {
    /// Returns its name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Done => "done",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Ready, Self::Claimed, Self::Done].into_iter().find(|state| state.as_str() == text)
    }
}

/// What is recorded of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskRecord {
    pub task: Task,
    pub state: TaskState,
    /// Its share of the item's work; see `Plan::tasks`.
    pub weight: u64,
    /// Its progress, 0–1000.
    pub permille: u32,
    /// Orders it among its member's ready tasks.
    pub due: i64,
}

/// The error for a text that names no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownTask;

impl fmt::Display for UnknownTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such task")
    }
}

impl FromStr for Task {
    type Err = UnknownTask;
    fn from_str(text: &str) -> Result<Self, UnknownTask> {
        if let Some(number) = text.strip_prefix("chunk-").or_else(|| text.strip_prefix("part-")) {
            return number.parse().map(Self::Chunk).map_err(|_| UnknownTask);
        }
        // `part-N`, `start` and `sound` are the names in tickets of the previous release.
        match text {
            "start" => return Ok(Self::Probe),
            "sound" => return Ok(Self::Audio),
            _ => {}
        }
        [Self::Probe, Self::Copy, Self::First, Self::Audio, Self::Poster, Self::Waveform, Self::Photo, Self::Finish]
            .into_iter()
            .find(|task| task.to_string() == text)
            .ok_or(UnknownTask)
    }
}

impl TryFrom<String> for Task {
    type Error = UnknownTask;
    fn try_from(text: String) -> Result<Self, UnknownTask> {
        text.parse()
    }
}

impl From<Task> for String {
    fn from(task: Task) -> Self {
        task.to_string()
    }
}

/// A ticket on the bus: one more task is ready in this queue. It names the task for which it was sent; the worker that
/// receives it claims the task that is next by then (`fair_queue`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub media: MediaId,
    #[serde(alias = "piece")]
    pub task: Task,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for task in [
            Task::Probe,
            Task::Copy,
            Task::First,
            Task::Audio,
            Task::Chunk(0),
            Task::Chunk(231),
            Task::Poster,
            Task::Waveform,
            Task::Photo,
            Task::Finish,
        ] {
            assert_eq!(task.to_string().parse(), Ok(task));
        }
        for (name, task) in [("part-3", Task::Chunk(3)), ("start", Task::Probe), ("sound", Task::Audio)] {
            assert_eq!(name.parse(), Ok(task), "a ticket of the previous release");
        }
        assert_eq!("chunk-x".parse::<Task>(), Err(UnknownTask));
        assert_eq!("".parse::<Task>(), Err(UnknownTask));
    }

    #[test]
    fn tasks_that_members_wait_for_have_workers_of_their_own() {
        assert!(Queue::ALL.iter().all(|queue| queue.member_limit(1) == 1));
        assert!(Queue::Urgent.nice() < Queue::Background.nice());
        assert_ne!(Task::First.queue(), Task::Chunk(1).queue());
        assert_ne!(Task::Probe.queue(), Task::First.queue());
        let subjects: std::collections::HashSet<&str> = Queue::ALL.iter().map(|queue| queue.subject()).collect();
        assert_eq!(subjects.len(), Queue::ALL.len());
    }
}

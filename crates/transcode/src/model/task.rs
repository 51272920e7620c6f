//! The pieces that the work on one item is cut into, and who does them when.
//!
//! Invariant: a piece's name never changes its meaning, because names lie in databases and on the bus.

use std::fmt;
use std::str::FromStr;

use contract::MediaId;
use serde::{Deserialize, Serialize};

/// One piece of the work on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Task {
    /// Probe and plan.
    Probe,
    /// Remux the source's own picture as the top rendition.
    Copy,
    /// The first chunk's lowest rung alone, so that playing starts early.
    First,
    /// All of the sound.
    Audio,
    /// One chunk, all renditions that it still lacks.
    Chunk(u32),
    /// The poster (and an audio file's cover).
    Poster,
    /// The waveform of an audio file.
    Waveform,
    /// A photo.
    Photo,
    /// Put the storyboard together, count, and call it ready.
    Finish,
}

/// Who does a piece: each queue has its own workers, so that what somebody waits for never stands behind what can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Queue {
    /// Probing: an instant for an honest file.
    Probe,
    /// The first seconds, the last touch: short, and somebody waits.
    Urgent,
    /// Sound: somebody waits for its beginning, but it can be long.
    Audio,
    /// Photos: short, but thousands of them may come at once.
    Photo,
    /// Photos that take seconds (`Estimate` says which).
    HeavyPhoto,
    /// Everything else, at low priority.
    Background,
}

impl Queue {
    pub const ALL: [Self; 6] = [Self::Probe, Self::Urgent, Self::Audio, Self::Photo, Self::HeavyPhoto, Self::Background];

    /// Its subject on the bus.
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

    /// Its name in rows and metrics.
    pub fn as_str(self) -> &'static str {
        self.subject().trim_start_matches("transcode.")
    }

    /// How many of its pieces one process works on at once for one member, with `workers` as configured. It has one place
    /// more, which only another member can take.
    pub fn member_limit(self, workers: usize) -> usize {
        match self {
            Self::Probe | Self::Urgent => workers,
            Self::Audio | Self::Photo | Self::HeavyPhoto | Self::Background => workers.div_ceil(2),
        }
        .max(1)
    }

    /// The nice level of its children.
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
    /// The queue of such a piece; only a photo's depends on more (`Estimate`).
    pub fn queue(self) -> Queue {
        match self {
            Self::Probe => Queue::Probe,
            Self::Copy | Self::First | Self::Finish => Queue::Urgent,
            Self::Audio => Queue::Audio,
            Self::Photo => Queue::Photo,
            Self::Chunk(_) | Self::Poster | Self::Waveform => Queue::Background,
        }
    }

    /// What kind of piece it is, in one word.
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

    /// Whether an item is still worth having without it.
    pub fn can_be_spared(self) -> bool {
        matches!(self, Self::Poster | Self::Waveform)
    }

    /// Where it stands in the order of the work that can wait: the poster, then the chunks.
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

/// A text that names no piece.
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
        // `part-N`, `start` and `sound` are the names in tickets that the release before has sent.
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

/// What goes over the bus: one more task waits in this queue. It names the task that it was sent for; who takes it gets the one whose
/// turn it is by then (`turns`).
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
        for task in [Task::Probe, Task::Copy, Task::First, Task::Audio, Task::Chunk(0), Task::Chunk(231), Task::Poster, Task::Waveform, Task::Photo, Task::Finish] {
            assert_eq!(task.to_string().parse(), Ok(task));
        }
        for (name, task) in [("part-3", Task::Chunk(3)), ("start", Task::Probe), ("sound", Task::Audio)] {
            assert_eq!(name.parse(), Ok(task), "a ticket of the release before");
        }
        assert_eq!("chunk-x".parse::<Task>(), Err(UnknownTask));
        assert_eq!("".parse::<Task>(), Err(UnknownTask));
    }

    #[test]
    fn what_somebody_waits_for_has_workers_of_its_own() {
        assert!(Queue::ALL.iter().all(|queue| queue.member_limit(1) == 1));
        assert!(Queue::Urgent.nice() < Queue::Background.nice());
        assert_ne!(Task::First.queue(), Task::Chunk(1).queue());
        assert_ne!(Task::Probe.queue(), Task::First.queue());
        let subjects: std::collections::HashSet<&str> = Queue::ALL.iter().map(|queue| queue.subject()).collect();
        assert_eq!(subjects.len(), Queue::ALL.len());
    }
}

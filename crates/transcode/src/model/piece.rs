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
pub(crate) enum Piece {
    /// Probe and plan.
    Start,
    /// Remux the source's own picture as the top rendition.
    Copy,
    /// The first part's lowest rung alone, so that playing starts early.
    First,
    /// All of the sound.
    Sound,
    /// One part, all renditions that it still lacks.
    Part(u32),
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
    Sound,
    /// Photos: short, but thousands of them may come at once.
    Photo,
    /// Photos that take seconds (`Estimate` says which).
    HeavyPhoto,
    /// Everything else, at low priority.
    Work,
}

impl Queue {
    pub const ALL: [Self; 6] = [Self::Probe, Self::Urgent, Self::Sound, Self::Photo, Self::HeavyPhoto, Self::Work];

    /// Its subject on the bus.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Probe => "transcode.probe",
            Self::Urgent => "transcode.urgent",
            Self::Sound => "transcode.sound",
            Self::Photo => "transcode.photo",
            Self::HeavyPhoto => "transcode.heavy_photo",
            Self::Work => "transcode.work",
        }
    }

    /// Its name in rows and metrics.
    pub fn as_str(self) -> &'static str {
        self.subject().trim_start_matches("transcode.")
    }

    /// How many of its pieces one process works on at once for one member, with `workers` as configured. It has one place
    /// more, which only another member can take.
    pub fn places(self, workers: usize) -> usize {
        match self {
            Self::Probe | Self::Urgent => workers,
            Self::Sound | Self::Photo | Self::HeavyPhoto | Self::Work => workers.div_ceil(2),
        }
        .max(1)
    }

    /// The nice level of its children.
    pub fn nice(self) -> i32 {
        match self {
            Self::Probe | Self::Urgent => 0,
            Self::Sound | Self::Photo => 2,
            Self::HeavyPhoto => 5,
            Self::Work => 10,
        }
    }
}

impl Piece {
    /// The queue of such a piece; only a photo's depends on more (`Estimate`).
    pub fn queue(self) -> Queue {
        match self {
            Self::Start => Queue::Probe,
            Self::Copy | Self::First | Self::Finish => Queue::Urgent,
            Self::Sound => Queue::Sound,
            Self::Photo => Queue::Photo,
            Self::Part(_) | Self::Poster | Self::Waveform => Queue::Work,
        }
    }

    /// What kind of piece it is, in one word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Copy => "copy",
            Self::First => "first",
            Self::Sound => "sound",
            Self::Part(_) => "part",
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

    /// Where it stands in the order of the work that can wait: the poster, then the parts.
    pub fn order(self) -> i64 {
        match self {
            Self::Part(number) => i64::from(number) + 10,
            Self::Poster => 10,
            Self::Waveform => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(number) => write!(f, "part-{number}"),
            other => f.write_str(other.kind()),
        }
    }
}

/// A text that names no piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotAPiece;

impl fmt::Display for NotAPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such piece of work")
    }
}

impl FromStr for Piece {
    type Err = NotAPiece;
    fn from_str(text: &str) -> Result<Self, NotAPiece> {
        if let Some(number) = text.strip_prefix("part-") {
            return number.parse().map(Self::Part).map_err(|_| NotAPiece);
        }
        [Self::Start, Self::Copy, Self::First, Self::Sound, Self::Poster, Self::Waveform, Self::Photo, Self::Finish]
            .into_iter()
            .find(|piece| piece.to_string() == text)
            .ok_or(NotAPiece)
    }
}

impl TryFrom<String> for Piece {
    type Error = NotAPiece;
    fn try_from(text: String) -> Result<Self, NotAPiece> {
        text.parse()
    }
}

impl From<Piece> for String {
    fn from(piece: Piece) -> Self {
        piece.to_string()
    }
}

/// What goes over the bus: one more task waits in this queue. It names the task that it was sent for; who takes it gets the one whose
/// turn it is by then (`turns`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub media: MediaId,
    pub piece: Piece,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for piece in [Piece::Start, Piece::Copy, Piece::First, Piece::Sound, Piece::Part(0), Piece::Part(231), Piece::Poster, Piece::Waveform, Piece::Photo, Piece::Finish] {
            assert_eq!(piece.to_string().parse(), Ok(piece));
        }
        assert_eq!("part-x".parse::<Piece>(), Err(NotAPiece));
        assert_eq!("".parse::<Piece>(), Err(NotAPiece));
    }

    #[test]
    fn what_somebody_waits_for_has_workers_of_its_own() {
        assert!(Queue::ALL.iter().all(|queue| queue.places(1) == 1));
        assert!(Queue::Urgent.nice() < Queue::Work.nice());
        assert_ne!(Piece::First.queue(), Piece::Part(1).queue());
        assert_ne!(Piece::Start.queue(), Piece::First.queue());
        let subjects: std::collections::HashSet<&str> = Queue::ALL.iter().map(|queue| queue.subject()).collect();
        assert_eq!(subjects.len(), Queue::ALL.len());
    }
}

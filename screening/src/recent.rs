//! A bounded window of the texts that were sent lately, and how many parties an alike text has reached.
//!
//! One type serves two questions. A window of one sender, whose parties are recipients, finds a text that goes to many.
//! A window of first messages of everybody, whose parties are senders, finds a text that many accounts send. Keeps
//! fingerprints and numbers of parties, no text. Invariant: a window has at most as many entries as its limits say,
//! none of them older than its span.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::fingerprint::Fingerprint;

/// The size of an entry of a stored window.
const ENTRY_BYTES: usize = 24;
/// The first byte of a stored window.
const FORMAT: u8 = 1;

/// The bounds of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentLimits {
    /// The most entries; the oldest leave first.
    pub max_entries: usize,
    /// How long an entry stays.
    pub span: TimeDelta,
}

impl RecentLimits {
    /// The bounds for one sender: 200 texts (5 KB) of three days.
    pub const SENDER: Self = Self { max_entries: 200, span: TimeDelta::days(3) };
    /// The bounds for the first messages of everybody: 4,096 (100 KB) of two days.
    pub const EVERYBODY: Self = Self { max_entries: 4096, span: TimeDelta::days(2) };
}

/// Texts that were sent lately, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentTexts {
    limits: RecentLimits,
    entries: VecDeque<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    fingerprint: Fingerprint,
    party: u64,
    at_seconds: i64,
}

/// Stored bytes are no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored window of recent texts can't be read; begin an empty one")]
pub struct MalformedWindow;

impl RecentTexts {
    /// Returns an empty window.
    pub fn new(limits: RecentLimits) -> Self {
        Self { limits, entries: VecDeque::new() }
    }

    /// Returns how many parties alike texts have, with `party` counted in: those that differ in at most `max_distance`
    /// bits.
    pub fn parties_with_alike(
        &self,
        fingerprint: Fingerprint,
        max_distance: u32,
        party: u64,
        now: DateTime<Utc>,
    ) -> usize {
        let oldest = self.oldest(now);
        let alike = self
            .entries
            .iter()
            .filter(|entry| entry.at_seconds >= oldest && entry.fingerprint.distance(fingerprint) <= max_distance);
        let mut parties: Vec<u64> = alike.map(|entry| entry.party).chain([party]).collect();
        parties.sort_unstable();
        parties.dedup();
        parties.len()
    }

    /// Returns the window with one more text. The same text for the same party is one entry, so that sending it again
    /// pushes out no other.
    #[must_use]
    pub fn with(mut self, fingerprint: Fingerprint, party: u64, now: DateTime<Utc>) -> Self {
        let oldest = self.oldest(now);
        self.entries
            .retain(|entry| entry.at_seconds >= oldest && !(entry.party == party && entry.fingerprint == fingerprint));
        self.entries.push_back(Entry { fingerprint, party, at_seconds: now.timestamp() });
        while self.entries.len() > self.limits.max_entries {
            self.entries.pop_front();
        }
        self
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the window as bytes for a column: a format byte, then 24 bytes an entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.entries.len() * ENTRY_BYTES);
        bytes.push(FORMAT);
        for entry in &self.entries {
            bytes.extend(entry.fingerprint.to_bits().to_be_bytes());
            bytes.extend(entry.party.to_be_bytes());
            bytes.extend(entry.at_seconds.to_be_bytes());
        }
        bytes
    }

    /// Reads a stored window. One with more entries than the limits allow keeps the newest.
    pub fn from_bytes(bytes: &[u8], limits: RecentLimits) -> Result<Self, MalformedWindow> {
        let Some((&FORMAT, rest)) = bytes.split_first() else { return Err(MalformedWindow) };
        if !rest.len().is_multiple_of(ENTRY_BYTES) {
            return Err(MalformedWindow);
        }
        let skipped = (rest.len() / ENTRY_BYTES).saturating_sub(limits.max_entries);
        let entries = rest.chunks_exact(ENTRY_BYTES).skip(skipped).map(Entry::read).collect::<Option<_>>();
        Ok(Self { limits, entries: entries.ok_or(MalformedWindow)? })
    }

    fn oldest(&self, now: DateTime<Utc>) -> i64 {
        now.timestamp().saturating_sub(self.limits.span.num_seconds())
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (fingerprint, rest) = bytes.split_first_chunk::<8>()?;
        let (party, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            fingerprint: Fingerprint::from_bits(u64::from_be_bytes(*fingerprint)),
            party: u64::from_be_bytes(*party),
            at_seconds: i64::from_be_bytes(*rest.first_chunk::<8>()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: RecentLimits = RecentLimits { max_entries: 5, span: TimeDelta::hours(1) };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn text(bits: u64) -> Fingerprint {
        Fingerprint::from_bits(bits)
    }

    #[test]
    fn alike_texts_count_each_party_once() {
        let window = RecentTexts::new(LIMITS)
            .with(text(0b1), 10, at(0))
            .with(text(0b11), 11, at(1))
            .with(text(0b11), 11, at(2))
            .with(text(u64::MAX), 12, at(3));
        assert_eq!(window.len(), 3, "the same text for the same party is one entry");
        assert_eq!(window.parties_with_alike(text(0), 2, 13, at(4)), 3, "two had it, and one is about to");
        assert_eq!(window.parties_with_alike(text(0), 2, 11, at(4)), 2, "one of them is about to have it again");
        assert_eq!(window.parties_with_alike(text(0), 1, 13, at(4)), 2);
        assert_eq!(window.parties_with_alike(text(0), 2, 13, at(3601)), 2, "the first is too old");
        assert_eq!(RecentTexts::new(LIMITS).parties_with_alike(text(0), 2, 13, at(0)), 1);
    }

    proptest! {
        #[test]
        fn a_window_is_bounded_and_reads_back(
            sent in proptest::collection::vec((any::<u64>(), 0_u64..9, 0_i64..99), 0..40),
        ) {
            let window = sent.iter().fold(RecentTexts::new(LIMITS), |window, (bits, party, time)| {
                window.with(text(*bits), *party, at(*time))
            });
            prop_assert!(window.len() <= 5 && window.is_empty() == sent.is_empty());
            prop_assert_eq!(RecentTexts::from_bytes(&window.to_bytes(), LIMITS), Ok(window.clone()));
            let smaller = RecentLimits { max_entries: 2, ..LIMITS };
            prop_assert_eq!(RecentTexts::from_bytes(&window.to_bytes(), smaller).unwrap().len(), window.len().min(2));
        }

        #[test]
        fn any_bytes_are_a_window_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(window) = RecentTexts::from_bytes(&bytes, RecentLimits::SENDER) {
                prop_assert_eq!(window.to_bytes(), bytes);
            }
        }
    }
}

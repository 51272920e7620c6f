//! When a job runs: its slots, what becomes of slots that were missed, jitter, and how many runs there may be at once.
//!
//! Does no I/O. Invariant: slots follow from the rule alone, so all processes agree on them; an interval is counted in
//! elapsed time, which no change of clocks touches.

use std::fmt::{Display, Formatter};

use chrono::{DateTime, TimeDelta, Utc};

use super::local_time::LocalTime;

/// A slot that begins later than this counts as missed by a job that makes up for none.
const GRACE: TimeDelta = TimeDelta::minutes(5);
/// The most slots that a job makes up for.
const MAX_MADE_UP: u32 = 1_000;
/// How long runs are kept: a month of history is enough to answer "did it run?".
const HISTORY: TimeDelta = TimeDelta::days(30);
/// Runs of a job that are kept at most: of one that runs each minute, a month.
const MAX_KEPT_RUNS: i32 = 50_000;
/// Slots that jitter can hold back at once: it is shorter than what is between two.
const MAX_HELD_BACK: usize = 2;

/// When a job's slots begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// At multiples of this time since 1970, which is elapsed time.
    Every(TimeDelta),
    /// Once a day, at a time of the wall clock.
    At(LocalTime),
}

/// What becomes of slots that passed while no process could run the job, or while it was paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// None of them runs.
    Skip,
    /// The newest one runs.
    Once,
    /// All of them run, the oldest first, at most this many of the newest.
    All(u32),
}

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// When its slots begin.
    pub timing: Timing,
    /// What becomes of slots that were missed.
    pub catch_up: CatchUp,
    /// The longest time by which the run of a slot is later than the slot.
    pub jitter: TimeDelta,
    /// Runs that there may be at once, in all processes together.
    pub max_running: u32,
    /// What the jitter follows from, beside the slot.
    seed: u64,
}

impl Rule {
    /// Returns the rule of a job that makes up for the newest slot, without jitter, with one run at a time.
    pub fn new(job: &str, timing: Timing) -> Self {
        Self { timing, catch_up: CatchUp::Once, jitter: TimeDelta::zero(), max_running: 1, seed: hash(job) }
    }

    /// Reads a rule as it was written: its timing and its catch-up by their `Display`. `None` for one that only a newer
    /// release has.
    pub fn read(job: &str, timing: &str, catch_up: &str, jitter: TimeDelta, max_running: u32) -> Option<Self> {
        let (timing, catch_up) = (Timing::read(timing)?, CatchUp::read(catch_up)?);
        Some(Self { catch_up, jitter, max_running, ..Self::new(job, timing) })
    }

    /// Returns the first slot after a time.
    pub fn next_slot(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.timing {
            Timing::Every(period) => at_multiple(at, *period)?.checked_add_signed(*period),
            Timing::At(local) => local.next(at),
        }
    }

    /// Returns the newest slot that does not begin after a time.
    pub fn latest_slot(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.timing {
            Timing::Every(period) => at_multiple(at, *period),
            Timing::At(local) => local.latest(at),
        }
    }

    /// Returns when the run of a slot is due.
    pub fn due_at(&self, slot: DateTime<Utc>) -> DateTime<Utc> {
        let millis = self.jitter.num_milliseconds().unsigned_abs();
        let drawn = mix(self.seed ^ slot.timestamp_millis().unsigned_abs()) % (millis + 1);
        slot.checked_add_signed(TimeDelta::milliseconds(drawn as i64)).unwrap_or(slot)
    }

    /// Returns the slots that are due and have no run, oldest first: `newest` is the newest slot that has one, and
    /// `known_since` is when the job was first known here.
    pub fn due_slots(
        &self,
        newest: Option<DateTime<Utc>>,
        known_since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let Some(first) = self.newest_due(now) else { return Vec::new() };
        // A job that is new runs in the slot of its interval at once, and at a time of day only from then on.
        let (after, is_new) = match self.timing {
            Timing::At(_) => (newest.max(known_since), false),
            Timing::Every(_) => (newest.or(known_since), newest.is_none()),
        };
        let max = match self.catch_up {
            CatchUp::Skip | CatchUp::Once => 1,
            CatchUp::All(max) => max.clamp(1, MAX_MADE_UP) as usize,
        };
        let (mut due, mut slot) = (Vec::new(), Some(first));
        while let Some(candidate) = slot.filter(|_| due.len() < max) {
            let is_missing = after.is_none_or(|after| candidate > after) || is_new && due.is_empty();
            if !is_missing {
                break;
            }
            due.push(candidate);
            // Without anything to count from there is one.
            slot = after.and_then(|_| self.previous_slot(candidate));
        }
        if self.catch_up == CatchUp::Skip {
            due.retain(|slot| now - self.due_at(*slot) <= GRACE);
        }
        due.reverse();
        due
    }

    /// Returns the first time after `now` at which the run of a slot is due.
    pub fn next_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let slot = match self.newest_due(now) {
            Some(newest) => self.next_slot(newest)?,
            None => self.next_slot(now)?,
        };
        Some(self.due_at(slot))
    }

    /// Returns from when on the runs of the job are kept.
    pub(super) fn kept_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let kept = match &self.timing {
            Timing::Every(period) => period.checked_mul(MAX_KEPT_RUNS).map_or(HISTORY, |runs| runs.min(HISTORY)),
            Timing::At(_) => HISTORY,
        };
        now - kept
    }

    /// Returns the newest slot whose run is due.
    fn newest_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut slot = self.latest_slot(now)?;
        for _ in 0..MAX_HELD_BACK {
            if self.due_at(slot) <= now {
                break;
            }
            slot = self.previous_slot(slot)?;
        }
        Some(slot).filter(|slot| self.due_at(*slot) <= now)
    }

    fn previous_slot(&self, slot: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.latest_slot(slot.checked_sub_signed(TimeDelta::microseconds(1))?)
    }
}

/// Returns the start of the period that a time is in.
fn at_multiple(at: DateTime<Utc>, period: TimeDelta) -> Option<DateTime<Utc>> {
    let period = period.num_milliseconds().max(1);
    DateTime::from_timestamp_millis(at.timestamp_millis().div_euclid(period) * period)
}

impl Timing {
    fn read(text: &str) -> Option<Self> {
        if let Some(period) = text.strip_prefix("every ") {
            let (number, unit) = period.split_once(' ')?;
            let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
            return match unit {
                "s" => TimeDelta::try_seconds(number).map(Self::Every),
                "ms" => TimeDelta::try_milliseconds(number).map(Self::Every),
                _ => None,
            };
        }
        let (time, zone) = text.strip_prefix("at ")?.split_once(" in ")?;
        LocalTime::parse(time, zone).map(Self::At)
    }
}

impl Display for Timing {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(period) if period.num_milliseconds() % 1_000 == 0 => {
                write!(f, "every {} s", period.num_seconds())
            }
            Self::Every(period) => write!(f, "every {} ms", period.num_milliseconds()),
            Self::At(local) => write!(f, "at {} in {}", local.time(), local.zone()),
        }
    }
}

impl CatchUp {
    fn read(text: &str) -> Option<Self> {
        match text {
            "skip" => Some(Self::Skip),
            "once" => Some(Self::Once),
            _ => text.strip_prefix("all ")?.parse().ok().map(Self::All),
        }
    }
}

impl Display for CatchUp {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Once => f.write_str("once"),
            Self::All(max) => write!(f, "all {max}"),
        }
    }
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finalizer of SplitMix64: numbers that differ little become numbers that have nothing in common.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        format!("2027-{text}:00Z").parse().unwrap()
    }

    fn every(minutes: i64, catch_up: CatchUp) -> Rule {
        Rule { catch_up, ..Rule::new("test.sweep", Timing::Every(TimeDelta::minutes(minutes))) }
    }

    fn at_half_past_two(catch_up: CatchUp) -> Rule {
        let local = LocalTime::parse("02:30", "Europe/Berlin").unwrap();
        Rule { catch_up, ..Rule::new("test.night", Timing::At(local)) }
    }

    fn texts(slots: &[DateTime<Utc>]) -> Vec<String> {
        slots.iter().map(|slot| slot.format("%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn missed_slots_are_skipped_made_up_for_once_or_all_up_to_a_bound() {
        let (newest, now) = (Some(utc("05-01T08:00")), utc("05-01T09:07"));
        let due = |catch_up| texts(&every(10, catch_up).due_slots(newest, None, now));
        assert!(due(CatchUp::Skip).is_empty(), "it is seven minutes late");
        assert_eq!(due(CatchUp::Once), ["05-01T09:00"]);
        assert_eq!(due(CatchUp::All(3)), ["05-01T08:40", "05-01T08:50", "05-01T09:00"]);
        assert_eq!(due(CatchUp::All(99)).len(), 6);
        let in_time = every(10, CatchUp::Skip).due_slots(newest, None, utc("05-01T09:02"));
        assert_eq!(texts(&in_time), ["05-01T09:00"]);
        let (last, known) = (Some(utc("10-30T00:30")), Some(utc("10-01T00:00")));
        let nights = at_half_past_two(CatchUp::All(99)).due_slots(last, known, utc("11-02T09:00"));
        assert_eq!(texts(&nights), ["10-31T00:30", "11-01T01:30", "11-02T01:30"]);
    }

    #[test]
    fn a_new_job_runs_in_the_slot_of_its_interval_and_at_no_time_of_day_that_has_passed() {
        let now = utc("05-01T09:07");
        for catch_up in [CatchUp::Once, CatchUp::All(9)] {
            assert_eq!(texts(&every(10, catch_up).due_slots(None, Some(now), now)), ["05-01T09:00"]);
            assert_eq!(texts(&every(10, catch_up).due_slots(None, None, now)), ["05-01T09:00"]);
            assert!(at_half_past_two(catch_up).due_slots(None, Some(now), now).is_empty());
        }
        assert_eq!(texts(&at_half_past_two(CatchUp::Once).due_slots(None, Some(now), utc("05-02T09:00"))).len(), 1);
    }

    #[test]
    fn jitter_delays_each_slot_by_its_own_share_and_loses_none() {
        let rule = Rule { jitter: TimeDelta::minutes(9), ..every(10, CatchUp::All(9)) };
        let (start, mut delays) = (utc("05-01T00:00"), std::collections::BTreeSet::new());
        for number in 0..100 {
            let slot = start + TimeDelta::minutes(10) * number;
            let due_at = rule.due_at(slot);
            assert!((slot..=slot + rule.jitter).contains(&due_at));
            delays.insert(due_at - slot);
            let before = due_at - TimeDelta::milliseconds(1);
            assert_eq!(rule.next_due(before), Some(due_at));
            assert!(rule.due_slots(Some(slot - TimeDelta::minutes(10)), None, before).is_empty());
            assert_eq!(rule.due_slots(Some(slot - TimeDelta::minutes(10)), None, due_at), [slot]);
        }
        assert!(delays.len() > 90, "{delays:?}");
    }

    #[test]
    fn a_rule_is_read_as_it_was_written() {
        let millis = Rule::new("test.often", Timing::Every(TimeDelta::milliseconds(1_500)));
        for rule in [every(10, CatchUp::All(7)), at_half_past_two(CatchUp::Skip), millis] {
            let (timing, catch_up) = (rule.timing.to_string(), rule.catch_up.to_string());
            let read = |job| Rule::read(job, &timing, &catch_up, rule.jitter, rule.max_running);
            let jobs = ["test.sweep", "test.night", "test.often"];
            assert!(jobs.into_iter().any(|job| read(job).as_ref() == Some(&rule)), "{timing}");
        }
        for wrong in ["", "every", "every 0 s", "every 5 weeks", "at 25:00 in UTC", "at 03:00", "on Mondays"] {
            assert!(Rule::read("test", wrong, "once", TimeDelta::zero(), 1).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_history_has_a_month_and_a_number_of_runs() {
        let (now, kept) = (utc("05-31T00:00"), |rule: Rule| utc("05-31T00:00") - rule.kept_since(utc("05-31T00:00")));
        assert_eq!(kept(every(1, CatchUp::Once)), TimeDelta::days(30));
        assert_eq!(kept(at_half_past_two(CatchUp::Once)), TimeDelta::days(30));
        let often = Rule::new("test.often", Timing::Every(TimeDelta::seconds(1)));
        assert_eq!(now - often.kept_since(now), TimeDelta::seconds(50_000));
    }
}

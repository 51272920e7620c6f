//! What a process does about a job, given its rule, its rows and the time: begin a slot, take a run over, or wait.
//!
//! Does no I/O: `rows` reads and writes what this decides, in one transaction in the job's lane, and the simulation in
//! `tests/it` drives it without a database. Invariant: of a slot that has a row no second run is begun; its run is
//! taken over only when its lease has ended.

use chrono::{DateTime, TimeDelta, Utc};

use super::rule::{CatchUp, Rule};

/// What a decision is made from.
#[derive(Debug, Clone, Default)]
pub struct JobRows {
    /// Whether an operator has paused the job.
    pub is_paused: bool,
    /// When the job was first known here; `None` if no process has registered it.
    pub known_since: Option<DateTime<Utc>>,
    /// The newest slot up to now that has a run. Runs that were asked for have none.
    pub newest: Option<DateTime<Utc>>,
    /// The runs that have not ended, oldest slot first.
    pub open: Vec<OpenRun>,
}

/// A run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRun {
    /// Its slot.
    pub slot: DateTime<Utc>,
    /// How many processes have begun it; 0 for one that was asked for and waits.
    pub fence: i64,
    /// Until when its process has it.
    pub lease_until: DateTime<Utc>,
    /// Whether it was asked for, and belongs to no slot of the rule.
    pub is_requested: bool,
}

impl OpenRun {
    /// Whether a process has it.
    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.fence > 0 && self.lease_until >= now
    }
}

/// What a process does about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It begins a slot that has no run.
    Begin {
        /// The slot.
        slot: DateTime<Utc>,
        /// The slots of abandoned runs that end with this, because they will not be made up for.
        ends: Vec<DateTime<Utc>>,
    },
    /// It begins a run that was asked for, or takes over one that its process has abandoned.
    Take {
        /// The run's slot.
        slot: DateTime<Utc>,
        /// The run's fencing token, which grows.
        fence: i64,
        /// As in [`Decision::Begin`].
        ends: Vec<DateTime<Utc>>,
    },
    /// It does nothing.
    Wait {
        /// When there may be something to do, if no row changes; `None` for never.
        until: Option<DateTime<Utc>>,
        /// Whether a row may change before that: others have runs, or the job is paused.
        may_change: bool,
    },
}

/// Decides what a process does about a job.
///
/// Runs that were asked for come first, also while the job is paused. Abandoned runs come before slots that have none
/// if all are made up for; otherwise the newest slot runs, and abandoned runs of earlier ones end.
pub fn decide(rule: &Rule, rows: &JobRows, now: DateTime<Utc>) -> Decision {
    let held = rows.open.iter().filter(|run| run.is_held(now)).count();
    if held >= rule.max_running.max(1) as usize {
        return wait(rule, rows, now);
    }
    let free: Vec<&OpenRun> = rows.open.iter().filter(|run| !run.is_held(now)).collect();
    if let Some(run) = free.iter().find(|run| run.is_requested) {
        return Decision::Take { slot: run.slot, fence: run.fence, ends: Vec::new() };
    }
    if rows.is_paused {
        return wait(rule, rows, now);
    }
    let due = rule.due_slots(rows.newest, rows.known_since, now);
    // None of them was asked for: that would have come first.
    let abandoned = free;
    let makes_up_for_all = matches!(rule.catch_up, CatchUp::All(_));
    let (begun, taken) = match (abandoned.first(), abandoned.last(), due.first()) {
        (Some(oldest), ..) if makes_up_for_all => (None, Some(oldest)),
        (_, _, Some(slot)) => (Some(*slot), None),
        (_, newest, None) => (None, newest),
    };
    let ends_before = |slot: DateTime<Utc>| -> Vec<DateTime<Utc>> {
        let earlier = abandoned.iter().filter(|run| !makes_up_for_all && run.slot < slot);
        earlier.map(|run| run.slot).collect()
    };
    match (begun, taken) {
        (Some(slot), _) => Decision::Begin { slot, ends: ends_before(slot) },
        (None, Some(run)) => Decision::Take { slot: run.slot, fence: run.fence, ends: ends_before(run.slot) },
        (None, None) => wait(rule, rows, now),
    }
}

fn wait(rule: &Rule, rows: &JobRows, now: DateTime<Utc>) -> Decision {
    let leases = rows.open.iter().filter(|run| run.is_held(now)).map(|run| run.lease_until);
    // A lease lasts to its end.
    let free = leases.min().map(|until| until + TimeDelta::microseconds(1));
    let due = if rows.is_paused { None } else { rule.next_due(now) };
    let until = [free, due].into_iter().flatten().min();
    Decision::Wait { until, may_change: rows.is_paused || !rows.open.is_empty() }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Timing;
    use super::*;

    const PERIOD: TimeDelta = TimeDelta::minutes(10);

    fn rule(catch_up: CatchUp) -> Rule {
        let mut rule = Rule::new("test.sweep", Timing::Every(PERIOD));
        rule.catch_up = catch_up;
        rule
    }

    /// The start of a slot.
    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(600 * 3_000_000, 0).unwrap()
    }

    /// Returns a run that was begun at the start of a slot, with a lease of two minutes.
    fn begun(slot: DateTime<Utc>) -> OpenRun {
        OpenRun { slot, fence: 1, lease_until: slot + TimeDelta::minutes(2), is_requested: false }
    }

    fn asked_for(slot: DateTime<Utc>) -> OpenRun {
        OpenRun { slot, fence: 0, lease_until: slot, is_requested: true }
    }

    #[test]
    fn a_slot_with_a_run_is_not_begun_again() {
        let now = start() + TimeDelta::minutes(1);
        let due = decide(&rule(CatchUp::Once), &JobRows::default(), now);
        assert_eq!(due, Decision::Begin { slot: start(), ends: vec![] });
        let mut rows = JobRows { newest: Some(start()), ..JobRows::default() };
        let (next, waits) = (Some(start() + PERIOD), decide(&rule(CatchUp::Once), &rows, now));
        assert_eq!(waits, Decision::Wait { until: next, may_change: false });
        rows.open = vec![begun(start())];
        let lease = Some(start() + TimeDelta::minutes(2) + TimeDelta::microseconds(1));
        let waits = decide(&rule(CatchUp::Once), &rows, now);
        assert_eq!(waits, Decision::Wait { until: lease, may_change: true });
        let taken = decide(&rule(CatchUp::Once), &rows, start() + TimeDelta::minutes(3));
        assert_eq!(taken, Decision::Take { slot: start(), fence: 1, ends: vec![] });
    }

    #[test]
    fn one_run_at_a_time_unless_the_rule_allows_more() {
        let (late, now) = (start() + TimeDelta::minutes(9), start() + PERIOD);
        let held = OpenRun { lease_until: late + TimeDelta::minutes(2), ..begun(start()) };
        let rows = JobRows { newest: Some(start()), open: vec![held], ..JobRows::default() };
        assert!(matches!(decide(&rule(CatchUp::Once), &rows, now), Decision::Wait { may_change: true, .. }));
        let mut two = rule(CatchUp::Once);
        two.max_running = 2;
        assert_eq!(decide(&two, &rows, now), Decision::Begin { slot: now, ends: vec![] });
    }

    #[test]
    fn abandoned_runs_end_with_the_next_slot_unless_all_are_made_up_for() {
        let now = start() + PERIOD * 2;
        let open = vec![begun(start()), begun(start() + PERIOD)];
        let rows = JobRows { newest: Some(start() + PERIOD), open, ..JobRows::default() };
        let newest = decide(&rule(CatchUp::Once), &rows, now);
        assert_eq!(newest, Decision::Begin { slot: now, ends: vec![start(), start() + PERIOD] });
        let oldest = decide(&rule(CatchUp::All(9)), &rows, now);
        assert_eq!(oldest, Decision::Take { slot: start(), fence: 1, ends: vec![] });
        let before = decide(&rule(CatchUp::Skip), &rows, now - TimeDelta::minutes(1));
        assert_eq!(before, Decision::Take { slot: start() + PERIOD, fence: 1, ends: vec![start()] });
    }

    #[test]
    fn a_paused_job_runs_only_when_it_is_asked_to() {
        let mut rows = JobRows { is_paused: true, open: vec![begun(start())], ..JobRows::default() };
        let now = start() + PERIOD;
        assert_eq!(decide(&rule(CatchUp::All(9)), &rows, now), Decision::Wait { until: None, may_change: true });
        rows.open.push(asked_for(now));
        let taken = Decision::Take { slot: now, fence: 0, ends: vec![] };
        assert_eq!(decide(&rule(CatchUp::All(9)), &rows, now), taken, "at once, in the same instant");
    }
}

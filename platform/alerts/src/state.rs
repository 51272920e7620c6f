//! Which alerts fire, and what has been told of them.
//!
//! Invariant: for each channel, an alert that fires is told once and again after the repeat interval, and its end is
//! told if and only if its beginning was.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::message::{AlertMessage, Status};
use crate::rules::{Facts, Rule};

/// If a rule was not evaluated for this long, its condition counts as new: what was in between is not known.
const MAX_GAP: TimeDelta = TimeDelta::minutes(5);

/// An alert whose condition holds, or held a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Alert {
    /// Since when the condition holds.
    since: DateTime<Utc>,
    /// Since when it fires; `None` while the condition has not held long enough.
    firing_since: Option<DateTime<Utc>>,
    /// When the condition held last.
    held_at: DateTime<Utc>,
    /// What is wrong.
    summary: String,
}

/// What a channel was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    at: DateTime<Utc>,
    /// Since when it fired.
    since: DateTime<Utc>,
    summary: String,
}

/// The alerts of a process, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    alerts: BTreeMap<String, Alert>,
    /// What each channel was told.
    told: BTreeMap<String, BTreeMap<String, Told>>,
}

impl State {
    /// Evaluates rules. Returns whether something began or ended.
    pub(crate) fn evaluate<'a>(&mut self, rules: impl Iterator<Item = &'a Rule>, facts: &Facts<'_>) -> bool {
        let now = facts.now;
        let mut evaluated = BTreeMap::new();
        let mut changed = false;
        for rule in rules {
            let before = self.alerts.remove(rule.name);
            let alert = match (rule.find)(facts) {
                Some(summary) => Some(holds(rule, before.as_ref(), summary, now)),
                // A clock that was set back ends nothing early and keeps nothing for ever.
                None => before
                    .clone()
                    .filter(|alert| alert.firing_since.is_some() && (now - alert.held_at).abs() < rule.keep_firing),
            };
            let fires = |alert: Option<&Alert>| alert.map(|alert| alert.firing_since);
            changed |= fires(before.as_ref()) != fires(alert.as_ref());
            evaluated.extend(alert.map(|alert| (rule.name.to_owned(), alert)));
        }
        // What is left is not evaluated any more.
        changed |= !self.alerts.is_empty();
        self.alerts = evaluated;
        changed
    }

    /// Returns how many alerts fire.
    pub(crate) fn firing(&self) -> usize {
        self.alerts.values().filter(|alert| alert.firing_since.is_some()).count()
    }

    /// Returns what a channel is to be told now.
    pub(crate) fn due(&self, channel: &str, repeat: Option<TimeDelta>, now: DateTime<Utc>) -> Vec<AlertMessage> {
        let told = self.told.get(channel);
        let is_due = |name: &str| match told.and_then(|told| told.get(name)) {
            None => true,
            Some(told) => repeat.is_some_and(|repeat| now - told.at >= repeat),
        };
        let firing = self.alerts.iter().filter(|(name, _)| is_due(name)).filter_map(|(name, alert)| {
            let since = alert.firing_since?;
            Some(AlertMessage { name: name.clone(), status: Status::Firing, summary: alert.summary.clone(), since })
        });
        let fires = |name: &str| self.alerts.get(name).is_some_and(|alert| alert.firing_since.is_some());
        let ended = told.into_iter().flatten().filter(|(name, _)| !fires(name)).map(|(name, told)| AlertMessage {
            name: name.clone(),
            status: Status::Resolved,
            summary: told.summary.clone(),
            since: told.since,
        });
        firing.chain(ended).collect()
    }

    /// Remembers that a channel was told.
    pub(crate) fn set_told(&mut self, channel: &str, messages: &[AlertMessage], now: DateTime<Utc>) {
        let told = self.told.entry(channel.to_owned()).or_default();
        for AlertMessage { name, status, summary, since } in messages {
            match status {
                Status::Firing => {
                    let entry = Told { at: now, since: *since, summary: summary.clone() };
                    told.insert(name.clone(), entry);
                }
                Status::Resolved => {
                    told.remove(name);
                }
            }
        }
    }

    /// Forgets what was told to channels that are not among these.
    pub(crate) fn keep_channels(&mut self, channels: &[&str]) {
        self.told.retain(|name, _| channels.contains(&name.as_str()));
    }
}

/// Returns an alert whose condition holds.
fn holds(rule: &Rule, before: Option<&Alert>, summary: String, now: DateTime<Utc>) -> Alert {
    let known = before.filter(|alert| alert.firing_since.is_some() || (now - alert.held_at).abs() <= MAX_GAP);
    let since = known.map_or(now, |alert| alert.since);
    let firing_since = known.and_then(|alert| alert.firing_since).or_else(|| (now - since >= rule.hold).then_some(now));
    Alert { since, firing_since, held_at: now, summary }
}

#[cfg(test)]
mod tests {
    use base::Clock;

    use super::*;
    use crate::requests::RequestHistory;
    use crate::rules::{METRICS, RULES};
    use crate::samples::Samples;

    const GOOD: &str = "tutti_data_free_bytes 50\ntutti_data_size_bytes 100\n";
    const BAD: &str = "tutti_data_free_bytes 5\ntutti_data_size_bytes 100\n";
    const REPEAT: Option<TimeDelta> = Some(TimeDelta::hours(4));

    struct Harness {
        state: State,
        clock: Clock,
    }

    impl Harness {
        fn new() -> Self {
            Self { state: State::default(), clock: Clock::fixed(DateTime::UNIX_EPOCH + TimeDelta::days(1)) }
        }

        /// Evaluates every minute for a time, tells a channel what is due, and returns what that was.
        fn run(&mut self, minutes: u32, metrics: &str) -> Vec<(u32, &'static str)> {
            let mut said = Vec::new();
            for minute in 0..minutes {
                let samples = Samples::parse(metrics, &METRICS);
                let requests = RequestHistory::default();
                let now = self.clock.now();
                self.state.evaluate(RULES.iter(), &Facts { now, samples: &samples, requests: &requests });
                let due = self.state.due("mail", REPEAT, now);
                self.state.set_told("mail", &due, now);
                said.extend(due.iter().map(|message| {
                    assert_eq!((message.name.as_str(), message.summary.contains("5.0 %")), ("DiskShort", true));
                    (minute, if message.status == Status::Firing { "firing" } else { "resolved" })
                }));
                self.clock.advance(TimeDelta::minutes(1));
            }
            said
        }
    }

    #[test]
    fn an_alert_fires_after_a_while_is_told_again_and_ends_a_while_after_its_reason() {
        let mut harness = Harness::new();
        assert_eq!(harness.run(9, BAD), [], "it has not held for ten minutes");
        assert_eq!(harness.run(1, GOOD), [], "and begins anew after this");
        assert_eq!(harness.run(260, BAD), [(10, "firing"), (250, "firing")], "once, and after four hours");
        assert_eq!(harness.state.firing(), 1);
        // Held for the last time a minute before; a moment of the condition begins the ten minutes anew.
        assert_eq!(harness.run(5, GOOD), []);
        assert_eq!(harness.run(1, BAD), []);
        assert_eq!(harness.run(30, GOOD), [(9, "resolved")]);
        assert_eq!(harness.state, State { told: [("mail".to_owned(), BTreeMap::new())].into(), ..State::default() });
    }

    #[test]
    fn a_restart_tells_nothing_twice_and_what_lies_before_a_gap_is_not_believed() {
        let mut harness = Harness::new();
        harness.run(9, BAD);
        harness.clock.advance(TimeDelta::minutes(30));
        assert_eq!(harness.run(10, BAD), [], "thirty minutes without evaluating are not thirty minutes of it");
        assert_eq!(harness.run(1, BAD), [(0, "firing")]);
        let text = serde_json::to_string(&harness.state).unwrap();
        harness.state = serde_json::from_str(&text).unwrap();
        harness.clock.advance(TimeDelta::minutes(30));
        assert_eq!(harness.run(5, BAD), [], "it fired before the restart, and was told");
        harness.clock.advance(TimeDelta::minutes(30));
        assert_eq!(harness.run(1, GOOD), [(0, "resolved")]);
    }

    #[test]
    fn a_channel_that_failed_is_told_later_and_an_end_only_if_the_beginning_was() {
        let mut harness = Harness::new();
        harness.run(11, BAD);
        let now = harness.clock.now();
        assert_eq!(harness.state.due("webhook", REPEAT, now).len(), 1, "nothing was sent to it yet");
        assert_eq!(harness.state.due("mail", REPEAT, now), []);
        assert_eq!(harness.state.due("mail", None, now + TimeDelta::days(9)), [], "it is never repeated");
        harness.run(30, GOOD);
        assert_eq!(harness.state.due("webhook", REPEAT, harness.clock.now()), [], "it never knew");
        harness.state.keep_channels(&["webhook"]);
        assert_eq!(harness.state, State::default());
    }
}

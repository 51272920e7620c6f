//! Rules tried on stored traffic: how many unwanted items they stop, and how many honest ones.
//!
//! Items are facts with a label that people gave (an upheld report, a decided hold, a labelled set). Owns counting, not
//! storage: items come from an iterator and are not kept. Invariant: each item is counted once, so the four numbers of
//! a tally add up to the number of items.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::reason::Reason;
use crate::rules::RuleSet;
use crate::verdict::Outcome;

/// The most changed items that a dry run names; it counts all.
pub const MAX_NAMED_CHANGES: usize = 100;

/// Facts with a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// What the item is known by where it is stored.
    pub id: String,
    /// What the verdict was made of.
    pub facts: Facts,
    /// Whether people have found it unwanted.
    pub is_unwanted: bool,
}

/// How many items were stopped and let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Unwanted, and stopped.
    pub true_positives: u64,
    /// Honest, and stopped.
    pub false_positives: u64,
    /// Honest, and let through.
    pub true_negatives: u64,
    /// Unwanted, and let through.
    pub false_negatives: u64,
}

/// What a replay has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of the rules.
    pub rules_version: u32,
    /// The mildest outcome that counts as stopped.
    pub stopped_from: Outcome,
    /// All items.
    pub all: Tally,
    /// For each reason the items that it applied to: those that were stopped by it or would be without the others.
    pub by_reason: BTreeMap<Reason, Tally>,
}

/// An item whose outcome changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The item's id.
    pub id: String,
    /// Its outcome under the rules in force.
    pub before: Outcome,
    /// Its outcome under the proposed ones.
    pub after: Outcome,
    /// Its label.
    pub is_unwanted: bool,
}

/// What a change of rules would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The rules in force.
    pub before: Report,
    /// The proposed rules.
    pub after: Report,
    /// How many outcomes change.
    pub changed_count: u64,
    /// The first of them, [`MAX_NAMED_CHANGES`] at most.
    pub changes: Vec<Change>,
}

impl Tally {
    fn count(&mut self, is_unwanted: bool, is_stopped: bool) {
        let number = match (is_unwanted, is_stopped) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (false, false) => &mut self.true_negatives,
            (true, false) => &mut self.false_negatives,
        };
        *number += 1;
    }

    /// Returns which share of the stopped items was unwanted; `None` if nothing was stopped.
    pub fn precision(self) -> Option<f64> {
        share(self.true_positives, self.false_positives)
    }

    /// Returns which share of the unwanted items was stopped; `None` if nothing was unwanted.
    pub fn recall(self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// Returns which share of the honest items was stopped; `None` if nothing was honest.
    pub fn honest_stopped(self) -> Option<f64> {
        share(self.false_positives, self.true_negatives)
    }
}

/// Returns `part / (part + rest)`.
fn share(part: u64, rest: u64) -> Option<f64> {
    let whole = part.saturating_add(rest);
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Report {
    /// Returns a report of no items. An outcome of at least `stopped_from` counts as stopped.
    fn new(rules: &RuleSet, stopped_from: Outcome) -> Self {
        Self { rules_version: rules.version, stopped_from, all: Tally::default(), by_reason: BTreeMap::new() }
    }

    /// Counts an item, and returns its outcome.
    fn count(&mut self, rules: &RuleSet, item: &Labelled) -> Outcome {
        let verdict = rules.screen(&item.facts);
        self.all.count(item.is_unwanted, verdict.outcome >= self.stopped_from);
        for finding in &verdict.findings {
            let tally = self.by_reason.entry(finding.reason).or_default();
            tally.count(item.is_unwanted, finding.outcome >= self.stopped_from);
        }
        verdict.outcome
    }
}

/// Applies the rules to the items. [`Outcome::Hold`] as `stopped_from` measures what moderators see.
pub fn replay<'a>(items: impl IntoIterator<Item = &'a Labelled>, rules: &RuleSet, stopped_from: Outcome) -> Report {
    let mut report = Report::new(rules, stopped_from);
    for item in items {
        report.count(rules, item);
    }
    report
}

/// Applies two versions of the rules to the items, and names what changes. Changes nothing itself.
pub fn dry_run<'a>(
    items: impl IntoIterator<Item = &'a Labelled>,
    current: &RuleSet,
    proposed: &RuleSet,
    stopped_from: Outcome,
) -> DryRun {
    let (mut before, mut after) = (Report::new(current, stopped_from), Report::new(proposed, stopped_from));
    let (mut changed_count, mut changes) = (0, Vec::new());
    for item in items {
        let (old, new) = (before.count(current, item), after.count(proposed, item));
        if old == new {
            continue;
        }
        changed_count += 1;
        if changes.len() < MAX_NAMED_CHANGES {
            changes.push(Change { id: item.id.clone(), before: old, after: new, is_unwanted: item.is_unwanted });
        }
    }
    DryRun { before, after, changed_count, changes }
}

impl fmt::Display for Report {
    /// Writes a table for a terminal: precision and recall of all rules together, then of each reason.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent =
            |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0));
        writeln!(formatter, "rules {}", self.rules_version)?;
        writeln!(
            formatter,
            "all: precision {}, recall {}, honest stopped {}",
            percent(self.all.precision()),
            percent(self.all.recall()),
            percent(self.all.honest_stopped()),
        )?;
        for (reason, tally) in &self.by_reason {
            let (right, wrong) = (tally.true_positives, tally.false_positives);
            writeln!(
                formatter,
                "{reason:<28} {right:>8} unwanted {wrong:>8} honest {:>9}",
                percent(tally.precision())
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::{Relation, Surface};
    use crate::rules::Check;
    use crate::standing::Standing;

    fn item(number: u32, alike_recipients: u32, links: u32, is_unwanted: bool) -> Labelled {
        let standing = Standing { account_age_days: 10, has_confirmed_address: true, ..Standing::default() };
        let mut facts = Facts::new(Surface::Message, Relation::Stranger, standing);
        (facts.alike_recipients, facts.text.links) = (alike_recipients, links);
        Labelled { id: number.to_string(), facts, is_unwanted }
    }

    #[test]
    fn a_replay_tells_precision_and_recall() {
        // Two unwanted ones are stopped, one by two rules; one honest one is stopped, two are not; one gets through.
        let items = [
            item(1, 8, 0, true),
            item(2, 9, 4, true),
            item(3, 1, 4, false),
            item(4, 1, 0, false),
            item(5, 1, 0, false),
            item(6, 7, 0, true),
        ];
        let report = replay(&items, &RuleSet::standard(), Outcome::Hold);
        let expected = Tally { true_positives: 2, false_positives: 1, true_negatives: 2, false_negatives: 1 };
        assert_eq!(report.all, expected);
        let rounded = |share: Option<f64>| (share.unwrap() * 1000.0).round() as u32;
        assert_eq!(
            [report.all.precision(), report.all.recall(), report.all.honest_stopped()].map(rounded),
            [667, 667, 333]
        );
        assert_eq!(report.by_reason[&Reason::ManyLinks].precision(), Some(0.5));
        assert_eq!(Tally::default().precision(), None);
        let text = report.to_string();
        assert!(text.contains("all: precision 66.67 %, recall 66.67 %, honest stopped 33.33 %"), "{text}");
        assert!(
            text.lines().any(|line| line.starts_with("screening.alike_texts") && line.ends_with("100.00 %")),
            "{text}"
        );
    }

    #[test]
    fn a_dry_run_names_what_would_change() {
        let items = [item(1, 8, 0, true), item(2, 7, 0, true), item(3, 5, 0, false)];
        let current = RuleSet::standard();
        let mut proposed = RuleSet { version: current.version + 1, ..current.clone() };
        for rule in &mut proposed.rules {
            for check in &mut rule.all_of {
                if *check == Check::AlikeRecipients(8) {
                    *check = Check::AlikeRecipients(6);
                }
            }
        }
        let run = dry_run(&items, &current, &proposed, Outcome::Hold);
        let change =
            Change { id: "2".to_owned(), before: Outcome::RequestBox, after: Outcome::Hold, is_unwanted: true };
        assert_eq!((run.changed_count, run.changes), (1, vec![change]));
        assert_eq!((run.before.all.recall(), run.after.all.recall()), (Some(0.5), Some(1.0)));
        assert_eq!((run.before.rules_version, run.after.rules_version), (current.version, proposed.version));
        let many: Vec<Labelled> = (0..200).map(|number| item(number, 7, 0, true)).collect();
        let run = dry_run(&many, &current, &proposed, Outcome::Hold);
        assert_eq!((run.changed_count, run.changes.len()), (200, MAX_NAMED_CHANGES));
    }

    proptest! {
        #[test]
        fn each_item_is_counted_once(items in proptest::collection::vec((0_u32..12, 0_u32..6, any::<bool>()), 0..60)) {
            let items: Vec<Labelled> = items.iter().map(|(alike, links, bad)| item(0, *alike, *links, *bad)).collect();
            let all = replay(&items, &RuleSet::standard(), Outcome::Hold).all;
            let sum = all.true_positives + all.false_positives + all.true_negatives + all.false_negatives;
            prop_assert_eq!(sum, items.len() as u64);
        }
    }
}

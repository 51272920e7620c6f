//! The report: results.json has each scenario's last run, RESULTS.md shows them between two marks.
//!
//! Invariant: text outside the marks is not changed; text inside comes from results.json only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, machine};

const BEGIN: &str = "<!-- figures: begin (written by `make bench`) -->";
const END: &str = "<!-- figures: end -->";

/// The result of a row whose comparison can't be made on this machine. It neither passes nor misses.
pub const NOT_MEASURED: &str = "not measured here";

/// A goal and a measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The goal, with its unit.
    pub goal: String,
    /// The result, with its unit.
    pub measured: String,
    /// The value of the alternative, if there is one.
    pub beside: String,
    /// Whether the goal is met.
    pub passes: bool,
}

/// A scenario: rows that were measured together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scenario {
    /// Its place in the report.
    pub place: u32,
    /// Its title.
    pub title: String,
    /// How it was measured, and which settings were not the defaults.
    pub method: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Every single run, which shows the spread.
    pub runs: serde_json::Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredScenario {
    #[serde(flatten)]
    scenario: Scenario,
    date: String,
    machine: String,
    load_before: f64,
}

/// Saves a scenario and writes both files.
pub fn save(folder: &Path, scenario: Scenario, load_before: f64) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join("results.json");
    let mut all: BTreeMap<u32, StoredScenario> = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| format!("{} can't be read ({error}); remove it to start anew", file.display()))?,
        Err(_) => BTreeMap::new(),
    };
    let date = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string();
    let stored = StoredScenario { scenario, date, machine: machine::describe(), load_before };
    println!("{}", section(&stored));
    all.insert(stored.scenario.place, stored);
    std::fs::write(&file, serde_json::to_string_pretty(&all)? + "\n")?;
    let page = folder.join("RESULTS.md");
    let old = std::fs::read_to_string(&page).unwrap_or_else(|_| format!("# Figures\n\n{BEGIN}\n{END}\n"));
    let sections: Vec<String> = all.values().map(section).collect();
    std::fs::write(&page, between(&old, &sections.join("\n")))?;
    Ok(())
}

/// Returns `old` with the text between the marks replaced.
fn between(old: &str, new: &str) -> String {
    let parts = old.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.unwrap_or((old, "\n"));
    format!("{before}{BEGIN}\n\n{new}\n{END}{after}")
}

fn section(stored: &StoredScenario) -> String {
    let mut text = format!(
        "## {}\n\n{} · {} · load before the run {:.1}\n\n",
        stored.scenario.title, stored.date, stored.machine, stored.load_before
    );
    text.push_str("| what | goal | measured | beside it | |\n|---|---|---|---|---|\n");
    for row in &stored.scenario.rows {
        let verdict = match row.measured.as_str() {
            NOT_MEASURED => "–",
            _ if row.passes => "pass",
            _ => "**miss**",
        };
        let _ = writeln!(text, "| {} | {} | {} | {} | {verdict} |", row.what, row.goal, row.measured, row.beside);
    }
    text.push('\n');
    for line in &stored.scenario.method {
        let _ = writeln!(text, "* {line}");
    }
    text
}

/// Returns the median; 0 if there are no numbers.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Returns a time in seconds with two decimals.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Returns `median (smallest–largest)`, each with `digits` decimals.
pub fn spread(numbers: &[f64], digits: usize) -> String {
    let (low, high) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| (low.min(*number), high.max(*number)));
    if numbers.len() < 2 {
        return format!("{:.digits$}", median(numbers));
    }
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", median(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("# A\n\n{BEGIN}\nold\n{END}\n\n## Causes\n");
        let new = between(&page, "new\n");
        assert!(
            new.starts_with("# A\n") && new.ends_with("## Causes\n") && new.contains("new") && !new.contains("old")
        );
        assert_eq!(between(&new, "new\n"), new);
    }

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < 1e-9);
        assert_eq!(spread(&[1.0, 3.0, 2.0], 1), "2.0 (1.0–3.0)");
    }
}

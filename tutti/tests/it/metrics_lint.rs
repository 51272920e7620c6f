//! What `promtool check metrics` says about `/metrics`: the rules of Prometheus' own linter (client_golang,
//! `prometheus/testutil/promlint`), so that the tests need no Prometheus.
//!
//! Invariant: a name that promtool of version 2.42 or 3 finds fault with is a problem here.

use std::collections::{BTreeMap, BTreeSet};

/// Units in names, each with the base unit to use in its place.
const UNITS: [(&str, &str); 22] = [
    ("nanoseconds", "seconds"),
    ("microseconds", "seconds"),
    ("milliseconds", "seconds"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("kilobytes", "bytes"),
    ("kibibytes", "bytes"),
    ("megabytes", "bytes"),
    ("mebibytes", "bytes"),
    ("gigabytes", "bytes"),
    ("gibibytes", "bytes"),
    ("bits", "bytes"),
    ("percent", "ratio"),
    ("s", "seconds"),
    ("sec", "seconds"),
    ("ms", "seconds"),
    ("us", "seconds"),
    ("ns", "seconds"),
    ("kb", "bytes"),
    ("mb", "bytes"),
    ("gb", "bytes"),
];

/// Returns what is wrong with metrics in the Prometheus text format, and how many there are.
pub(crate) fn lint(text: &str) -> (BTreeSet<String>, usize) {
    let (mut kinds, mut described, mut wrong) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                kinds.insert(name, kind);
            }
            (Some("#"), Some("HELP"), Some(name), Some(help)) if !help.trim().is_empty() => {
                described.insert(name);
            }
            (Some("#" | ""), ..) => {}
            _ => wrong.extend(lint_sample(line, &kinds)),
        }
    }
    for (name, kind) in &kinds {
        wrong.extend(lint_name(name, kind).into_iter().map(|problem| format!("{name}: {problem}")));
        if !described.contains(name) {
            wrong.insert(format!("{name}: no help text"));
        }
    }
    (wrong, kinds.len())
}

fn lint_name(name: &str, kind: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if (kind == "counter") != name.ends_with("_total") {
        wrong.push("a counter, and nothing else, ends with _total".to_owned());
    }
    let is_distribution = matches!(kind, "histogram" | "summary");
    if name.ends_with("_bucket") || (!is_distribution && (name.ends_with("_count") || name.ends_with("_sum"))) {
        wrong.push("_bucket, _count and _sum are the samples of a histogram".to_owned());
    }
    for word in name.split('_') {
        if let Some((_, base)) = UNITS.iter().find(|(unit, _)| *unit == word) {
            wrong.push(format!("{base} in place of {word}"));
        }
        if word == kind {
            wrong.push(format!("its type {kind} is in its name"));
        }
    }
    if !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        wrong.push("a name is in snake_case".to_owned());
    }
    wrong
}

/// Checks that a sample belongs to a metric with a type, and that the names of its labels are in snake_case.
fn lint_sample(line: &str, kinds: &BTreeMap<&str, &str>) -> Option<String> {
    let (series, _) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
    if !kinds.contains_key(name) && of_histogram.is_none_or(|base| kinds.get(base) != Some(&"histogram")) {
        return Some(format!("{name}: no type"));
    }
    let mut names = labels.split("=\"").map(|part| part.rsplit([',', '"']).next().unwrap_or(part));
    let odd = names.find(|label| label.bytes().any(|byte| byte.is_ascii_uppercase()))?;
    Some(format!("{name}: the label {odd} is not in snake_case"))
}

#[test]
fn the_linter_finds_what_promtool_finds() {
    let fine = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"1\"} 2\na_seconds_sum 1\n";
    assert_eq!(lint(fine), (BTreeSet::new(), 1));
    for wrong in [
        "# HELP a_requests Requests.\n# TYPE a_requests counter\na_requests 1\n",
        "# HELP a_total Open.\n# TYPE a_total gauge\na_total 1\n",
        "# TYPE a_bytes gauge\na_bytes 1\n",
        "# HELP a_ms Time.\n# TYPE a_ms gauge\na_ms 1\n",
        "# HELP a_count Items.\n# TYPE a_count gauge\na_count 1\n",
        "# HELP aOpen Items.\n# TYPE aOpen gauge\naOpen 1\n",
        "# HELP a_open Items.\n# TYPE a_open gauge\na_open{ofKind=\"x\"} 1\n",
        "a_open 1\n",
    ] {
        assert!(!lint(wrong).0.is_empty(), "{wrong}");
    }
}

//! The security page's table: each threat names the tests of its defence.
//!
//! Reads the repository's own text. Invariant: a row whose test was renamed or removed fails here, so the page promises
//! only what is tested; a row without a test says that it is a gap.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Collects the text of every test file of the Rust code and the page.
fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != "node_modules" && name != "dist" {
                sources(&path, all);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "ts") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Returns the texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_threat_on_the_security_page_names_tests_that_exist() {
    let page = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut all = String::new();
    for folder in ["tutti", "services", "platform", "contract", "codec", "screening", "web/e2e", "web/src", "fuzz"] {
        sources(&root().join(folder), &mut all);
    }
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| threat") && line.matches(" | ").count() >= 2)
        .collect();
    assert!(rows.len() > 30, "the table has {} rows", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        // A row may say that it has none, and why.
        if quoted(cell).next().is_none() && !cell.starts_with("*gap*: ") {
            missing.push(format!("no test: {row}"));
        }
        // A Rust test is a function; a test of the page is a title.
        let is_there = |name: &&str| {
            all.contains(&format!("fn {name}("))
                || all.contains(&format!("'{name}'"))
                || all.contains(&format!("\"{name}\""))
        };
        missing.extend(quoted(cell).filter(|name| !is_there(name)).map(|name| format!("no such test: {name}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

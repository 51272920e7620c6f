//! Where SQL is written, and whose tables it names.
//!
//! Invariant: a service's data is its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{assert_none, crates, files, identifier_at, product_lines, read, relative, rust_files, services};

/// How SQL statements begin (in lower case, as the style asks), and the words before the name of a table.
const SQL_BEGINNINGS: [&str; 7] =
    ["select ", "insert into ", "update ", "delete from ", "create table ", "create index ", "with "];
const WORDS_BEFORE_TABLES: [&str; 5] = ["from ", "join ", "into ", "update ", "table "];

/// Whether a file is one that may contain SQL.
fn holds_sql(path: &Path) -> bool {
    path.components()
        .any(|part| Path::new(part.as_os_str()).file_stem().is_some_and(|name| name == "store" || name == "migration"))
}

/// Returns the statement that begins in a line, if one does: at the start of a string literal, or of a line of one.
fn statement(line: &str) -> Option<&str> {
    let begins = |text: &str| SQL_BEGINNINGS.iter().any(|start| text.starts_with(start));
    let texts = line.match_indices('"').map(|(at, _)| line[at + 1..].trim_start()).chain([line.trim_start()]);
    // `update ` and `with ` also begin English sentences; a statement goes on with more SQL.
    let goes_on = |text: &str| {
        [" from ", " into ", " set ", " as (", " on ", " (", "select 1", "insert into ", "delete from "]
            .iter()
            .any(|word| text.contains(word))
    };
    texts.into_iter().find(|text| begins(text) && goes_on(text))
}

/// Returns the tables that a text creates.
fn created_tables(text: &str) -> BTreeSet<String> {
    text.match_indices("create table ")
        .map(|(at, word)| identifier_at(text[at + word.len()..].trim_start_matches("if not exists ")))
        .collect()
}

#[test]
fn sql_is_in_the_store_and_the_migrations_only() {
    let mut violations = Vec::new();
    let mut statements = 0;
    for path in services().values().flat_map(|folder| rust_files(&folder.join("src"))) {
        for (number, line) in product_lines(&path) {
            let Some(found) = statement(&line) else { continue };
            statements += 1;
            if !holds_sql(&path) {
                violations.push(format!("{}:{number}: {found}", relative(&path)));
            }
        }
    }
    assert!(statements > 20, "only {statements} statements were found: this test no longer sees SQL");
    assert_none(&violations, "SQL is written in store/ and migrations/ only:");
}

#[test]
fn a_service_uses_its_own_tables_only() {
    let services = services();
    let text_of = |folder: &Path| -> String {
        let stores = rust_files(&folder.join("src"));
        let rust = stores.iter().filter(|path| holds_sql(path)).flat_map(|path| product_lines(path));
        let sql = files(&folder.join("migrations"), "sql");
        rust.map(|(_, line)| line + "\n").chain(sql.iter().map(|path| read(path))).collect()
    };
    let texts: BTreeMap<&String, String> = services.iter().map(|(name, folder)| (name, text_of(folder))).collect();
    let own: BTreeMap<&String, BTreeSet<String>> =
        texts.iter().map(|(name, text)| (*name, created_tables(text))).collect();
    let mut violations = Vec::new();
    for (name, text) in &texts {
        let foreign = own
            .iter()
            .filter(|(other, _)| *other != name)
            .flat_map(|(other, tables)| tables.iter().map(move |table| (other, table)));
        for (other, table) in foreign.filter(|(_, table)| !own[*name].contains(*table)) {
            let touched = WORDS_BEFORE_TABLES
                .iter()
                .any(|word| text.match_indices(word).any(|(at, _)| identifier_at(&text[at + word.len()..]) == *table));
            if touched {
                violations.push(format!("{name} touches {table}, which is {other}'s"));
            }
        }
    }
    assert!(own.values().filter(|tables| !tables.is_empty()).count() >= 4, "the tables were not found: {own:?}");
    assert_none(&violations, "a service's data is its own; ask the service or keep a copy from its events:");
}

#[test]
fn migrations_have_one_column_per_line() {
    let mut violations = Vec::new();
    let mut seen = 0;
    for path in crates().values().flat_map(|folder| files(&folder.join("migrations"), "sql")) {
        seen += 1;
        let text = read(&path);
        for (at, line) in text.lines().enumerate() {
            if line.contains("create table") && !line.trim_end().ends_with('(') {
                violations.push(format!("{}:{}: {line}", relative(&path), at + 1));
            }
        }
    }
    assert!(seen >= 10, "only {seen} migrations were found");
    assert_none(&violations, "a column is a line:");
}

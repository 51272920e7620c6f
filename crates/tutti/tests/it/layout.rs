//! The rules of the repository's layout: dependencies, the place of SQL, names, and the beginning and length of files.
//!
//! Reads the repository's own text and nothing else. Invariant: a broken rule is reported with every place, so that one
//! run is enough to fix all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates on which every service may depend.
const ALLOWED_DEPENDENCIES: [&str; 4] = ["codec", "contract", "kit", "sandbox"];
/// The maximum number of lines of a file.
const MAX_FILE_LINES: usize = 600;
/// The maximum number of lines of a service's `lib.rs`.
const MAX_LIB_LINES: usize = 80;
/// File names that don't say what is inside.
const VAGUE_NAMES: [&str; 4] = ["utils", "util", "helpers", "common"];
/// How SQL statements begin (in lower case, as the style asks), and the words before the name of a table.
const SQL_BEGINNINGS: [&str; 7] =
    ["select ", "insert into ", "update ", "delete from ", "create table ", "create index ", "with "];
const WORDS_BEFORE_TABLES: [&str; 5] = ["from ", "join ", "into ", "update ", "table "];
/// Words that no file, item or metric has in its name, and what to say instead. A plural counts as the word.
const BANNED_WORDS: [(&str, &str); 13] = [
    ("door", "listener"),
    ("neighbour", "peer, or internal request"),
    ("figure", "metric, or scenario"),
    ("patience", "timeout"),
    ("look", "probe"),
    ("loose", "orphan"),
    ("bury", "dead-letter"),
    ("buried", "dead-lettered"),
    ("revive", "redeliver"),
    ("plays", "runs, or is ready"),
    ("kitchen", "fixtures"),
    ("judge", "verify"),
    ("grant", "signed URL, or sign"),
];
/// The keywords before the name of a definition.
const DEFINITIONS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
/// Calls that read the time or the environment, which are parameters instead.
const AMBIENT_CALLS: [&str; 6] =
    ["Utc::now(", "SystemTime::now(", "Local::now(", "env::var(", "env::vars(", "env::var_os("];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a path relative to the repository.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Returns every Rust file below `folder`, sorted by name.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn all_rust_files() -> Vec<PathBuf> {
    ["crates", "bench"].iter().flat_map(|folder| rust_files(&root().join(folder))).collect()
}

/// Returns the workspace's crates: name to folder.
fn crates() -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(root().join("crates")).unwrap().flatten();
    entries
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect()
}

/// Returns the crates that are a role: those with a `service()`.
fn services() -> BTreeMap<String, PathBuf> {
    let has_service = |folder: &PathBuf| {
        std::fs::read_to_string(folder.join("src/lib.rs")).is_ok_and(|text| text.contains("pub fn service() -> "))
    };
    crates().into_iter().filter(|(_, folder)| has_service(folder)).collect()
}

/// Returns the names under `[section]` of a crate's manifest.
fn dependencies(folder: &Path, section: &str) -> BTreeSet<String> {
    let manifest = read(&folder.join("Cargo.toml"));
    let heading = format!("[{section}]");
    let rows = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    rows.filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .collect()
}

/// Returns the lines of a file that are compiled into the product, numbered from 1: no comments, and nothing after its
/// tests begin.
fn product_lines(path: &Path) -> Vec<(usize, String)> {
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|name| name == "tests");
    if is_test {
        return Vec::new();
    }
    let text = read(path);
    let lines = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]" || line.starts_with(' '));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line.to_owned())).collect()
}

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
        [" from ", " into ", " set ", " as (", " on ", " (", "select 1"].iter().any(|word| text.contains(word))
    };
    texts.into_iter().find(|text| begins(text) && goes_on(text))
}

/// Returns the tables that a text creates.
fn created_tables(text: &str) -> BTreeSet<String> {
    text.match_indices("create table ")
        .map(|(at, word)| identifier_at(text[at + word.len()..].trim_start_matches("if not exists ")))
        .collect()
}

fn identifier_at(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}

fn assert_none(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}\n  {}", violations.join("\n  "));
}

#[test]
fn a_service_depends_on_shared_crates_only() {
    let (crates, services) = (crates(), services());
    let mut violations = Vec::new();
    for (name, folder) in &crates {
        let mut may: BTreeSet<&str> = match name.as_str() {
            "tutti" => continue,
            "kit" | "codec" | "sandbox" => BTreeSet::new(),
            "contract" => ["kit"].into(),
            _ => ALLOWED_DEPENDENCIES.into(),
        };
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            if section == "dev-dependencies" && name != "testkit" {
                may.extend(["testkit", "codec", "contract"]);
            }
            for other in dependencies(folder, section)
                .iter()
                .filter(|other| crates.contains_key(*other) && !may.contains(other.as_str()))
            {
                violations.push(format!("{name} has {other} in [{section}]"));
            }
        }
    }
    assert!(services.len() >= 5, "the roles were not found: {services:?}");
    assert_none(&violations, "tutti → services → {contract, codec, kit}; a service never depends on a service:");
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
    assert_none(&violations, "SQL is written in store.rs and migration.rs only:");
}

#[test]
fn a_service_uses_its_own_tables_only() {
    let services = services();
    let text_of = |folder: &PathBuf| -> String {
        let files = rust_files(&folder.join("src"));
        files
            .iter()
            .filter(|path| holds_sql(path))
            .flat_map(|path| product_lines(path))
            .map(|(_, line)| line + "\n")
            .collect()
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
    assert!(own.values().any(|tables| !tables.is_empty()), "no table was found: this test no longer sees migrations");
    assert_none(&violations, "a service's data is its own; ask the service or keep a copy from its events:");
}

#[test]
fn every_service_is_in_the_table_of_roles_once() {
    let table = read(&root().join("crates/tutti/src/roles.rs"));
    let violations: Vec<String> = services()
        .keys()
        .map(|name| (name, table.matches(&format!("{name}::service()")).count()))
        .filter(|(_, times)| *times != 1)
        .map(|(name, times)| format!("{name} is there {times} times"))
        .collect();
    assert_none(&violations, "crates/tutti/src/roles.rs is the one table of roles:");
}

#[test]
fn every_file_begins_with_its_purpose() {
    let violations: Vec<String> =
        all_rust_files().iter().filter(|path| !read(path).starts_with("//! ")).map(|path| relative(path)).collect();
    assert_none(&violations, "a file opens with `//!`: what it owns, what it does not, one invariant:");
}

#[test]
fn no_file_is_too_long() {
    let mut violations = Vec::new();
    for path in all_rust_files() {
        let lines = read(&path).lines().count();
        if lines > MAX_FILE_LINES {
            violations.push(format!("{} has {lines} lines, {MAX_FILE_LINES} at most", relative(&path)));
        }
    }
    for folder in services().values() {
        let lines = read(&folder.join("src/lib.rs")).lines().count();
        if lines > MAX_LIB_LINES {
            violations.push(format!(
                "{} has {lines} lines, a face {MAX_LIB_LINES} at most",
                relative(&folder.join("src/lib.rs"))
            ));
        }
    }
    assert_none(&violations, "split what holds two things:");
}

#[test]
fn no_file_has_a_vague_name() {
    let is_vague = |path: &PathBuf| {
        let relative = relative(path);
        Path::new(&relative).components().any(|part| {
            Path::new(part.as_os_str()).file_stem().is_some_and(|name| VAGUE_NAMES.iter().any(|no| name == *no))
        })
    };
    let violations: Vec<String> =
        all_rust_files().iter().filter(|path| is_vague(path)).map(|path| relative(path)).collect();
    assert_none(&violations, "say what the room is for:");
}

#[test]
fn time_and_environment_are_parameters() {
    let mut violations = Vec::new();
    let below: Vec<PathBuf> = crates()
        .into_iter()
        .filter(|(name, _)| name != "tutti" && name != "testkit")
        .map(|(_, folder)| folder)
        .collect();
    let clock = root().join("crates/kit/src/clock.rs");
    for path in below.iter().flat_map(|folder| rust_files(&folder.join("src"))).filter(|path| *path != clock) {
        for (number, line) in product_lines(&path) {
            if AMBIENT_CALLS.iter().any(|call| line.contains(call)) {
                violations.push(format!("{}:{number}: {}", relative(&path), line.trim()));
            }
        }
    }
    assert_none(&violations, "take the time from the context's clock, and settings from the configuration:");
}

/// Returns the words of a name in snake_case, kebab-case or CamelCase, in lower case.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let starts_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let is_new = letter.is_uppercase() && before.is_some_and(|before| !before.is_uppercase() || starts_lower);
        if is_new || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        words.last_mut().unwrap().extend(letter.to_lowercase().filter(|letter| letter.is_alphanumeric()));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the first banned word in a name, and what to say instead.
fn banned_word(name: &str) -> Option<(&'static str, &'static str)> {
    let words = words(name);
    let is_lookup = |at: usize| words.get(at + 1).is_some_and(|next| next == "up");
    let is_banned =
        |word: &str, at: usize| words[at].strip_suffix('s').unwrap_or(&words[at]) == word || words[at] == word;
    let find = |(word, _): &&(&str, &str)| {
        (0..words.len()).any(|at| is_banned(word, at) && !(*word == "look" && is_lookup(at)))
    };
    BANNED_WORDS.iter().find(find).copied()
}

/// Returns the names that a line defines.
fn defined_names(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let tokens: Vec<&str> = code.split_whitespace().collect();
    let pairs = tokens.windows(2).filter(|pair| DEFINITIONS.contains(&pair[0]) && !DEFINITIONS.contains(&pair[1]));
    pairs.map(|pair| identifier_at(pair[1])).filter(|name| !name.is_empty()).collect()
}

/// Returns the names of the metrics that a text registers, with their line numbers.
fn metric_names(text: &str) -> Vec<(usize, String)> {
    let calls = text.match_indices("registry.register(").map(|(at, call)| at + call.len());
    let names = calls.filter_map(|at| Some((at, text[at..].trim_start().strip_prefix('"')?.split('"').next()?)));
    names.map(|(at, name)| (text[..at].lines().count(), name.to_owned())).collect()
}

#[test]
fn no_name_has_a_banned_word() {
    let files = all_rust_files();
    let (mut violations, mut names) = (Vec::new(), 0);
    let mut check = |place: &str, name: &str| {
        names += 1;
        if let Some((word, instead)) = banned_word(name) {
            violations.push(format!("{place}: {name} has \"{word}\", say {instead}"));
        }
    };
    for path in &files {
        let (shown, text) = (relative(path), read(path));
        shown.split('/').for_each(|part| check(&shown, part.trim_end_matches(".rs")));
        for (at, line) in text.lines().enumerate() {
            defined_names(line).iter().for_each(|name| check(&format!("{shown}:{}", at + 1), name));
        }
        metric_names(&text).iter().for_each(|(line, name)| check(&format!("{shown}:{line}"), name));
    }
    assert!(names > 1000, "only {names} names were found: this test no longer sees them");
    violations.dedup();
    assert_none(&violations, "use the field's own terms in the names of files, items and metrics:");
}

#[test]
fn banned_words_are_found_as_whole_words() {
    for name in ["open_doors", "PATIENCE", "LookAround", "tutti_grants_total", "probe-look", "HTTPDoor"] {
        assert!(banned_word(name).is_some(), "{name}");
    }
    for name in ["outdoors", "Lookup", "look_up_host", "configure", "display", "played", "FIGURED"] {
        assert!(banned_word(name).is_none(), "{name}");
    }
    assert_eq!(defined_names("    pub(crate) const fn size_of<T>(x: T) -> usize { // fn door()"), ["size_of"]);
    assert_eq!(
        metric_names("a\n    registry.register(\n        \"loose_objects\", \"x\", y);"),
        [(2, "loose_objects".to_owned())]
    );
}

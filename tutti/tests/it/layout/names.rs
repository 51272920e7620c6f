//! What files, items and metrics are called.
//!
//! Invariant: no name has a word for which the field has a better one.

use super::{all_rust_files, assert_none, crates, identifier_at, read, relative, root, services};

/// Words that no file, item or metric has in its name, and what to say instead. A plural counts as the word.
const BANNED_WORDS: [(&str, &str); 19] = [
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
    ("seat", "permit"),
    ("crowd", "connections"),
    ("household", "client prefix"),
    ("neighbourhood", "client prefix"),
    ("shelf", "cache, or store"),
    ("desk", "task context"),
];
/// The keywords before the name of a definition.
const DEFINITIONS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];

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
fn the_log_scanner_sees_every_crate() {
    let scanner = read(&root().join("platform/testkit/src/logs.rs"));
    let mut missing: Vec<String> = crates().into_keys().filter(|name| name != "bench").collect();
    missing
        .retain(|name| !services().contains_key(name) && !scanner.contains(&format!("\"{}\"", name.replace('-', "_"))));
    assert_none(&missing, "A crate's debug lines are not scanned: name it in `CRATES` of testkit's `logs.rs`.");
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

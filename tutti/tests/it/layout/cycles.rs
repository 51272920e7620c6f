//! No two files import each other, however long the way around.
//!
//! A file imports another if it names an item through `crate::` or `super::` whose path leads into that file. A path
//! leads as far as its segments name modules; the file of the last one is imported. A module's own parent is not
//! imported by naming a sibling through it, and what a parent re-exports belongs to the child. Invariant: the files of
//! a crate can be read in an order in which each comes after those that it imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{assert_none, crates, product_lines, relative, rust_files};

/// A file's module path: `a::b` for `src/a/b.rs` and `src/a/b/mod.rs`, empty for the root.
fn module_of(src: &Path, path: &Path) -> Vec<String> {
    let inside = path.strip_prefix(src).unwrap_or(path).with_extension("");
    let mut parts: Vec<String> =
        inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// Returns the paths that a text names through `crate::` and `super::`, from the root, with `{…}` written out.
fn named_paths(text: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            if text[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || "_:$".contains(before)) {
                continue;
            }
            let mut base = own.to_vec();
            let mut rest = &text[at..];
            if let Some(after) = rest.strip_prefix("crate::") {
                base.clear();
                rest = after;
            }
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            expand(rest, &base, &mut paths);
        }
    }
    paths
}

/// Reads `a::b`, `a::{b, c::d}` and so on, and returns where it ends.
fn expand(text: &str, base: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = base.to_vec();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        if let Some(inner) = rest.strip_prefix('{') {
            at += 1;
            let mut left = inner;
            loop {
                let skipped = left.len() - left.trim_start_matches([' ', '\n', ',']).len();
                at += skipped;
                left = &text[at..];
                if left.starts_with('}') || left.is_empty() {
                    return at + 1;
                }
                let taken = expand(left, &path, paths).max(1);
                at = (at + taken).min(text.len());
                left = &text[at..];
            }
        }
        let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        if name.is_empty() {
            break;
        }
        at += name.len();
        if name != "self" {
            path.push(name);
        }
        match text[at..].strip_prefix("::") {
            Some(_) => at += 2,
            None => break,
        }
    }
    paths.push(path);
    at
}

/// Returns what each module re-exports: the name to the module that it comes from.
fn reexports(files: &BTreeMap<Vec<String>, PathBuf>) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut map = BTreeMap::new();
    for (module, path) in files {
        let text: String = product_lines(path).into_iter().map(|(_, line)| line + "\n").collect();
        for (at, _) in text.match_indices("use ") {
            let before = text[..at].trim_end();
            let is_export = before.ends_with("pub") || before.ends_with(')') && before.contains("pub(");
            let line = text[at + 4..].split(';').next().unwrap_or_default();
            if !is_export || line.starts_with("crate::") || line.starts_with("super::") || line.starts_with("::") {
                continue;
            }
            let mut paths = Vec::new();
            expand(line.trim(), module, &mut paths);
            for path in paths {
                if let Some(name) = path.last() {
                    map.insert([module.as_slice(), std::slice::from_ref(name)].concat(), path.clone());
                }
            }
        }
    }
    map
}

/// Returns the module into which a path leads.
fn target(
    path: &[String],
    files: &BTreeMap<Vec<String>, PathBuf>,
    reexports: &BTreeMap<Vec<String>, Vec<String>>,
) -> Option<Vec<String>> {
    for length in (1..=path.len()).rev() {
        let head = &path[..length];
        if files.contains_key(head) {
            return Some(head.to_vec());
        }
        if let Some(real) = reexports.get(head).filter(|real| *real != head) {
            return target(real, files, reexports);
        }
    }
    Some(Vec::new()).filter(|root| files.contains_key(root))
}

/// Returns the groups of modules that reach each other.
fn circles(edges: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<BTreeSet<Vec<String>>> {
    let reach = |from: &Vec<String>| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(next) = left.pop() {
            for to in edges.get(&next).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    left.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> = edges.keys().map(|key| (key, reach(key))).collect();
    let mut circles: Vec<BTreeSet<Vec<String>>> = Vec::new();
    for (from, to) in reached.iter().filter(|(from, to)| to.contains(**from)) {
        let circle: BTreeSet<Vec<String>> =
            to.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*from))).cloned().collect();
        if !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

#[test]
fn no_files_import_each_other() {
    let (mut violations, mut edges_seen) = (Vec::new(), 0);
    for (name, folder) in crates() {
        let src = folder.join("src");
        let files: BTreeMap<Vec<String>, PathBuf> = rust_files(&src)
            .into_iter()
            .filter(|path| !super::is_test(path))
            .map(|path| (module_of(&src, &path), path))
            .collect();
        let reexports = reexports(&files);
        let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
        for (module, path) in &files {
            let text: String = product_lines(path).into_iter().map(|(_, line)| line + "\n").collect();
            let targets = named_paths(&text, module).into_iter().filter_map(|path| target(&path, &files, &reexports));
            let targets: BTreeSet<Vec<String>> = targets.filter(|target| target != module).collect();
            edges_seen += targets.len();
            edges.insert(module.clone(), targets);
        }
        for circle in circles(&edges) {
            let members: Vec<String> = circle.iter().map(|module| relative(&files[module])).collect();
            violations.push(format!("{name}: {}", members.join(" ⇄ ")));
        }
    }
    assert!(edges_seen > 500, "only {edges_seen} imports were found: this test no longer sees them");
    assert_none(&violations, "move what both need to a file of its own:");
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let own = vec!["a".to_owned(), "b".to_owned()];
    let paths = named_paths("use crate::{c::{D, self}, e};\nsuper::f::g(); my_crate::x", &own);
    let joined: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(joined, ["c::D", "c", "e", "a::f::g"]);
}

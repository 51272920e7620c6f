//! The rules of the repository's layout.
//!
//! Owns how the tree is read; each kind of rule has a file of its own. Reads the repository's own text and nothing
//! else. Invariant: a broken rule is reported with every place, so that one run is enough to mend all of them.

mod ambient;
mod cycles;
mod dependencies;
mod files;
mod names;
mod requests;
mod sql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folders that hold our code.
const FOLDERS: [&str; 7] = ["tutti", "services", "platform", "contract", "codec", "screening", "bench"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a path relative to the repository.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Returns every file with this extension below `folder`, sorted by name.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

fn all_rust_files() -> Vec<PathBuf> {
    FOLDERS.iter().flat_map(|folder| rust_files(&root().join(folder))).collect()
}

/// Returns the workspace's crates: the name of the package to its folder.
fn crates() -> BTreeMap<String, PathBuf> {
    let manifests = FOLDERS.iter().flat_map(|folder| files(&root().join(folder), "toml"));
    manifests
        .filter(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"))
        .filter_map(|path| {
            let text = read(&path);
            let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))?.to_owned();
            Some((name, path.parent()?.to_owned()))
        })
        .collect()
}

/// Returns the crates that are a role.
fn services() -> BTreeMap<String, PathBuf> {
    crates().into_iter().filter(|(_, folder)| relative(folder).starts_with("services/")).collect()
}

/// Whether a file holds only tests.
fn is_test(path: &Path) -> bool {
    let is_of_tests = |name: &std::ffi::OsStr| name == "tests" || name == "query_plans";
    path.components().any(|part| part.as_os_str() == "tests") || path.file_stem().is_some_and(is_of_tests)
}

/// Returns the lines of a file that are compiled into the product, numbered from 1: no comments, and nothing after its
/// tests begin.
fn product_lines(path: &Path) -> Vec<(usize, String)> {
    if is_test(path) {
        return Vec::new();
    }
    let text = read(path);
    let lines = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]" || line.starts_with(' '));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line.to_owned())).collect()
}

fn identifier_at(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}

fn assert_none(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}\n  {}", violations.join("\n  "));
}

//! How a file begins, how long it is, and what it is called.
//!
//! Invariant: a file can be read from top to bottom at once.

use std::path::{Path, PathBuf};

use super::{all_rust_files, assert_none, read, relative, services};

/// The maximum number of lines of a file.
const MAX_FILE_LINES: usize = 400;
/// The maximum number of characters of a line.
const MAX_COLUMNS: usize = 120;
/// The maximum number of lines of a service's `lib.rs`.
const MAX_LIB_LINES: usize = 80;
/// File names that don't say what is inside.
const VAGUE_NAMES: [&str; 4] = ["utils", "util", "helpers", "common"];

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
    for path in services().values().map(|folder| folder.join("src/lib.rs")) {
        let lines = read(&path).lines().count();
        if lines > MAX_LIB_LINES {
            violations.push(format!("{} has {lines} lines, a face {MAX_LIB_LINES} at most", relative(&path)));
        }
    }
    assert_none(&violations, "split what holds two things:");
}

#[test]
fn no_line_is_too_long() {
    let mut violations = Vec::new();
    for path in all_rust_files() {
        for (at, line) in read(&path).lines().enumerate() {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS {
                violations.push(format!("{}:{} has {columns} columns", relative(&path), at + 1));
            }
        }
    }
    assert_none(&violations, "a line has 120 columns at most:");
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

//! Reads a ZIP archive with a program that is not ours.
//!
//! Invariant: every checksum of the archive was verified before a file of it is returned.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Prints each file of the archive at standard input, with a character for each byte.
const READER: &str = "
import io, json, sys, zipfile
with zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())) as archive:
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == len(set(names))
    print(json.dumps({name: archive.read(name).decode('latin-1') for name in names}))
";

/// Returns the files of an archive by their names.
///
/// # Panics
///
/// If it is no archive, or a checksum is wrong.
pub fn unzip(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut reader = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    reader.stdin.take().expect("it is piped").write_all(archive).expect("python3 reads");
    let read = reader.wait_with_output().expect("python3 ends");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let files: BTreeMap<String, String> = serde_json::from_slice(&read.stdout).expect("it prints JSON");
    let bytes = |text: String| text.chars().filter_map(|letter| u8::try_from(letter).ok()).collect();
    files.into_iter().map(|(name, text)| (name, bytes(text))).collect()
}

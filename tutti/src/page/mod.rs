//! `tutti page export`: the embedded page as files, for a bucket or a CDN that serves it instead of the gateway.
//!
//! Beside each file are its compressed forms, and one manifest says with which headers each is served. Assets of
//! earlier exports stay, as pages that are open name them. Invariant: a folder that this command did not write is left
//! alone; a page is written after what it names.

pub(crate) mod arguments;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use gateway::page_files::{PageFile, PageRule, page_files, page_rules};
use http::HeaderMap;
use objects_s3::S3Options;
use serde::{Deserialize, Serialize};

use crate::terminal::say;
use crate::{CommandError, settings};
use arguments::{Page, PageAction};

/// The file that says what was exported, in the folder.
const MANIFEST: &str = "tutti-page.json";
/// The folder of the files whose names change with their content.
const ASSETS: &str = "assets/";

/// What was exported.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    release: String,
    /// By path: each file, and each compressed form as a file of its own.
    files: BTreeMap<String, BTreeMap<String, String>>,
    /// The headers of `index.html` at the paths of the page, by pattern. The longest pattern wins.
    pages: BTreeMap<String, BTreeMap<String, String>>,
}

/// Writes the page.
pub(crate) fn run(arguments: &Page) -> Result<(), CommandError> {
    let PageAction::Export { folder } = &arguments.action;
    let (config, _) = settings::installation(&arguments.settings)?;
    let options: S3Options = config.section("objects")?;
    let store = options.downloads_from();
    let files = page_files(store);
    if files.is_empty() {
        return Err("this binary was built without the page: build it with `make build`, then export it".into());
    }
    let manifest = export(folder, &files, &page_rules(store))?;
    say!("{} files are in {}; {MANIFEST} has the headers of each.", manifest.files.len(), folder.display());
    Ok(())
}

/// Writes the files of a page into a folder, and removes what an earlier export wrote there and no page needs.
fn export(folder: &Path, files: &[PageFile], rules: &[PageRule]) -> Result<Manifest, CommandError> {
    let earlier = read_manifest(folder)?;
    let mut manifest = Manifest {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        files: BTreeMap::new(),
        pages: rules.iter().map(|rule| (rule.path.to_owned(), pairs(&rule.headers))).collect(),
    };
    create_folder(folder)?;
    if earlier.is_none() {
        // From here on, an interrupted export can be repeated.
        write(folder, MANIFEST, &serde_json::to_vec_pretty(&Manifest::default())?)?;
    }
    for file in files {
        let mut headers = pairs(&file.headers);
        let forms = [("gz", "gzip", file.gzip), ("br", "br", file.brotli)];
        if forms.iter().any(|(_, _, bytes)| bytes.is_some()) {
            headers.insert("vary".to_owned(), "accept-encoding".to_owned());
        }
        for (ending, coding, bytes) in forms {
            let Some(bytes) = bytes else { continue };
            let path = format!("{}.{ending}", file.path);
            write(folder, &path, bytes)?;
            let coding = [("content-encoding".to_owned(), coding.to_owned())];
            manifest.files.insert(path, headers.clone().into_iter().chain(coding).collect());
        }
        write(folder, file.path, file.identity)?;
        manifest.files.insert(file.path.to_owned(), headers);
    }
    for (path, headers) in earlier.unwrap_or_default().files {
        if manifest.files.contains_key(&path) {
            continue;
        }
        if path.starts_with(ASSETS) {
            manifest.files.insert(path, headers);
        } else {
            remove(folder, &path)?;
        }
    }
    write(folder, MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(manifest)
}

fn pairs(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// Returns the manifest of an earlier export; `None` if the folder is new or empty. Refuses any other folder.
fn read_manifest(folder: &Path) -> Result<Option<Manifest>, CommandError> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    match fs::read(folder.join(MANIFEST)) {
        Ok(text) => {
            let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
                format!("{} is none of `tutti page export`: {error}", folder.join(MANIFEST).display())
            })?;
            let is_plain =
                |path: &String| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            match manifest.files.keys().find(|path| !is_plain(path)) {
                None => Ok(Some(manifest)),
                Some(path) => Err(format!("{path} in {MANIFEST} leads out of {}", folder.display()).into()),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_dir(folder).map(Iterator::count) {
            Ok(0) => Ok(None),
            Ok(_) => Err(format!(
                "{} has files that `tutti page export` did not write: name a new folder, or empty this one",
                folder.display()
            )
            .into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error).into()),
        },
        Err(error) => Err(failed(error).into()),
    }
}

/// Creates a folder that other users can read: a server of files is often another user.
fn create_folder(path: &Path) -> Result<(), CommandError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    let created = fs::create_dir(path).and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)));
    Ok(created.map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Writes a file under a temporary name first: a reader gets the old one or the new one.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    let temporary = folder.join(format!("{MANIFEST}.new"));
    let written = fs::write(&temporary, bytes)
        .and_then(|()| fs::set_permissions(&temporary, Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&temporary, &path));
    Ok(written.map_err(|error| format!("{}: {error}", path.display()))?)
}

fn remove(folder: &Path, name: &str) -> Result<(), CommandError> {
    match fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{name}: {error}").into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn file(path: &'static str, identity: &'static [u8], brotli: Option<&'static [u8]>) -> PageFile {
        let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
        PageFile { path, identity, gzip: None, brotli, headers }
    }

    fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
        fs::read(folder.join(name)).ok()
    }

    #[test]
    fn each_form_has_its_headers_and_the_next_export_keeps_assets_and_removes_the_rest() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("site/page");
        let first = [file("assets/a-1.js", b"one", Some(b"1")), file("old.txt", b"old", None)];
        let manifest = export(&folder, &first, &[]).unwrap();
        assert_eq!(manifest.files["assets/a-1.js.br"]["content-encoding"], "br");
        assert_eq!(manifest.files["assets/a-1.js"]["vary"], "accept-encoding");
        assert!(!manifest.files["assets/a-1.js"].contains_key("content-encoding"));
        assert_eq!(manifest.files["old.txt"].len(), 1);
        let mode = fs::metadata(folder.join("assets/a-1.js")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "a server of files can read it");
        let next = [file("assets/a-2.js", b"two", None), file("index.html", b"page", None)];
        let manifest = export(&folder, &next, &[]).unwrap();
        assert_eq!(read(&folder, "assets/a-1.js").as_deref(), Some(&b"one"[..]), "an open page needs it");
        assert_eq!(read(&folder, "index.html").as_deref(), Some(&b"page"[..]));
        assert_eq!(read(&folder, "old.txt"), None);
        assert!(manifest.files.contains_key("assets/a-1.js.br") && !manifest.files.contains_key("old.txt"));
        assert_eq!(read_manifest(&folder).unwrap(), Some(manifest));
    }

    #[test]
    fn a_folder_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "x").unwrap();
        let refused = export(folder.path(), &[file("index.html", b"page", None)], &[]).unwrap_err().to_string();
        assert!(refused.contains("did not write"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join(MANIFEST), r#"{"release": "", "files": {"../x": {}}, "pages": {}}"#).unwrap();
        let refused = export(folder.path(), &[], &[]).unwrap_err().to_string();
        assert!(refused.contains("leads out"), "{refused}");
    }
}

//! What belongs to a recovery point beside rows and objects: keys, configuration, logs, and what the machine was.
//!
//! Invariant: the keys of the data folder are restored to where they were; everything else is for people, who compare
//! it with what the new machine has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use boot::data_dir;
use serde_json::json;

use crate::Error;
use crate::installation::Installation;
use crate::manifest::OtherFile;
use crate::options::BackupOptions;
use crate::repository::Repository;
use crate::sqlite::read_file;

/// The folder of the keys, in a point and in the data folder.
pub(crate) const SECRETS: &str = data_dir::SECRETS;
/// The deepest folder that is read below an included one.
const MAX_DEPTH: usize = 16;

/// Stores them.
pub(crate) async fn store(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
) -> Result<Vec<OtherFile>, Error> {
    let mut sources = files_below(&installation.data.join(SECRETS), SECRETS)?;
    sources.extend(installation.config_file.iter().map(|path| ("configuration/tutti.toml".to_owned(), path.clone())));
    let of_engines = boot::secret_files(&installation.config)?;
    for (key, path) in of_engines.into_iter().chain(installation.secret_files.iter().cloned()) {
        sources.push((format!("configuration/{key}"), path));
    }
    for (number, path) in options.include.iter().enumerate() {
        let found = files_below(path, &format!("included/{number}"))?;
        if found.is_empty() {
            tracing::warn!(path = %path.display(), "backup.include names it, and there is no file at or below it");
        }
        sources.extend(found);
    }
    let mut stored = Vec::new();
    for (path, source) in sources {
        let file = match read_file(&source).await {
            Ok(content) => repository.store(&path, content).await?,
            // A log that was rotated meanwhile.
            Err(Error::File { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        stored.push(OtherFile { path, source: source.display().to_string(), file });
    }
    let file = repository.store_bytes("system.json", system(installation)).await?;
    stored.push(OtherFile { path: "system.json".to_owned(), source: String::new(), file });
    Ok(stored)
}

/// Returns the files at or below a path, each with its name in the point, which begins with `name`. A path that does
/// not exist has none. Links are not followed, but the path itself may be one, and a key may be a link to its file.
fn files_below(path: &Path, name: &str) -> Result<Vec<(String, PathBuf)>, Error> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![(path.to_owned(), name.to_owned(), 0)]);
    while let Some((path, name, depth)) = folders.pop() {
        let metadata = std::fs::symlink_metadata(&path);
        let is_link = metadata.as_ref().is_ok_and(std::fs::Metadata::is_symlink);
        let is_key = Path::new(&name).starts_with(SECRETS);
        if is_link && depth > 0 && !is_key {
            continue;
        }
        let metadata = if is_link { std::fs::metadata(&path) } else { metadata };
        let metadata = match metadata {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(Error::file(&path))?,
        };
        if metadata.is_file() {
            found.insert((name, path));
        } else if metadata.is_dir() && depth < MAX_DEPTH && (depth == 0 || !is_link) {
            for entry in std::fs::read_dir(&path).map_err(Error::file(&path))? {
                let entry = entry.map_err(Error::file(&path))?;
                folders.push((entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()), depth + 1));
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Returns what the machine was, as JSON.
fn system(installation: &Installation) -> Vec<u8> {
    let uname = rustix::system::uname();
    let first_line = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let roles: Vec<_> = installation
        .roles()
        .map(|service| {
            let migrations = service.migrations.unwrap_or_default();
            json!({ "role": service.name, "schema": migrations.last().map(|step| step.version) })
        })
        .collect();
    let described = json!({
        "release": installation.release,
        "host": uname.nodename().to_string_lossy(),
        "kernel": format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
        "machine": uname.machine().to_string_lossy(),
        "system": first_line("/etc/os-release"),
        "memory": first_line("/proc/meminfo"),
        "processors": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "data": installation.data.display().to_string(),
        "roles": roles,
    });
    described.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_to_their_end_without_following_links_but_to_themselves_and_to_keys() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("log"), "x").unwrap();
        std::os::unix::fs::symlink("/", folder.join("link")).unwrap();
        let found = files_below(root.path(), "included/0").unwrap();
        assert_eq!(found, [("included/0/a/b/log".to_owned(), folder.join("log"))]);
        let linked = root.path().join("linked");
        std::os::unix::fs::symlink(root.path().join("a"), &linked).unwrap();
        assert_eq!(files_below(&linked, "x").unwrap(), [("x/b/log".to_owned(), linked.join("b/log"))]);
        std::os::unix::fs::symlink(folder.join("log"), folder.join("own.key")).unwrap();
        let keys = files_below(&folder, SECRETS).unwrap();
        assert_eq!(keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["secrets/log", "secrets/own.key"]);
        assert_eq!(files_below(&folder.join("log"), "x").unwrap().len(), 1);
        assert!(files_below(&root.path().join("none"), "x").unwrap().is_empty());
    }
}

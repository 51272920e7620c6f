//! Restores a recovery point into an empty place, or into the place of an installation whose databases are set aside.
//!
//! Objects and files first, rows after, the marker of an unfinished restore last: no server starts on a half of an
//! installation, and the same command continues after an interruption. Invariant: nothing that exists is overwritten;
//! what is restored is compared with what was backed up, and all of it is durable before the marker goes.

mod events;
mod rows;
mod set_aside;
mod write_objects;

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use objects::{Objects, shards};

use crate::Error;
use crate::installation::Installation;
use crate::manifest::{Manifest, OtherFile};
use crate::options::BackupOptions;
use crate::other_files::SECRETS;
use crate::repository::{MAX_CONCURRENT, Repository};
use crate::sqlite::{remove, write_file};
use boot::data_dir;

/// The file that says that a restore has begun and not ended; it holds the point's id, and the engines it goes into.
const MARKER: &str = "restore-incomplete";
/// The folder for what people compare with the new machine, in the data folder.
const FOR_PEOPLE: &str = "restored";

/// What the end of the marker says of a roll-back.
const ROLL_BACK: &str = "; roll-back";

/// Into what a point is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// An empty place.
    Empty,
    /// The place of an installation, with its databases and its objects.
    InUse,
}

/// Restores the point with this id (`latest`: the one that a restore has begun with, or else the newest).
pub async fn restore(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
    id: &str,
) -> Result<Manifest, Error> {
    restore_into(Destination::Empty, installation, options, repository, id).await
}

/// Takes an installation, whose processes have ended, back to the point with this id. Its databases are set aside,
/// under other names in the same place; objects that came later stay, without rows that name them.
pub async fn roll_back(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
    id: &str,
) -> Result<Manifest, Error> {
    restore_into(Destination::InUse, installation, options, repository, id).await
}

async fn restore_into(
    destination: Destination,
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
    id: &str,
) -> Result<Manifest, Error> {
    let is_roll_back = destination == Destination::InUse;
    let (marker, mut here) = (installation.data.join(MARKER), place(installation)?);
    if is_roll_back {
        // A restore must not continue it, nor the other way round.
        here.push_str(ROLL_BACK);
    }
    let begun = read_marker(&marker).await?.unwrap_or_default();
    let (begun_id, begun_in) = begun.split_once('\n').unwrap_or((begun.as_str(), here.as_str()));
    let id = if id == "latest" && !begun_id.is_empty() { begun_id } else { id };
    let manifest = repository.manifest(id).await?;
    let engine = installation.engine()?;
    if manifest.engine != engine {
        return Err(Error::OtherEngine { point: manifest.engine.name(), here: engine.name() });
    }
    data_dir::create_private_folder(&installation.data)?;
    let _lock = data_dir::lock(&installation.data)?;
    let objects = boot::open_objects(&installation.engines()?.objects, &installation.data.join("objects")).await?;
    let is_resumed = begun_id == manifest.id;
    // To continue means to replace what is half there, which is only of this restore where it began.
    if is_resumed && begun_in != here {
        return Err(Error::OtherPlace { begun: begun_in.to_owned(), here });
    }
    if !is_resumed {
        if is_roll_back {
            set_aside::begin(&installation.data, &manifest.id)?;
        } else {
            refuse_occupied(installation, &manifest, &objects).await?;
        }
        let text = format!("{}\n{here}", manifest.id);
        data_dir::write_secret(&marker, text.as_bytes()).map_err(Error::file(&marker))?;
        sync_folder(&installation.data)?;
    }
    if is_roll_back {
        set_aside::databases(installation, &manifest.id).await?;
    }
    let index = repository.index(&manifest).await?;
    // The files are few and each waits for the disk: meanwhile objects are opened.
    tokio::try_join!(
        write_objects::write_all(&objects, repository, &index, is_resumed || is_roll_back),
        restore_files(installation, repository, &manifest),
        rows::restore_files(installation, repository, &manifest),
    )?;
    drop(index);
    let databases = rows::restore(installation, options, repository, &manifest).await?;
    events::make_due(installation, &manifest, &databases).await?;
    rows::raise_epoch(installation, &manifest, &databases).await?;
    sync_folder(&installation.data)?;
    remove(&marker).await?;
    // If the marker came back, the same command would take the restored server back to the point.
    sync_folder(&installation.data)?;
    Ok(manifest)
}

/// Restores keys, configuration, logs and system information alone, into an empty folder.
pub async fn restore_files_only(repository: &Repository, id: &str, folder: &Path) -> Result<Manifest, Error> {
    let manifest = repository.manifest(id).await?;
    data_dir::create_private_folder(folder)?;
    refuse_full_folder(folder, &[])?;
    write_below(|_| folder, &manifest.files, repository).await?;
    Ok(manifest)
}

/// Returns an error if a restore into the data folder has begun and not ended, or if that can't be told.
pub fn refuse_incomplete(data: &Path) -> Result<(), String> {
    let marker = data.join(MARKER);
    let id = match std::fs::read_to_string(&marker) {
        Ok(id) => id,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", marker.display())),
    };
    let is_roll_back = id.trim_end().ends_with(ROLL_BACK);
    let command = if is_roll_back { "release rollback --database --yes" } else { "restore" };
    let id = id.lines().next().unwrap_or_default();
    Err(format!(
        "a restore into {} is not finished: run `tutti {command} --point {id}` again, it continues where it stopped",
        data.display()
    ))
}

/// Returns a name for the engines that a restore goes into, in one line and without a password.
fn place(installation: &Installation) -> Result<String, Error> {
    let engines = installation.engines()?;
    let rows = match engines.db.postgres("")? {
        None => "embedded".to_owned(),
        Some(options) => {
            let url = url::Url::parse(&options.url).ok();
            let shown = url.map(|url| format!("{}:{}{}", url.host_str().unwrap_or_default(), port(&url), url.path()));
            format!("{}, {}", shown.unwrap_or_default(), engines.db.schema)
        }
    };
    let objects_s3::S3Options { bucket, prefix, endpoint, .. } = engines.objects;
    Ok(format!("{rows}; {} {bucket} {prefix}", endpoint.unwrap_or_default()))
}

fn port(url: &url::Url) -> u16 {
    url.port().unwrap_or(5432)
}

async fn read_marker(marker: &Path) -> Result<Option<String>, Error> {
    match tokio::fs::read_to_string(marker).await {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(marker)(error)),
    }
}

/// Refuses a place that has anything: files in the data folder, tables in the schemas, objects in the store.
async fn refuse_occupied(installation: &Installation, manifest: &Manifest, objects: &Objects) -> Result<(), Error> {
    // Opening the store made its folder, and locking the folder its lock. A disk of its own has lost+found.
    refuse_full_folder(&installation.data, &["lock", "objects", "lost+found"])?;
    rows::refuse_occupied(installation, manifest).await?;
    let listings = stream::iter(shards()).map(async |shard| objects.list(&shard).await);
    let mut listings = listings.buffer_unordered(MAX_CONCURRENT);
    while let Some(shard) = listings.try_next().await? {
        if !shard.is_empty() {
            return Err(Error::NotEmpty("the store of the objects".to_owned()));
        }
    }
    Ok(())
}

fn refuse_full_folder(folder: &Path, allowed: &[&str]) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let name = entry.map_err(Error::file(folder))?.file_name();
        if !allowed.iter().any(|allowed| name == *allowed) {
            return Err(Error::NotEmpty(format!("the folder {}", folder.display())));
        }
    }
    Ok(())
}

/// Restores the keys to the data folder, and the rest beside them for people.
async fn restore_files(installation: &Installation, repository: &Repository, manifest: &Manifest) -> Result<(), Error> {
    let for_people = installation.data.join(FOR_PEOPLE);
    let folder_of = |file: &OtherFile| {
        let is_key = Path::new(&file.path).starts_with(SECRETS);
        if is_key { installation.data.as_path() } else { for_people.as_path() }
    };
    write_below(folder_of, &manifest.files, repository).await
}

/// Writes files of the point below their folders, and makes them and their names durable.
async fn write_below<'a>(
    folder_of: impl Fn(&OtherFile) -> &'a Path,
    files: &[OtherFile],
    repository: &Repository,
) -> Result<(), Error> {
    let mut folders = BTreeSet::new();
    for file in files {
        let (name, folder) = (file.path.as_str(), folder_of(file));
        // A name that leads out of the folder is none of ours.
        let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain || name.is_empty() {
            return Err(Error::damaged(name, "its name leads elsewhere"));
        }
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            data_dir::create_private_folder(parent)?;
        }
        // What an interrupted restore left.
        remove(&path).await?;
        write_file(name, &file.file, &path, repository).await?;
        // The folders between may be new too.
        let between = path.ancestors().skip(1).take_while(|parent| parent.starts_with(folder));
        folders.extend(between.map(Path::to_owned));
    }
    let synced = tokio::task::spawn_blocking(move || folders.iter().try_for_each(|folder| sync_folder(folder)));
    synced.await.map_err(|error| Error::Interrupted(error.to_string()))?
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))
}

//! An installation with one role, its repository, and its keys.
//!
//! Invariant: the installation is made through the ports themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backup::{BackupOptions, Depth, Installation, Keys, Manifest, Repository, verify};
use base::config::Config;
use base::{Clock, ObjectKey, Random};
use bus::Bus;
use chrono::{TimeDelta, Utc};
use db::{Db, FromQueryResult, Lane, Migration, Sql as _};
use futures::FutureExt as _;
use objects::orphans::ObjectColumn;
use objects::{Objects, orphans};
use service::Service;
use service::personal_data::PersonalData;

const TABLES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table song (\n    object text primary key,\n    title text not null\n)",
}];

pub(crate) const COLUMNS: &[ObjectColumn] = &[ObjectColumn::whole("song", "object")];

pub(crate) fn band() -> Service {
    Service {
        name: "band",
        migrations: Some(TABLES),
        objects: COLUMNS,
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: || utoipa::openapi::OpenApi::default(),
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| std::future::ready(Ok(service::RoleInstance::default())).boxed(),
    }
}

pub(crate) struct Harness {
    folder: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) options: BackupOptions,
}

impl Harness {
    /// Makes an installation on a folder, a key, and the settings of a repository in another folder.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, data) = (folder.path().join("backup.key"), folder.path().join("data"));
        Keys::generate(&key).unwrap();
        std::fs::create_dir_all(data.join("secrets")).unwrap();
        std::fs::write(data.join("secrets/url-signing.key"), [7; 32]).unwrap();
        let options = BackupOptions {
            folder: Some(folder.path().join("repository")),
            key_file: Some(key),
            ..BackupOptions::default()
        };
        let harness = Self { folder, clock: Clock::fixed(Utc::now()), options };
        harness.db().await;
        Bus::sqlite(&data.join("bus.db"), harness.clock.clone()).await.unwrap();
        harness
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the role's database, as a server does.
    pub(crate) async fn db(&self) -> Db {
        db_in(&self.path("data")).await
    }

    pub(crate) async fn objects(&self) -> Objects {
        Objects::folder(&self.path("data/objects")).await.unwrap()
    }

    /// Returns an installation in a folder of the harness with these settings.
    pub(crate) fn installation(&self, folder: &str, set: &[String]) -> Installation {
        Installation {
            data: self.path(folder),
            config: Config::load(None, std::iter::empty(), set, boot::SECTIONS, &[]).unwrap(),
            config_file: None,
            secret_files: Vec::new(),
            services: vec![band()],
            release: "0.0.0-test",
            clock: self.clock.clone(),
            random: Random::system(),
        }
    }

    pub(crate) async fn repository(&self) -> Repository {
        Repository::open(&self.options, None).await.unwrap()
    }

    /// Makes a recovery point, a second after the one before.
    pub(crate) async fn back_up(&self) -> Manifest {
        self.clock.advance(TimeDelta::seconds(1));
        let (installation, repository) = (self.installation("data", &[]), self.repository().await);
        let (manifest, pruned) = backup::create(&installation, &self.options, &repository).await.unwrap();
        pruned.unwrap();
        manifest
    }

    /// Restores a recovery point into a folder of the harness.
    pub(crate) async fn restore(&self, id: &str, folder: &str) -> Result<Manifest, backup::Error> {
        backup::restore(&self.installation(folder, &[]), &self.options, &self.repository().await, id).await
    }

    /// Returns the files of the repository that are no manifests.
    pub(crate) fn data_files(&self) -> Vec<PathBuf> {
        let shards = std::fs::read_dir(self.path("repository/data")).unwrap();
        let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    /// Returns the file of the repository that has an object: the one that the object lacks without it.
    pub(crate) async fn file_of(&self, object: &str) -> PathBuf {
        let (repository, aside) = (self.repository().await, self.path("aside"));
        let ids = repository.list().await.unwrap();
        for file in self.data_files() {
            std::fs::rename(&file, &aside).unwrap();
            let found = verify(&repository, &ids, Depth::Sizes).await.unwrap().problems;
            std::fs::rename(&aside, &file).unwrap();
            if found.iter().any(|problem| problem.contains(&format!("the object {object} "))) {
                return file;
            }
        }
        panic!("the repository has no {object}");
    }

    /// Returns the objects of an installation in a folder of the harness: each path below the store with its bytes.
    pub(crate) fn stored_objects(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(folder).join("objects");
        let shards = std::fs::read_dir(&root).unwrap();
        let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
        files
            .map(|file| file.unwrap().path())
            .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), std::fs::read(&path).unwrap()))
            .collect()
    }
}

/// Changes a byte in the middle of a file.
pub(crate) fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

pub(crate) async fn db_in(data: &Path) -> Db {
    let db = Db::sqlite(&data.join("band.db")).await.unwrap();
    db.migrate("band", TABLES).await.unwrap();
    db
}

/// Stores a song: its object, and the row that names it.
pub(crate) async fn sing(db: &Db, objects: &Objects, title: &str) -> ObjectKey {
    let key = objects.put(title.as_bytes().to_vec().into()).await.unwrap().key;
    let (text, title) = (key.to_string(), title.to_owned());
    let written: Result<u64, db::Error> = db
        .write(Lane::ALL, async move |tx| {
            tx.execute("insert into song (object, title) values ($1, $2)", vec![text.into(), title.into()]).await
        })
        .await;
    written.unwrap();
    key
}

/// Deletes a song as a role does: the row goes, and the object is removed unless removals are held.
pub(crate) async fn forget(db: &Db, orphans: &objects::Orphans, key: &ObjectKey, clock: &Clock) {
    let (own, now) = (key.clone(), clock.now());
    let written: Result<(), db::Error> = db
        .write(Lane::ALL, async move |tx| {
            tx.execute("delete from song where object = $1", vec![own.as_str().into()]).await?;
            orphans::mark_orphaned(tx, &[own], now).await
        })
        .await;
    written.unwrap();
    orphans.remove(std::slice::from_ref(key)).await.unwrap();
}

#[derive(Debug, PartialEq, FromQueryResult)]
pub(crate) struct Song {
    pub(crate) object: String,
    pub(crate) title: String,
}

pub(crate) async fn songs(db: &Db) -> Vec<Song> {
    db.read().rows("select object, title from song order by title", vec![]).await.unwrap()
}

/// Checks that each song's object is there and holds its title.
pub(crate) async fn assert_whole(db: &Db, objects: &Objects) {
    for Song { object, title } in songs(db).await {
        let bytes = objects.get(&object.parse().unwrap(), 1 << 24).await;
        assert_eq!(bytes.unwrap(), title.as_bytes(), "{object}");
    }
}

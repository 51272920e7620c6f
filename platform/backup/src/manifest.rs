//! What a recovery point consists of.
//!
//! A manifest is the last file of a point that is stored, so a point without one does not exist. Invariant: every file
//! of the repository that a point needs is named in its manifest or its index.

use std::collections::BTreeMap;

use base::ObjectKey;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The version of this format. A release reads every version up to its own.
pub(crate) const FORMAT: u32 = 1;
/// The time in an id, such as `20261130T084500Z`.
const ID_TIME: &str = "%Y%m%dT%H%M%SZ";
/// The characters of the time in an id; four random ones follow.
const ID_TIME_CHARS: usize = 16;

/// The engine of the databases of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// SQLite files in the data folder.
    Sqlite,
    /// Schemas of PostgreSQL.
    Postgresql,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgresql => "PostgreSQL",
        }
    }
}

/// A sealed file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFile {
    /// Its key in the repository.
    pub key: ObjectKey,
    /// The size of what is in it, in bytes.
    pub bytes: u64,
    /// The SHA-256 of what is in it, as hexadecimal digits.
    pub sha256: String,
    /// The size in the repository, in bytes.
    pub stored_bytes: u64,
}

/// A database of a point: a SQLite file, or a dump of the schemas of one PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFile {
    /// The roles, or `bus` for the embedded log.
    pub roles: Vec<String>,
    /// The schemas, in the order of the roles; empty for SQLite.
    pub schemas: Vec<String>,
    /// The number of rows of each table, by `role.table`.
    pub rows: BTreeMap<String, u64>,
    /// The file.
    pub file: SealedFile,
}

/// A file beside the databases and the objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFile {
    /// Where it belongs: `secrets/…` is in the data folder; `configuration/…`, `included/…` and `system.json` are for
    /// people.
    pub path: String,
    /// Where it was.
    pub source: String,
    /// The file.
    pub file: SealedFile,
}

/// The objects of a point, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectTotals {
    /// Objects that rows name.
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Those that no earlier point had.
    pub new_count: u64,
    /// Their size in bytes.
    pub new_bytes: u64,
}

/// A recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The id: the time of the beginning and four random characters.
    pub id: String,
    /// When the backup began. Everything that was acknowledged before is in it.
    pub begun_at: DateTime<Utc>,
    /// When it was complete and verified.
    pub ended_at: DateTime<Utc>,
    /// The release that made it.
    pub release: String,
    /// The engine of its databases.
    pub engine: Engine,
    /// The databases.
    pub databases: Vec<DatabaseFile>,
    /// Keys, configuration, logs, system information.
    pub files: Vec<OtherFile>,
    /// The list of its objects.
    pub index: SealedFile,
    /// The objects in numbers.
    pub objects: ObjectTotals,
    /// Objects that rows name and that the store did not have.
    pub missing: Vec<ObjectKey>,
    /// Objects of unfinished uploads on S3, of which there are only parts: their senders start again.
    #[serde(default)]
    pub unfinished: Vec<ObjectKey>,
}

/// An object of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexEntry {
    /// Its key in the installation.
    pub(crate) object: ObjectKey,
    /// When it was last written to, in microseconds since 1970: an unfinished upload grows under its key.
    pub(crate) modified: Option<i64>,
    /// The file in the repository.
    #[serde(flatten)]
    pub(crate) file: SealedFile,
}

/// Returns the id of a point that begins at `now`.
pub(crate) fn new_id(now: DateTime<Utc>, random: &base::Random) -> String {
    let mut tail = random.id();
    tail.truncate(ID_TAIL_CHARS);
    format!("{}{tail}", now.format(ID_TIME))
}

const ID_TAIL_CHARS: usize = 4;

/// Returns when the point with this id began; `None` if it is no id.
pub(crate) fn time_of(id: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(id.get(..ID_TIME_CHARS)?, ID_TIME).ok()?;
    (id.len() == ID_TIME_CHARS + ID_TAIL_CHARS).then(|| time.and_utc())
}

impl Manifest {
    /// Reads a manifest; refuses one of a later release.
    pub(crate) fn from_json(id: &str, json: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let what = || format!("the point {id}");
        let unreadable = |error: serde_json::Error| Error::damaged(what(), error.to_string());
        let Version { format } = serde_json::from_slice(json).map_err(unreadable)?;
        if format > FORMAT {
            return Err(Error::damaged(what(), format!("its format is {format}, of a later release than this one")));
        }
        let manifest: Self = serde_json::from_slice(json).map_err(unreadable)?;
        // A file that was moved to another name.
        if manifest.id != id {
            return Err(Error::damaged(what(), format!("it is {}", manifest.id)));
        }
        // Databases are restored to files of these names.
        let is_name = |role: &String| {
            !role.is_empty() && role.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        let stray = manifest.databases.iter().flat_map(|database| &database.roles).find(|role| !is_name(role)).cloned();
        match stray {
            None => Ok(manifest),
            Some(role) => Err(Error::damaged(what(), format!("`{role}` is the name of no role"))),
        }
    }

    /// Returns the keys of the files that the manifest names itself.
    pub(crate) fn own_files(&self) -> impl Iterator<Item = (String, &SealedFile)> {
        let databases =
            self.databases.iter().map(|database| (format!("database {}", database.roles.join(" ")), &database.file));
        let files = self.files.iter().map(|file| (file.path.clone(), &file.file));
        databases.chain(files).chain([("index".to_owned(), &self.index)])
    }
}

/// Writes an index: a line of JSON for each object.
pub(crate) fn write_index(entries: &[IndexEntry]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry).map_err(|error| Error::Interrupted(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Reads an index.
pub(crate) fn read_index(id: &str, text: &[u8]) -> Result<Vec<IndexEntry>, Error> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::damaged(format!("the index of {id}"), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_tell_it() {
        let random = base::Random::seeded(1);
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let (one, two) = (new_id(at(1_796_028_300), &random), new_id(at(1_796_028_301), &random));
        assert!(one < two && one.len() == 20 && one.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{one} {two}");
        assert_eq!(time_of(&one), Some(at(1_796_028_300)));
        assert!(format!("rp/{one}").parse::<ObjectKey>().is_ok(), "an id is a key of the repository");
        for wrong in ["", "20261130T084500Z", "20261130X084500Zabcd", "20261130T084500Zabcde", "ä0261130T084500Zabcd"]
        {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_manifest_is_refused_under_another_id_or_with_a_role_that_leads_elsewhere() {
        let file = SealedFile { key: ObjectKey::random(), bytes: 7, sha256: "ab".into(), stored_bytes: 300 };
        let id = "20261130T084500Zab12";
        let json = |id: &str, role: &str| {
            let manifest = Manifest {
                format: FORMAT,
                id: id.to_owned(),
                begun_at: DateTime::UNIX_EPOCH,
                ended_at: DateTime::UNIX_EPOCH,
                release: String::new(),
                engine: Engine::Sqlite,
                databases: vec![DatabaseFile {
                    roles: vec![role.to_owned()],
                    schemas: Vec::new(),
                    rows: BTreeMap::new(),
                    file: file.clone(),
                }],
                files: Vec::new(),
                index: file.clone(),
                objects: ObjectTotals::default(),
                missing: Vec::new(),
                unfinished: Vec::new(),
            };
            serde_json::to_vec(&manifest).unwrap()
        };
        assert!(Manifest::from_json(id, &json(id, "accounts")).is_ok());
        assert!(Manifest::from_json(id, &json("20261130T084501Zab12", "accounts")).is_err());
        for role in ["../../etc/cron", "a/b", ".", ""] {
            assert!(Manifest::from_json(id, &json(id, role)).is_err(), "{role}");
        }
    }

    #[test]
    fn an_index_comes_back_as_it_was_and_a_torn_one_is_refused() {
        let file = SealedFile { key: ObjectKey::random(), bytes: 7, sha256: "ab".into(), stored_bytes: 300 };
        let entry = IndexEntry { object: ObjectKey::random(), modified: Some(3), file };
        let entries = [entry.clone(), IndexEntry { object: ObjectKey::random(), modified: None, ..entry }];
        let text = write_index(&entries).unwrap();
        assert_eq!(read_index("x", &text).unwrap(), entries);
        assert!(read_index("x", &text[..text.len() - 5]).is_err());
    }
}

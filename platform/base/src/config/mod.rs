//! Configuration: a TOML file, then the environment, then flags; later ones win.
//!
//! `[media] photo_max_bytes` in the file is `TUTTI_MEDIA_PHOTO_MAX_BYTES` in the environment and `--set
//! media.photo_max_bytes=…` on the command line. Invariant: a key that no code reads is an error that names it, so a
//! typing mistake can't silently do nothing.

mod reference;
mod secret;
mod setting;

pub use reference::Section;
pub use secret::Secret;
pub use setting::{Setting, Source};

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// An error in the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("the configuration file {0} can't be read: {1}")]
    Unreadable(String, std::io::Error),
    /// The file is not TOML.
    #[error("the configuration file {0} is not valid TOML: {1}")]
    NotToml(String, String),
    /// A section has a key that is unknown or a value of the wrong type.
    #[error("[{section}] in the configuration: {reason} (in the file `[{section}]`, in the environment \
        `TUTTI_{upper}_…`, on the command line `--set {section}.…`)", upper = .section.to_uppercase())]
    Section {
        /// The section.
        section: String,
        /// What is wrong, with the name of the key.
        reason: String,
    },
    /// A `--set` that is not `section.key=value`.
    #[error("`--set {0}` should read `--set section.key=value`, for example `--set media.photo_max_bytes=50000000`")]
    NotAnAssignment(String),
    /// A value of the right type that can't be used: a sentence that names the key and says what it must be.
    #[error("{0}")]
    Unusable(String),
    /// A key was renamed.
    #[error(
        "`{old}` is called `{new}` now; rename it (in the environment, to `{variable}`)",
        variable = variable(.new)
    )]
    Renamed {
        /// The old name, with its section.
        old: String,
        /// The new name, with its section.
        new: String,
    },
}

/// The merged configuration.
#[derive(Clone, Default)]
pub struct Config {
    table: Table,
    /// Where the values come from, by section and key. A key that is not here has its default.
    sources: BTreeMap<(String, String), Source>,
}

impl std::fmt::Debug for Config {
    /// Without the values, among which are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Config {
    /// Merges the file (if any), the environment and the flags. `sections` are the names that `TUTTI_<SECTION>_…` may
    /// begin with. `renamed` lists renamed keys, each with its section, the old name first; an old name is refused.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[String],
        sections: &[&str],
        renamed: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let table = match file {
            Some(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|error| Error::Unreadable(shown.clone(), error))?;
                text.parse::<Table>().map_err(|error| Error::NotToml(shown, position(&text, &error)))?
            }
            None => Table::new(),
        };
        if let Some(unknown) = table.keys().find(|key| !sections.contains(&key.as_str())) {
            let reason = format!("there is no such section; there are {}", sections.join(", "));
            return Err(Error::Section { section: unknown.clone(), reason });
        }
        let mut config = Self::of_file(table);
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix("TUTTI_") else { continue };
            let rest = rest.to_lowercase();
            let section =
                sections.iter().find(|section| rest.strip_prefix(**section).is_some_and(|key| key.starts_with('_')));
            if let Some(section) = section {
                config.set(section, &rest[section.len() + 1..], &value, Source::Environment);
            }
        }
        for flag in flags {
            let (path, value) = flag.split_once('=').ok_or_else(|| Error::NotAnAssignment(flag.clone()))?;
            let (section, key) = path.split_once('.').ok_or_else(|| Error::NotAnAssignment(flag.clone()))?;
            if !sections.contains(&section) {
                let reason = format!("there is no such section; there are {}", sections.join(", "));
                return Err(Error::Section { section: section.to_owned(), reason });
            }
            config.set(section, key, value, Source::CommandLine);
        }
        for (old, new) in renamed {
            let has_old = old
                .split_once('.')
                .is_some_and(|(section, key)| config.table.get(section).and_then(|keys| keys.get(key)).is_some());
            if has_old {
                return Err(Error::Renamed { old: (*old).to_owned(), new: (*new).to_owned() });
            }
        }
        Ok(config)
    }

    /// Returns the configuration that a file has.
    fn of_file(table: Table) -> Self {
        let mut sources = BTreeMap::new();
        for (section, keys) in &table {
            for key in keys.as_table().into_iter().flat_map(Table::keys) {
                sources.insert((section.clone(), key.clone()), Source::File);
            }
        }
        Self { table, sources }
    }

    /// Sets a value. It is parsed as TOML if possible (numbers, booleans, lists), and otherwise taken as text. A time
    /// such as `01:30`, which TOML has too, is text: keys that are times take texts.
    fn set(&mut self, section: &str, key: &str, value: &str, source: Source) {
        let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
        let parsed = parsed.filter(|value| !value.is_datetime());
        self.insert(section, key, parsed.unwrap_or_else(|| Value::String(value.to_owned())), source);
    }

    /// Sets a value that is a text, whatever it looks like.
    pub fn set_text(&mut self, section: &str, key: &str, text: &str, source: Source) {
        self.insert(section, key, Value::String(text.to_owned()), source);
    }

    fn insert(&mut self, section: &str, key: &str, value: Value, source: Source) {
        let keys = self.table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(keys) = keys {
            keys.insert(key.to_owned(), value);
            self.sources.insert((section.to_owned(), key.to_owned()), source);
        }
    }

    /// Returns where the value of a key comes from.
    pub fn source(&self, section: &str, key: &str) -> Source {
        self.sources.get(&(section.to_owned(), key.to_owned())).copied().unwrap_or_default()
    }

    /// Reads a section into its type, which must have `#[serde(default, deny_unknown_fields)]`.
    pub fn section<T: DeserializeOwned>(&self, section: &str) -> Result<T, Error> {
        let table = self.table.get(section).cloned().unwrap_or_else(|| Value::Table(Table::new()));
        table.try_into().map_err(|error: toml::de::Error| Error::Section {
            section: section.to_owned(),
            reason: error.to_string().trim().replace('\n', " "),
        })
    }
}

/// Returns the name of a key in the environment.
fn variable(key: &str) -> String {
    format!("TUTTI_{}", key.replace('.', "_").to_uppercase())
}

/// Returns where a file is not TOML, and why. The line itself, which the library's own text shows, may hold a secret.
fn position(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return error.message().to_owned() };
    let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
    format!("line {}, column {column}: {}", before.matches('\n').count() + 1, error.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Media {
        most: u64,
        name: String,
    }

    impl Default for Media {
        fn default() -> Self {
            Self { most: 1, name: "x".into() }
        }
    }

    fn env(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn flags_win_over_the_environment() {
        let config = Config::load(
            None,
            env(&[("TUTTI_MEDIA_MOST", "2"), ("TUTTI_MEDIA_NAME", "y"), ("HOME", "/")]),
            &["media.most=3".into()],
            &["media"],
            &[],
        )
        .unwrap();
        assert_eq!(config.section::<Media>("media").unwrap(), Media { most: 3, name: "y".into() });
        let time = Config::load(None, env(&[]), &["media.name=01:30".into()], &["media"], &[]).unwrap();
        assert_eq!(time.section::<Media>("media").unwrap().name, "01:30");
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_without_showing_what_stands_in_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for line in [
            "secret_key = \"LEAKME",
            "secret_key = LEAKME",
            "url = \"postgres://a:LEAKME@b\"\nurl = \"postgres://a:LEAKME@b\"",
            "LEAKME",
        ] {
            std::fs::write(file.path(), format!("[objects]\n{line}\n")).unwrap();
            let error = Config::load(Some(file.path()), env(&[]), &[], &["objects"], &[]).unwrap_err().to_string();
            assert!(error.contains("line ") && !error.contains("LEAKME"), "{error}");
        }
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let config = Config::load(None, env(&[("TUTTI_MEDIA_MOTS", "2")]), &[], &["media"], &[]).unwrap();
        let error = config.section::<Media>("media").unwrap_err().to_string();
        assert!(error.contains("mots") && error.contains("most") && error.contains("TUTTI_MEDIA_"), "{error}");
    }
    #[test]
    fn an_old_key_is_refused_with_its_new_name_wherever_it_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tutti.toml");
        std::fs::write(&file, "[media]\nmost = 2\n").unwrap();
        let load = |file: Option<&Path>, variable: &str, flags: &[String]| {
            Config::load(file, env(&[(variable, "2")]), flags, &["media"], &[("media.most", "media.max")])
        };
        let refused = [
            load(Some(&file), "HOME", &[]),
            load(None, "TUTTI_MEDIA_MOST", &[]),
            load(None, "HOME", &["media.most=2".into()]),
        ];
        for result in refused {
            let error = result.unwrap_err().to_string();
            assert_eq!(
                error,
                "`media.most` is called `media.max` now; rename it (in the environment, to `TUTTI_MEDIA_MAX`)"
            );
        }
        assert!(load(None, "TUTTI_MEDIA_MAX", &["media.name=y".into()]).is_ok());
    }
}

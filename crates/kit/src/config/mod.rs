//! Configuration: a TOML file, then the environment, then flags; later ones win.
//!
//! `[media] photo_max_bytes` in the file is `TUTTI_MEDIA_PHOTO_MAX_BYTES` in the environment and `--set
//! media.photo_max_bytes=…` on the command line. Invariant: a key that no code reads is an error that names it, so a
//! typing mistake can't silently do nothing.

mod reference;

pub use reference::Section;

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
    #[error("[{section}] in the configuration: {reason} (in the file `[{section}]`, in the environment `TUTTI_{upper}_…`, on the command line `--set {section}.…`)", upper = .section.to_uppercase())]
    Section {
        /// The section.
        section: String,
        /// What is wrong, with the name of the key.
        reason: String,
    },
    /// A `--set` that is not `section.key=value`.
    #[error("`--set {0}` should read `--set section.key=value`, for example `--set media.items_per_member=500`")]
    NotAnAssignment(String),
}

/// The merged configuration.
#[derive(Debug, Clone, Default)]
pub struct Config(Table);

impl Config {
    /// Merges the file (if any), the environment and the flags. `sections` are the names that `TUTTI_<SECTION>_…` may
    /// begin with.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>, flags: &[String], sections: &[&str]) -> Result<Self, Error> {
        let mut table = match file {
            Some(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|error| Error::Unreadable(shown.clone(), error))?;
                text.parse::<Table>().map_err(|error| Error::NotToml(shown, place(&text, &error)))?
            }
            None => Table::new(),
        };
        if let Some(unknown) = table.keys().find(|key| !sections.contains(&key.as_str())) {
            let reason = format!("there is no such section; there are {}", sections.join(", "));
            return Err(Error::Section { section: unknown.clone(), reason });
        }
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix("TUTTI_") else { continue };
            let rest = rest.to_lowercase();
            let section = sections.iter().find(|section| rest.strip_prefix(**section).is_some_and(|key| key.starts_with('_')));
            if let Some(section) = section {
                set(&mut table, section, &rest[section.len() + 1..], &value);
            }
        }
        for flag in flags {
            let (path, value) = flag.split_once('=').ok_or_else(|| Error::NotAnAssignment(flag.clone()))?;
            let (section, key) = path.split_once('.').ok_or_else(|| Error::NotAnAssignment(flag.clone()))?;
            if !sections.contains(&section) {
                let reason = format!("there is no such section; there are {}", sections.join(", "));
                return Err(Error::Section { section: section.to_owned(), reason });
            }
            set(&mut table, section, key, value);
        }
        Ok(Self(table))
    }

    /// Reads a section into its type, which must have `#[serde(default, deny_unknown_fields)]`.
    pub fn section<T: DeserializeOwned>(&self, section: &str) -> Result<T, Error> {
        let table = self.0.get(section).cloned().unwrap_or_else(|| Value::Table(Table::new()));
        table.try_into().map_err(|error: toml::de::Error| Error::Section { section: section.to_owned(), reason: error.to_string().trim().replace('\n', " ") })
    }
}

/// Sets a value. It is parsed as TOML if possible (numbers, booleans, lists), and otherwise taken as text.
fn set(table: &mut Table, section: &str, key: &str, value: &str) {
    let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
    let section = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.to_owned(), value);
    }
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
        let config = Config::load(None, env(&[("TUTTI_MEDIA_MOST", "2"), ("TUTTI_MEDIA_NAME", "y"), ("HOME", "/")]), &["media.most=3".into()], &["media"]).unwrap();
        assert_eq!(config.section::<Media>("media").unwrap(), Media { most: 3, name: "y".into() });
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_without_showing_what_stands_in_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for line in ["secret_key = \"LEAKME", "secret_key = LEAKME", "url = \"postgres://a:LEAKME@b\"\nurl = \"postgres://a:LEAKME@b\"", "LEAKME"] {
            std::fs::write(file.path(), format!("[objects]\n{line}\n")).unwrap();
            let error = Config::load(Some(file.path()), env(&[]), &[], &["objects"]).unwrap_err().to_string();
            assert!(error.contains("line ") && !error.contains("LEAKME"), "{error}");
        }
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let config = Config::load(None, env(&[("TUTTI_MEDIA_MOTS", "2")]), &[], &["media"]).unwrap();
        let error = config.section::<Media>("media").unwrap_err().to_string();
        assert!(error.contains("mots") && error.contains("most") && error.contains("TUTTI_MEDIA_"), "{error}");
    }
}

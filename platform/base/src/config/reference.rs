//! The configuration reference, generated from the types that read the configuration.
//!
//! A section's keys, defaults and descriptions are the fields of a struct, its `Default` and its doc comments, so the
//! reference always matches the code. Invariant: the text is valid TOML, and reading it changes nothing, because every
//! key has its default value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Config, Error, Setting};

/// A section of the reference.
#[derive(Debug, Clone)]
pub struct Section {
    name: &'static str,
    about: String,
    keys: Vec<Key>,
    /// Reads the section into its type, and returns its effective values.
    read: fn(&Config, &str) -> Result<Value, Error>,
    /// What else its values must fulfil.
    rule: fn(&Config) -> Result<(), Error>,
}

#[derive(Debug, Clone)]
struct Key {
    name: String,
    default: Value,
    about: String,
}

impl Section {
    /// Returns the section `name`, which is read into a `T`.
    pub fn of<T: ToSchema + PartialSchema + Serialize + DeserializeOwned + Default>(name: &'static str) -> Self {
        let defaults = serde_json::to_value(T::default()).unwrap_or_default();
        let mut section = Self {
            name,
            about: String::new(),
            keys: Vec::new(),
            read: |config, name| Ok(serde_json::to_value(config.section::<T>(name)?).unwrap_or_default()),
            rule: |_| Ok(()),
        };
        let RefOr::T(Schema::Object(schema)) = T::schema() else { return section };
        let keys = schema.properties.iter().map(|(key, property)| Key {
            name: key.clone(),
            default: defaults.get(key).cloned().unwrap_or_default(),
            about: description(property),
        });
        section.keys = keys.collect();
        section.about = schema.description.unwrap_or_default();
        section
    }

    /// Adds what the values must fulfil besides having the right types.
    #[must_use]
    pub fn with_rule(self, rule: fn(&Config) -> Result<(), Error>) -> Self {
        Self { rule, ..self }
    }

    /// Returns an error if the section has an unknown key or a value that can't be used.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        (self.read)(config, self.name)?;
        (self.rule)(config)
    }

    /// Returns the keys of the section with their effective values, without secrets.
    pub fn settings(&self, config: &Config) -> Result<Vec<Setting>, Error> {
        let values = (self.read)(config, self.name)?;
        let settings = self.keys.iter().map(|key| {
            let value = values.get(&key.name).unwrap_or(&Value::Null);
            let source = config.source(self.name, &key.name);
            Setting::new(format!("{}.{}", self.name, key.name), value, source, &one_line(&key.about))
        });
        Ok(settings.collect())
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the section is for, in one line.
    pub fn about(&self) -> String {
        one_line(&self.about)
    }

    /// Returns the section as TOML: every key with its default, under a comment that describes it. Keys without a
    /// default are commented out.
    pub fn toml(&self) -> String {
        let mut lines = vec![format!("[{}]", self.name)];
        for key in &self.keys {
            lines.extend(wrap(&one_line(&key.about)).into_iter().map(|line| format!("# {line}")));
            lines.push(match toml_value(&key.default) {
                Some(value) => format!("{} = {value}", key.name),
                None => format!("# {} = …", key.name),
            });
        }
        lines.join("\n") + "\n"
    }
}

/// Returns the doc comment of a field. An optional field is a choice of its type and null.
fn description(property: &RefOr<Schema>) -> String {
    let described = match property {
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::Array(array)) => array.description.clone(),
        RefOr::T(Schema::OneOf(choice)) => choice.description.clone(),
        RefOr::T(Schema::AllOf(all)) => all.description.clone(),
        RefOr::Ref(reference) => Some(reference.description.clone()),
        RefOr::T(_) => None,
    };
    described.unwrap_or_default()
}

fn toml_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            Some(format!("[{}]", items.iter().filter_map(toml_value).collect::<Vec<_>>().join(", ")))
        }
        // Strings, numbers and booleans are written alike in both.
        other => Some(other.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Splits a text into lines of at most 100 characters.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the rows are stored.
    #[derive(Debug, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
    #[serde(default, deny_unknown_fields)]
    struct DbConfig {
        /// `postgres://user:password@host/database`, for PostgreSQL.
        url: Option<String>,
        /// Connections that read.
        connections: u32,
        /// The key.
        #[schema(value_type = Option<String>)]
        key: Option<crate::config::Secret>,
    }

    impl Default for DbConfig {
        fn default() -> Self {
            Self { url: None, connections: 8, key: None }
        }
    }

    #[test]
    fn effective_values_have_their_sources_and_no_secrets() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[db]\nkey = \"LEAKME\"\nconnections = 2\n").unwrap();
        let environment = [("TUTTI_DB_CONNECTIONS".to_owned(), "3".to_owned())].into_iter();
        let flags = ["db.url=postgres://me:LEAKME@db/x".to_owned()];
        let config = Config::load(Some(file.path()), environment, &flags, &["db"], &[]).unwrap();
        let settings = Section::of::<DbConfig>("db").settings(&config).unwrap();
        let shown = |key: &str| {
            let setting = settings.iter().find(|setting| setting.key == key).unwrap();
            (setting.value.as_deref(), setting.hidden, serde_json::to_value(setting.source).unwrap())
        };
        assert_eq!(shown("db.connections"), (Some("3"), false, "environment".into()));
        assert_eq!(shown("db.key"), (None, true, "file".into()));
        assert_eq!(shown("db.url"), (Some("postgres://me:(hidden)@db/x"), true, "command line".into()));
        assert!(!serde_json::to_string(&settings).unwrap().contains("LEAKME"));
        let defaults = Section::of::<DbConfig>("db").settings(&Config::default()).unwrap();
        let key = defaults.iter().find(|setting| setting.key == "db.key").unwrap();
        assert_eq!((&key.value, key.hidden, key.description.as_str()), (&None, false, "The key."));
    }

    #[test]
    fn the_reference_is_toml_that_changes_nothing() {
        let text = Section::of::<DbConfig>("db").toml();
        assert!(
            text.contains("# url = …") && text.contains("connections = 8") && text.contains("PostgreSQL")
                || text.contains("postgres://"),
            "{text}"
        );
        let table: toml::Table = text.parse().unwrap();
        let read: DbConfig = table["db"].clone().try_into().unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(DbConfig::default()).unwrap());
    }
}

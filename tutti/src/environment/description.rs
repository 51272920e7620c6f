//! The configuration of an environment: that of its description, with engines, keys and ports of its own.
//!
//! Owns no I/O but none of the engines': it changes a table. Invariant: what two environments of one description would
//! share is replaced.

use std::path::{Path, PathBuf};

use objects_s3::S3Options;
use toml::{Table, Value};

/// The files of an environment, in a folder of its own.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The configuration.
    pub(super) config: PathBuf,
    /// The data folder.
    pub(super) data: PathBuf,
    /// The key that signs URLs.
    pub(super) url_signing_key: PathBuf,
    /// The URL of its database.
    pub(super) db_url: PathBuf,
    /// The URL of the description's database, by which it was made.
    pub(super) server_url: PathBuf,
    /// The password of the demonstration account.
    pub(super) demo_login: PathBuf,
}

impl Files {
    /// Returns the names of the files in the folder of an environment.
    pub(super) fn of(folder: &Path) -> Self {
        let secrets = folder.join("secrets");
        Self {
            config: folder.join("tutti.toml"),
            data: folder.join("data"),
            url_signing_key: secrets.join("url-signing.key"),
            db_url: secrets.join("db-url"),
            server_url: secrets.join("server-db-url"),
            demo_login: folder.join("demo-login.txt"),
        }
    }
}

/// What is made anew for an environment.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) fingerprint: String,
    /// The addresses of the public, the operations and the operators' listener.
    pub(super) addresses: [String; 3],
    /// Whether its rows are in PostgreSQL.
    pub(super) has_postgres: bool,
    /// Whether it has schemas of its own rather than a database.
    pub(super) has_schemas: bool,
    /// Whether the description names NATS servers.
    pub(super) has_nats: bool,
    /// The store of the description.
    pub(super) objects: S3Options,
}

/// Returns the name of the database of an environment, or what the names of its schemas begin with.
pub(super) fn database_name(name: &str) -> String {
    format!("tutti_{}", name.replace('-', "_"))
}

/// Returns the prefix of an environment's names in a bucket.
pub(super) fn object_prefix(objects: &S3Options, name: &str) -> String {
    format!("{}{name}/", objects.prefix)
}

/// Returns the prefix of an environment's names on NATS servers.
pub(super) fn bus_prefix(name: &str) -> String {
    format!("tutti-{name}")
}

/// Returns the configuration of an environment.
pub(super) fn configuration(mut table: Table, made: &Made, files: &Files) -> Table {
    let path = |path: &Path| Value::String(path.display().to_string());
    let text = |text: &str| Value::String(text.to_owned());
    // Another installation's processes, points, releases, alerts, traces and table of notices: these are kept in the
    // database.
    for section in ["peers", "backup", "release", "alerts", "telemetry", "dynamodb"] {
        table.remove(section);
    }
    // And where its links lead.
    for (section, key) in
        [("notify", "history"), ("gateway", "public_url"), ("admin", "public_url"), ("mail", "site_url")]
    {
        if let Some(Value::Table(keys)) = table.get_mut(section) {
            keys.remove(key);
        }
    }
    set(&mut table, "environment", "name", text(&made.name));
    set(&mut table, "environment", "fingerprint", text(&made.fingerprint));
    let [listen, operations, admin] = &made.addresses;
    set(&mut table, "server", "data", path(&files.data));
    set(&mut table, "server", "listen", text(listen));
    set(&mut table, "server", "ops_listen", text(operations));
    set(&mut table, "admin", "listen", text(admin));
    set(&mut table, "secrets", "url_signing_key_file", path(&files.url_signing_key));
    if made.has_postgres {
        if let Some(Value::Table(keys)) = table.get_mut("db") {
            keys.remove("url");
        }
        set(&mut table, "db", "url_file", path(&files.db_url));
        let beginning = if made.has_schemas { database_name(&made.name) } else { "tutti".to_owned() };
        let schema = format!("{beginning}_{{service}}");
        set(&mut table, "db", "schema", Value::String(schema));
    }
    if made.has_nats {
        set(&mut table, "bus", "prefix", Value::String(bus_prefix(&made.name)));
    }
    if !made.objects.bucket.is_empty() {
        set(&mut table, "objects", "prefix", Value::String(object_prefix(&made.objects, &made.name)));
    }
    table
}

/// Sets a key; makes its section if needed.
fn set(table: &mut Table, section: &str, key: &str, value: Value) {
    let keys = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(keys) = keys {
        keys.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_environments_would_share_is_replaced_and_the_rest_is_kept() {
        let description: Table = "
            [db]
            url = 'postgres://tutti@db/tutti'
            connections = 3
            [bus]
            servers = ['nats://nats:4222']
            [objects]
            bucket = 'shared'
            prefix = 'all/'
            [backup]
            folder = '/mnt/production'
            [notify]
            history = 'dynamodb'
            days = 7
            [dynamodb]
            table = 'tutti-notices'
            [gateway]
            public_url = 'https://tutti.example'
            [environment]
            mail_allowed = ['@tutti.example']
        "
        .parse()
        .unwrap();
        let made = Made {
            name: "dev-2".into(),
            fingerprint: "f".into(),
            addresses: ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(str::to_owned),
            has_postgres: true,
            has_schemas: true,
            has_nats: true,
            objects: S3Options { bucket: "shared".into(), prefix: "all/".into(), ..S3Options::default() },
        };
        let files = Files::of(Path::new("/e/dev-2"));
        let table = configuration(description, &made, &files);
        let found = |section: &str, key: &str| table[section].get(key).map(ToString::to_string).unwrap_or_default();
        assert_eq!(found("db", "url"), "", "its password would be in two files");
        assert_eq!(found("db", "url_file"), "\"/e/dev-2/secrets/db-url\"");
        assert_eq!(found("db", "schema"), "\"tutti_dev_2_{service}\"");
        assert_eq!((found("db", "connections").as_str(), found("bus", "prefix").as_str()), ("3", "\"tutti-dev-2\""));
        assert_eq!(found("objects", "prefix"), "\"all/dev-2/\"");
        assert_eq!(found("environment", "mail_allowed"), "[\"@tutti.example\"]");
        assert!(!table.contains_key("backup"), "its points are of another installation");
        assert!(!table.contains_key("dynamodb"), "its table is of another installation");
        assert_eq!((found("notify", "history"), found("gateway", "public_url")), (String::new(), String::new()));
        assert_eq!(found("notify", "days"), "7");
    }
}

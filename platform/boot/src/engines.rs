//! Which engines a process uses: `[environment]`, `[db]`, `[bus]`, `[objects]`, `[mail]` and `[secrets]` in the
//! configuration.
//!
//! Invariant: with an empty configuration everything is embedded in the data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use base::telemetry::Metrics;
use base::{Clock, Environment};
use bus::Bus;
use classify::ScreeningOptions;
use mail::{Mail, MailOptions};
use objects::Objects;

use super::{Options, data_dir};
use base::config::{Config, Error, Section};
use bus_nats::NatsOptions;
use db::{Db, PostgresOptions};
use http_server::signed_url::UrlSigner;
use objects_s3::S3Options;
use service::BootError;

/// Where the rows are stored: SQLite in the data folder, or PostgreSQL.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DbConfig {
    /// `postgres://user:password@host/database`, with `?sslmode=verify-full&sslrootcert=/path/ca.pem` for TLS.
    /// `{service}` is replaced by the role's name, for a database per role. If unset, each role keeps a SQLite file in
    /// the data folder.
    pub url: Option<String>,
    /// A file that contains the URL, so that the password is in no environment variable and no process list.
    #[schema(value_type = Option<String>)]
    pub url_file: Option<PathBuf>,
    /// The schema of each role in the database. `{service}` is replaced by the role's name.
    pub schema: String,
    /// Connections to PostgreSQL that read, per role and process. No effect on SQLite, which always has four readers
    /// and one writer.
    pub connections: u32,
    /// Connections to PostgreSQL that write, per role and process: writes of different lanes run on them at the same
    /// time. No effect on SQLite.
    pub write_connections: u32,
    /// A statement that takes longer is cancelled. PostgreSQL only; no effect on SQLite.
    pub statement_timeout_seconds: u64,
    /// Whether a process migrates the schemas of its roles when it starts. With `false` it waits until `tutti migrate`
    /// has done so.
    pub migrate_on_start: bool,
}

impl Default for DbConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            schema: "tutti_{service}".into(),
            connections: 8,
            write_connections: 4,
            statement_timeout_seconds: 10,
            migrate_on_start: true,
        }
    }
}

impl DbConfig {
    /// Returns where `service` keeps its rows on PostgreSQL; `None` if it keeps them in the data folder.
    pub fn postgres(&self, service: &str) -> Result<Option<PostgresOptions>, Error> {
        let url = match (&self.url, &self.url_file) {
            (Some(_), Some(_)) => return Err(invalid("db", "`url` and `url_file` are both set; leave one out")),
            (Some(url), None) => url.clone(),
            (None, Some(path)) => read_secret("db", "url_file", path)?,
            (None, None) => return Ok(None),
        };
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(invalid("db", "`url` must begin with postgres://"));
        }
        let name = |text: &str| text.replace("{service}", service);
        Ok(Some(PostgresOptions {
            url: name(&url),
            schema: name(&self.schema),
            readers: self.connections.clamp(1, 1000),
            writers: self.write_connections.clamp(1, 1000),
            statement_timeout: Duration::from_secs(self.statement_timeout_seconds.clamp(1, 3600)),
        }))
    }

    /// Opens the database of `service`.
    pub async fn open(&self, service: &str, data: &Path) -> Result<Db, BootError> {
        Ok(match self.postgres(service)? {
            Some(options) => Db::postgres(&options).await?,
            None => Db::sqlite(&data.join(format!("{service}.db"))).await?,
        })
    }
}

/// Secrets that all processes of one installation share.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// A file with the 32 random bytes that sign URLs, the same for every process of a fleet (`openssl rand -out
    /// url-signing.key 32`). If unset, a process with embedded engines generates the key in its data folder.
    #[schema(value_type = Option<String>)]
    pub url_signing_key_file: Option<PathBuf>,
}

impl Secrets {
    /// Returns the signer of URLs. `is_single_process`: no other process needs the same key.
    pub(super) fn url_signer(&self, data: &Path, is_single_process: bool) -> Result<UrlSigner, BootError> {
        let Some(path) = &self.url_signing_key_file else {
            if is_single_process {
                return Ok(UrlSigner::new(data_dir::read_or_create_secret(
                    &data.join(data_dir::SECRETS),
                    data_dir::URL_SIGNING_KEY,
                )?));
            }
            return Err(invalid(
                "secrets",
                "processes that share a database must share the key that signs URLs. Generate one with `openssl rand \
                 -out url-signing.key 32` and set `url_signing_key_file`",
            )
            .into());
        };
        let bytes = std::fs::read(path).map_err(|error| {
            BootError::Io(format!("secrets.url_signing_key_file {} can't be read", path.display()), error)
        })?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            invalid(
                "secrets",
                &format!(
                    "`url_signing_key_file` must hold exactly 32 bytes, and {} holds {}",
                    path.display(),
                    bytes.len()
                ),
            )
        })?;
        Ok(UrlSigner::new(key))
    }
}

/// Returns the sections of this file, and those of classifiers, for the configuration reference.
pub fn sections() -> Vec<Section> {
    let mut sections = vec![
        Section::of::<Environment>("environment").with_rule(|config| Environment::of(config).map(drop)),
        Section::of::<DbConfig>("db").with_rule(|config| config.section::<DbConfig>("db")?.postgres("").map(drop)),
        Section::of::<NatsOptions>("bus"),
        Section::of::<S3Options>("objects"),
        Section::of::<MailOptions>("mail").with_rule(|config| config.section::<MailOptions>("mail")?.check()),
        Section::of::<Secrets>("secrets"),
    ];
    sections.extend(classify::sections());
    sections
}

/// Returns the files with secrets that the configuration names, each with the key that names it.
pub fn secret_files(config: &Config) -> Result<Vec<(&'static str, PathBuf)>, Error> {
    let Engines { db, bus, objects, mail, secrets, .. } = Engines::of(config)?;
    let named = [
        ("db.url_file", db.url_file),
        ("bus.password_file", bus.password_file),
        ("bus.token_file", bus.token_file),
        ("bus.credentials_file", bus.credentials_file),
        ("objects.secret_key_file", objects.secret_key_file),
        ("mail.smtp_password_file", mail.smtp_password_file),
        ("secrets.url_signing_key_file", secrets.url_signing_key_file),
    ];
    let named = named.into_iter().filter_map(|(key, path)| Some((key, path?)));
    Ok(named.chain(ScreeningOptions::of(config)?.secret_files()).collect())
}

/// The settings of the engines that a process uses.
pub struct Engines {
    /// The environment that the process belongs to.
    pub environment: Environment,
    /// Where the rows are.
    pub db: DbConfig,
    /// The servers of the bus.
    pub bus: NatsOptions,
    /// The store of the objects.
    pub objects: S3Options,
    /// Where mails go.
    pub mail: MailOptions,
    /// The secrets that all processes share.
    pub secrets: Secrets,
}

impl Engines {
    /// Reads the settings.
    pub fn of(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            environment: Environment::of(config)?,
            db: config.section("db")?,
            bus: config.section("bus")?,
            objects: config.section("objects")?,
            mail: config.section("mail")?,
            secrets: config.section("secrets")?,
        })
    }
}

/// Opens the bus on the NATS servers that the settings name, or in the data folder if they name none.
pub async fn open_bus(settings: &NatsOptions, data: &Path, clock: Clock) -> Result<Bus, bus::Error> {
    if settings.servers.is_empty() {
        Bus::sqlite(&data.join("bus.db"), clock).await
    } else {
        bus_nats::open(settings, clock).await
    }
}

/// Opens the store that the settings name: S3 if they name a bucket, else the folder.
pub async fn open_objects(settings: &S3Options, folder: &Path) -> Result<Objects, objects::Error> {
    if settings.bucket.is_empty() { Objects::folder(folder).await } else { objects_s3::open(settings) }
}

/// The key of `[gateway]` that says where the site is. A process without that role has the section as well.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PublicOrigin {
    public_url: String,
}

/// Opens the engine of mails that the settings name: a mail server, or the folder.
pub(super) fn open_mail(
    settings: &MailOptions,
    options: &Options,
    folder: &Path,
    metrics: &Metrics,
) -> Result<Mail, Error> {
    let public_url = options.config.section::<PublicOrigin>("gateway")?.public_url;
    let site_url = settings.site_origin(&public_url, options.listen)?;
    let environment = Environment::of(&options.config)?;
    Mail::open((settings, environment), folder, site_url, options.clock.clone(), options.random.clone(), metrics)
}

fn invalid(section: &str, reason: &str) -> Error {
    Error::Section { section: section.to_owned(), reason: reason.to_owned() }
}

/// Returns the first line of a file that contains a secret.
fn read_secret(section: &str, key: &str, path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| invalid(section, &format!("the file {} of `{key}` can't be read: {error}", path.display())))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_finds_its_own_schema_or_database() {
        let config = DbConfig { url: Some("postgres://u:p@db/{service}".into()), ..DbConfig::default() };
        let options = config.postgres("media").unwrap().unwrap();
        assert_eq!((options.url.as_str(), options.schema.as_str()), ("postgres://u:p@db/media", "tutti_media"));
        assert!(DbConfig::default().postgres("media").unwrap().is_none());
        assert!(!format!("{options:?}").contains("u:p"), "a password was shown");
    }

    #[test]
    fn a_url_of_something_else_is_refused_with_a_sentence() {
        let config = DbConfig { url: Some("mysql://db".into()), ..DbConfig::default() };
        assert!(config.postgres("media").unwrap_err().to_string().contains("postgres://"));
    }

    #[test]
    fn a_fleet_must_share_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Secrets::default().url_signer(folder.path(), false).unwrap_err().to_string();
        assert!(refused.contains("openssl rand"), "{refused}");
        let path = folder.path().join("short");
        std::fs::write(&path, [1; 31]).unwrap();
        assert!(
            Secrets { url_signing_key_file: Some(path) }
                .url_signer(folder.path(), false)
                .unwrap_err()
                .to_string()
                .contains("holds 31")
        );
    }
}

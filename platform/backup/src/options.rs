//! The `[backup]` section: where backups go, how they are encrypted, how long they stay, and when they are made.
//!
//! Invariant: with the defaults, no backup is made and nothing is restored by itself.

use std::path::PathBuf;

use base::config::{Error, Secret};
use db::schedule::LocalTime;
use objects_s3::S3Options;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Backups: where they go, how they are encrypted, how long they stay, and when they are made.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BackupOptions {
    /// The folder of the repository, on another disk than the data.
    #[schema(value_type = Option<String>)]
    pub folder: Option<PathBuf>,
    /// The bucket of the repository, instead of a folder: another one than that of the objects, best with another
    /// provider.
    pub bucket: String,
    /// The prefix of every name in the bucket. Two installations need two prefixes.
    pub prefix: String,
    /// The S3 server's URL. If unset, Amazon's own.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The id of the access key. If unset, the key comes from the sources that AWS's own programs use.
    pub access_key: Option<String>,
    /// The secret access key. It is safer in a file.
    #[schema(value_type = Option<String>)]
    pub secret_key: Option<Secret>,
    /// A file that contains only the secret access key.
    #[schema(value_type = Option<String>)]
    pub secret_key_file: Option<PathBuf>,
    /// The file with the key of age that backups are encrypted with and read with (`tutti backup key FILE` makes one).
    #[schema(value_type = Option<String>)]
    pub key_file: Option<PathBuf>,
    /// Public keys of age (`age1…`) whose owners can restore too: at least one whose secret key is kept elsewhere.
    pub recipients: Vec<String>,
    /// Files and folders beside the data that belong to a recovery point, such as those with logs.
    #[schema(value_type = Vec<String>)]
    pub include: Vec<PathBuf>,
    /// Bytes per second that a backup reads and sends at most; 0 for no limit.
    pub bytes_per_second: u64,
    /// The newest recovery points of this many hours are kept.
    pub keep_hourly: u32,
    /// The newest of this many days.
    pub keep_daily: u32,
    /// The newest of this many weeks.
    pub keep_weekly: u32,
    /// The newest of this many months.
    pub keep_monthly: u32,
    /// Minutes from one backup to the next, by the server's own clock; 0 if systemd, cron or nothing makes them.
    pub every_minutes: u32,
    /// The time of day at which a backup is made, such as `03:30`, by the server's own clock, instead of
    /// `every_minutes`. On the nights in which clocks are changed it is made once as well. Empty for none.
    pub daily_at: String,
    /// The IANA name of the time zone of `daily_at`, such as `Europe/Berlin`.
    pub zone: String,
    /// Hours from one restore drill to the next, by the server's own clock; 0 for none.
    pub drill_every_hours: u32,
    /// The role whose database has the schedule of both: a process without it makes none.
    pub schedule_role: String,
    /// Hours after which the newest recovery point counts as too old: `tutti verify` fails then.
    pub max_age_hours: u32,
    /// The folder in which a drill makes its scratch folder, with room for the installation. If unset, the system's
    /// temporary folder.
    #[schema(value_type = Option<String>)]
    pub drill_folder: Option<PathBuf>,
    /// The handle of an account that the drill signs in with. If unset, the drill makes an account in the restored
    /// copy.
    pub drill_login: Option<String>,
    /// A file with that account's password.
    #[schema(value_type = Option<String>)]
    pub drill_password_file: Option<PathBuf>,
    /// The program `pg_dump`, at least as new as the server. PostgreSQL only.
    pub pg_dump: String,
    /// The program `pg_restore`, of the same version.
    pub pg_restore: String,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            folder: None,
            bucket: String::new(),
            prefix: String::new(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key: None,
            secret_key: None,
            secret_key_file: None,
            key_file: None,
            recipients: Vec::new(),
            include: Vec::new(),
            bytes_per_second: 0,
            keep_hourly: 24,
            keep_daily: 7,
            keep_weekly: 5,
            keep_monthly: 12,
            every_minutes: 0,
            daily_at: String::new(),
            zone: "UTC".to_owned(),
            drill_every_hours: 0,
            schedule_role: "accounts".to_owned(),
            max_age_hours: 26,
            drill_folder: None,
            drill_login: None,
            drill_password_file: None,
            pg_dump: "pg_dump".to_owned(),
            pg_restore: "pg_restore".to_owned(),
        }
    }
}

impl BackupOptions {
    /// Whether a repository is named.
    pub fn has_repository(&self) -> bool {
        self.folder.is_some() || !self.bucket.is_empty()
    }

    /// Returns an error if the values contradict each other.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = match self {
            _ if self.folder.is_some() && !self.bucket.is_empty() => {
                "`folder` and `bucket` are both set; leave one out"
            }
            _ if [self.keep_hourly, self.keep_daily, self.keep_weekly, self.keep_monthly] == [0; 4] => {
                "nothing would be kept: one of `keep_hourly`, `keep_daily`, `keep_weekly` and `keep_monthly` must be \
                 at least 1"
            }
            _ if self.every_minutes > 0 && !self.daily_at.is_empty() => {
                "`every_minutes` and `daily_at` are both set; leave one out"
            }
            _ if !self.daily_at.is_empty() && self.daily_time().is_none() => {
                "`daily_at` must be a time such as \"03:30\", and `zone` the IANA name of a time zone such as \
                 \"Europe/Berlin\""
            }
            _ if self.is_timed() && !self.has_repository() => {
                "`every_minutes`, `daily_at` or `drill_every_hours` is set, and neither `folder` nor `bucket` is"
            }
            _ if self.is_timed() && self.key_file.is_none() => {
                "`every_minutes`, `daily_at` or `drill_every_hours` is set, and `key_file` is not"
            }
            _ if self.drill_login.is_some() != self.drill_password_file.is_some() => {
                "`drill_login` and `drill_password_file` go together"
            }
            _ => return Ok(()),
        };
        Err(Error::Section { section: "backup".to_owned(), reason: wrong.to_owned() })
    }

    /// Whether the server makes backups or drills by itself.
    pub fn is_timed(&self) -> bool {
        self.every_minutes > 0 || !self.daily_at.is_empty() || self.drill_every_hours > 0
    }

    /// Returns the time of day at which a backup is made; `None` if that is not set, or no time in a zone.
    pub fn daily_time(&self) -> Option<LocalTime> {
        LocalTime::parse(&self.daily_at, &self.zone)
    }

    /// Returns the settings of a part of the repository on S3.
    pub(crate) fn s3(&self, part: &str) -> S3Options {
        S3Options {
            bucket: self.bucket.clone(),
            prefix: format!("{}/{part}", self.prefix.trim_matches('/')),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
            secret_key_file: self.secret_key_file.clone(),
            ..S3Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused_before_anything_is_copied() {
        let right = BackupOptions::default();
        assert!(right.check().is_ok());
        let (at, zone) = ("02:30".to_owned(), "Europe/Berlin".to_owned());
        let timed = BackupOptions { folder: Some("a".into()), key_file: Some("k".into()), ..right.clone() };
        let daily = BackupOptions { daily_at: at.clone(), zone, ..timed.clone() };
        assert!(daily.check().is_ok() && daily.is_timed() && daily.daily_time().is_some());
        let wrong = [
            BackupOptions { folder: Some("a".into()), bucket: "b".into(), ..right.clone() },
            BackupOptions { keep_hourly: 0, keep_daily: 0, keep_weekly: 0, keep_monthly: 0, ..right.clone() },
            BackupOptions { every_minutes: 60, ..right.clone() },
            BackupOptions { daily_at: at, ..right.clone() },
            BackupOptions { every_minutes: 60, ..daily },
            BackupOptions { daily_at: "2:30".to_owned(), ..timed.clone() },
            BackupOptions { daily_at: "02:30".to_owned(), zone: "Mars".to_owned(), ..timed },
            BackupOptions { drill_every_hours: 24, folder: Some("a".into()), ..right.clone() },
            BackupOptions { drill_login: Some("ada".into()), ..right },
        ];
        for options in wrong {
            assert!(options.check().is_err(), "{options:?}");
        }
    }
}

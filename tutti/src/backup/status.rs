//! How the last backup and the last drill went: a file in the data folder, and gauges of the process that serves.
//!
//! The commands write the file, started by the server's own clock, systemd, cron or a person, and the server
//! reads it, so an alert sees all of them. Invariant: a failure does not erase when there was a success last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::backup::{Manifest, Pruned};
use base::tasks::Tasks;
use base::telemetry::Metrics;
use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::metrics::gauge::Gauge;
use serde::{Deserialize, Serialize};

use super::drill::Report;
use crate::CommandError;

const FILE: &str = "backup-status.json";
/// How often a server reads the file.
const READ_INTERVAL: Duration = Duration::from_secs(15);

/// How a kind of run went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    /// The newest success.
    pub(super) success: Option<Outcome>,
    /// The newest failure.
    pub(super) failure: Option<Outcome>,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) begun_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
    /// Why it failed; `None` for a success.
    pub(super) reason: Option<String>,
    /// The point.
    #[serde(default)]
    pub(super) point: String,
    /// Bytes of objects that were copied, of a backup.
    #[serde(default)]
    pub(super) new_bytes: u64,
    /// Objects that the store lacked, of a backup.
    #[serde(default)]
    pub(super) missing: u64,
    /// Seconds until a member could sign in, of a drill.
    #[serde(default)]
    pub(super) recovery_seconds: u64,
    /// Seconds of which everything would have been lost, of a drill.
    #[serde(default)]
    pub(super) loss_seconds: u64,
}

/// How both kinds of runs went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) backup: History,
    pub(super) drill: History,
}

impl History {
    pub(super) fn add(&mut self, outcome: Outcome) {
        let kept = if outcome.reason.is_none() { &mut self.success } else { &mut self.failure };
        *kept = Some(outcome);
    }
}

impl Outcome {
    fn new(begun_at: DateTime<Utc>, ended_at: DateTime<Utc>, reason: Option<String>) -> Self {
        Self {
            begun_at,
            ended_at,
            reason,
            point: String::new(),
            new_bytes: 0,
            missing: 0,
            recovery_seconds: 0,
            loss_seconds: 0,
        }
    }

    /// Returns how a backup went.
    pub(super) fn of_backup(
        begun_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
        made: &Result<(Manifest, Result<Pruned, ::backup::Error>), CommandError>,
    ) -> Self {
        match made {
            Err(error) => Self::new(begun_at, ended_at, Some(error.to_string())),
            Ok((manifest, _)) => Self {
                point: manifest.id.clone(),
                new_bytes: manifest.objects.new_bytes,
                missing: manifest.missing.len() as u64,
                ..Self::new(begun_at, ended_at, None)
            },
        }
    }

    /// Returns how the removal of old points after a backup failed, if it did. It counts as a failure newer than
    /// the backup.
    pub(super) fn of_pruning(ended_at: DateTime<Utc>, pruned: &Result<Pruned, ::backup::Error>) -> Option<Self> {
        let reason = |error: &::backup::Error| format!("old points could not be removed: {error}");
        let begun_at = ended_at + TimeDelta::seconds(1);
        pruned.as_ref().err().map(|error| Self::new(begun_at, begun_at, Some(reason(error))))
    }

    /// Returns how a drill went.
    pub(super) fn of_drill(
        begun_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
        report: &Result<Report, CommandError>,
    ) -> Self {
        match report {
            Err(error) => Self::new(begun_at, ended_at, Some(error.to_string())),
            Ok(report) => Self {
                point: report.point.clone(),
                recovery_seconds: report.recovery_seconds,
                loss_seconds: report.loss_seconds,
                ..Self::new(begun_at, ended_at, report.problems.first().cloned())
            },
        }
    }
}

/// The file.
pub(super) struct StatusFile(PathBuf);

impl StatusFile {
    /// Returns the file of a data folder.
    pub(super) fn of(data: &Path) -> Self {
        Self(data.join(FILE))
    }

    fn read(&self) -> Status {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Whether a backup has succeeded.
    pub(super) fn has_point(&self) -> bool {
        self.read().backup.success.is_some()
    }

    /// Changes the file; a crash leaves the old one or the new one. Without a data folder there is nothing to record.
    pub(super) fn record(&self, change: impl FnOnce(&mut Status)) -> Result<(), CommandError> {
        if !self.0.parent().is_some_and(Path::is_dir) {
            return Ok(());
        }
        let mut status = self.read();
        change(&mut status);
        boot::data_dir::write_secret(&self.0, serde_json::to_string_pretty(&status)?.as_bytes())
            .map_err(|error| format!("{} can't be written: {error}", self.0.display()).into())
    }
}

/// The gauges. Those of what never happened are 0.
#[derive(Debug, Clone, Default)]
struct Gauges {
    last_success: Gauge,
    last_failure: Gauge,
    duration: Gauge,
    new_bytes: Gauge,
    missing: Gauge,
    drill_success: Gauge,
    drill_failure: Gauge,
    drill_recovery: Gauge,
    drill_loss: Gauge,
}

impl Gauges {
    fn register(metrics: &Metrics) -> Self {
        let gauges = Self::default();
        let rows = [
            ("backup_last_success_timestamp_seconds", "When the newest recovery point began", &gauges.last_success),
            ("backup_last_failure_timestamp_seconds", "When the newest backup that failed began", &gauges.last_failure),
            ("backup_duration_seconds", "How long the newest backup took", &gauges.duration),
            ("backup_new_bytes", "The size of the objects that the newest backup copied", &gauges.new_bytes),
            ("backup_missing_objects", "Objects that rows name and the newest backup did not find", &gauges.missing),
            (
                "backup_drill_success_timestamp_seconds",
                "When the newest drill without a problem began",
                &gauges.drill_success,
            ),
            (
                "backup_drill_failure_timestamp_seconds",
                "When the newest drill with a problem began",
                &gauges.drill_failure,
            ),
            (
                "backup_drill_recovery_seconds",
                "How long the newest good drill took until a sign-in",
                &gauges.drill_recovery,
            ),
            ("backup_drill_loss_seconds", "How old its recovery point was when it began", &gauges.drill_loss),
        ];
        metrics.register(|registry| {
            for (name, help, gauge) in rows {
                registry.register(name, help, gauge.clone());
            }
        });
        gauges
    }

    fn set(&self, status: &Status) {
        let begun = |outcome: Option<&Outcome>| outcome.map_or(0, |outcome| outcome.begun_at.timestamp());
        let of = |outcome: Option<&Outcome>, value: fn(&Outcome) -> u64| {
            outcome.map_or(0, |outcome| i64::try_from(value(outcome)).unwrap_or(i64::MAX))
        };
        let (backup, drill) = (&status.backup, &status.drill);
        self.last_success.set(begun(backup.success.as_ref()));
        self.last_failure.set(begun(backup.failure.as_ref()));
        self.duration.set(of(backup.success.as_ref(), |outcome| {
            (outcome.ended_at - outcome.begun_at).num_seconds().unsigned_abs()
        }));
        self.new_bytes.set(of(backup.success.as_ref(), |outcome| outcome.new_bytes));
        self.missing.set(of(backup.success.as_ref(), |outcome| outcome.missing));
        self.drill_success.set(begun(drill.success.as_ref()));
        self.drill_failure.set(begun(drill.failure.as_ref()));
        self.drill_recovery.set(of(drill.success.as_ref(), |outcome| outcome.recovery_seconds));
        self.drill_loss.set(of(drill.success.as_ref(), |outcome| outcome.loss_seconds));
    }
}

/// Reports what the file says until the process ends.
pub(super) fn export(data: &Path, metrics: &Metrics, tasks: &Tasks) {
    let (file, gauges, owner) = (StatusFile::of(data), Gauges::register(metrics), tasks.clone());
    tasks.spawn(async move {
        loop {
            gauges.set(&file.read());
            if !owner.sleep(READ_INTERVAL).await {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use base::Clock;

    use super::*;

    #[test]
    fn a_failure_keeps_the_last_success_and_both_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, now) = (StatusFile::of(folder.path()), Clock::system().now());
        let success = Outcome { loss_seconds: 5, ..Outcome::new(now, now, None) };
        let failure = Outcome::new(now, now, Some("no room".into()));
        file.record(|status| status.drill.add(success.clone())).unwrap();
        file.record(|status| status.drill.add(failure.clone())).unwrap();
        let status = file.read();
        assert_eq!((status.drill.success, status.drill.failure), (Some(success), Some(failure)));
        let gauges = Gauges::register(&Metrics::default());
        gauges.set(&file.read());
        assert_eq!((gauges.drill_loss.get(), gauges.last_success.get()), (5, 0));
        let unpruned = Outcome::of_pruning(now, &Err(::backup::Error::NoRepository)).unwrap();
        assert!(
            unpruned.begun_at.timestamp() > now.timestamp()
                && Outcome::of_pruning(now, &Ok(Pruned::default())).is_none()
        );
        assert!(!file.has_point(), "a drill is no backup");
        file.record(|status| status.backup.add(Outcome::new(now, now, None))).unwrap();
        assert!(file.has_point());
        assert!(StatusFile::of(&folder.path().join("none")).record(|_| {}).is_ok());
    }
}

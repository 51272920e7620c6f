//! The table of rules.
//!
//! Names, thresholds and runbooks are those of `deploy/prometheus/rules`, so a team that changes to Prometheus keeps
//! them. Invariant: a rule about a metric that the process does not have never fires.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use self::Severity::{Critical, Warning};
use crate::requests::{REFUSED, REQUESTS, RequestHistory};
use crate::samples::Samples;

/// How soon a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Now, also at night.
    Critical,
    /// In the morning.
    Warning,
}

/// Which processes of an installation evaluate a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Each one, about itself.
    Process,
    /// Those with the role that the options name, as all know the same.
    Installation,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) samples: &'a Samples,
    pub(crate) requests: &'a RequestHistory,
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The alert's name.
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) scope: Scope,
    /// How long the condition must hold before it fires.
    pub(crate) hold: TimeDelta,
    /// How long it goes on firing after the condition held last.
    pub(crate) keep_firing: TimeDelta,
    /// The page of `docs/runbooks` that says what to do.
    pub(crate) runbook: &'static str,
    /// Returns what is wrong, as a sentence; `None` if nothing is.
    pub(crate) find: fn(&Facts<'_>) -> Option<String>,
}

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const TEN_MINUTES: TimeDelta = TimeDelta::minutes(10);
const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY_SECONDS: f64 = 86_400.0;
/// Below this share of memory or disk, the rest is short.
const SHORT: f64 = 0.1;
/// Errors among responses that use up a month's budget of 0.1 % in two days, and the fewest requests that are judged.
const FAST_BURN: f64 = 14.4 * 0.001;
const MIN_REQUESTS: f64 = 360.0;
/// Requests of members that are refused in ten minutes, one in ten seconds, before a role counts as overloaded.
const MAX_REFUSED: f64 = 60.0;

const MEMORY_AVAILABLE: &str = "tutti_memory_available_bytes";
const MEMORY_SIZE: &str = "tutti_memory_size_bytes";
const DATA_FREE: &str = "tutti_data_free_bytes";
const DATA_SIZE: &str = "tutti_data_size_bytes";
const OPEN_FILES: &str = "tutti_process_open_fds";
const MAX_FILES: &str = "tutti_process_max_fds";
const RECENT_STARTS: &str = "tutti_process_recent_starts";
const RECENT_CRASHES: &str = "tutti_process_recent_crashes";
const DEAD_LETTERS: &str = "tutti_bus_dead_letters";
const BACKUP_SUCCESS: &str = "tutti_backup_last_success_timestamp_seconds";
const BACKUP_FAILURE: &str = "tutti_backup_last_failure_timestamp_seconds";
const MISSING_OBJECTS: &str = "tutti_backup_missing_objects";
const DRILL_SUCCESS: &str = "tutti_backup_drill_success_timestamp_seconds";
const DRILL_FAILURE: &str = "tutti_backup_drill_failure_timestamp_seconds";
const CERTIFICATE_END: &str = "tutti_alerts_certificate_end_timestamp_seconds";

/// The metrics that rules look at.
pub(crate) const METRICS: [&str; 17] = [
    MEMORY_AVAILABLE,
    MEMORY_SIZE,
    DATA_FREE,
    DATA_SIZE,
    OPEN_FILES,
    MAX_FILES,
    RECENT_STARTS,
    RECENT_CRASHES,
    DEAD_LETTERS,
    BACKUP_SUCCESS,
    BACKUP_FAILURE,
    MISSING_OBJECTS,
    DRILL_SUCCESS,
    DRILL_FAILURE,
    CERTIFICATE_END,
    REQUESTS,
    REFUSED,
];

/// The rules.
pub(crate) static RULES: [Rule; 14] = [
    rule(Critical, "MemoryShort", Scope::Process, TEN_MINUTES, "memory-short", memory_short),
    rule(Critical, "DiskShort", Scope::Process, TEN_MINUTES, "disk-short", disk_short),
    rule(Warning, "HandlesShort", Scope::Process, TimeDelta::minutes(5), "handles-short", handles_short),
    rule(Warning, "ProcessRestarted", Scope::Process, TimeDelta::zero(), "restarts", restarted),
    rule(Critical, "CrashLoop", Scope::Process, TimeDelta::zero(), "restarts", crash_loop),
    rule(Critical, "ErrorBudgetBurnsFast", Scope::Process, TimeDelta::minutes(2), "error-budget", errors_burn),
    rule(Warning, "RoleOverloaded", Scope::Process, TimeDelta::minutes(5), "role-overloaded", role_overloaded),
    rule(Critical, "BackupFailed", Scope::Process, TimeDelta::minutes(5), "backup-failed", backup_failed),
    rule(Critical, "BackupOld", Scope::Process, TimeDelta::minutes(15), "backup-failed", backup_old),
    rule(Critical, "ObjectsMissing", Scope::Process, TimeDelta::minutes(5), "objects-missing", objects_missing),
    rule(Warning, "DrillOld", Scope::Process, TimeDelta::minutes(15), "drill-old", drill_old),
    rule(Warning, "DeadLetters", Scope::Installation, TimeDelta::minutes(5), "dead-letters", dead_letters),
    rule(Warning, "CertificateExpiresSoon", Scope::Installation, HOUR, "certificate-expires", certificate_ends_soon),
    rule(Critical, "CertificateExpires", Scope::Installation, MINUTE, "certificate-expires", certificate_ends),
];

/// Returns a rule that goes on firing for ten minutes.
const fn rule(
    severity: Severity,
    name: &'static str,
    scope: Scope,
    hold: TimeDelta,
    runbook: &'static str,
    find: fn(&Facts<'_>) -> Option<String>,
) -> Rule {
    Rule { name, severity, scope, hold, keep_firing: TEN_MINUTES, runbook, find }
}

fn memory_short(facts: &Facts<'_>) -> Option<String> {
    let left = share(facts, MEMORY_AVAILABLE, MEMORY_SIZE).filter(|left| *left < SHORT)?;
    Some(format!("{} of the memory is left", percent(left)))
}

fn disk_short(facts: &Facts<'_>) -> Option<String> {
    let left = share(facts, DATA_FREE, DATA_SIZE).filter(|left| *left < SHORT)?;
    Some(format!("{} of the disk with the data folder is left", percent(left)))
}

fn handles_short(facts: &Facts<'_>) -> Option<String> {
    let used = share(facts, OPEN_FILES, MAX_FILES).filter(|used| *used > 0.8)?;
    Some(format!("{} of the files that the process may open are open", percent(used)))
}

fn restarted(facts: &Facts<'_>) -> Option<String> {
    let restarts = facts.samples.max(RECENT_STARTS)? - 1.0;
    (restarts >= 2.0).then(|| format!("The process has restarted {restarts} times within an hour"))
}

fn crash_loop(facts: &Facts<'_>) -> Option<String> {
    let crashes = facts.samples.max(RECENT_CRASHES)?;
    (crashes >= 3.0).then(|| format!("The process has crashed, or was killed, {crashes} times within an hour"))
}

fn errors_burn(facts: &Facts<'_>) -> Option<String> {
    let ((requests, errors), (recent, recent_errors)) =
        (facts.requests.within(HOUR), facts.requests.within(TimeDelta::minutes(5)));
    let is_burning = requests >= MIN_REQUESTS && errors > FAST_BURN * requests && recent_errors > FAST_BURN * recent;
    is_burning.then(|| format!("{} of the responses of the last hour are errors", percent(errors / requests)))
}

fn role_overloaded(facts: &Facts<'_>) -> Option<String> {
    let refused = facts.requests.refused(TEN_MINUTES);
    (refused > MAX_REFUSED)
        .then(|| format!("{refused} requests of members were refused within ten minutes: a role is too slow"))
}

fn backup_failed(facts: &Facts<'_>) -> Option<String> {
    let failed = facts.samples.max(BACKUP_FAILURE)? > facts.samples.max(BACKUP_SUCCESS)?;
    failed.then(|| "The last backup has failed".to_owned())
}

fn backup_old(facts: &Facts<'_>) -> Option<String> {
    let age = age_seconds(facts, BACKUP_SUCCESS).filter(|age| *age > 26.0 * 3600.0)?;
    Some(format!("The newest backup is {:.0} hours old", age / 3600.0))
}

fn objects_missing(facts: &Facts<'_>) -> Option<String> {
    let missing = facts.samples.max(MISSING_OBJECTS).filter(|missing| *missing > 0.0)?;
    Some(format!("The newest backup did not find {missing} objects that rows name"))
}

fn drill_old(facts: &Facts<'_>) -> Option<String> {
    if facts.samples.max(DRILL_FAILURE)? > facts.samples.max(DRILL_SUCCESS)? {
        return Some("The last restore drill has failed".to_owned());
    }
    let age = age_seconds(facts, DRILL_SUCCESS).filter(|age| *age > 8.0 * DAY_SECONDS)?;
    Some(format!("No restore has been proved for {:.0} days", age / DAY_SECONDS))
}

fn dead_letters(facts: &Facts<'_>) -> Option<String> {
    let count = facts.samples.sum(DEAD_LETTERS, &[]);
    (count > 0.0).then(|| format!("Dead letters: {count} (100 means 100 or more)"))
}

fn certificate_ends(facts: &Facts<'_>) -> Option<String> {
    let days = certificate_days(facts).filter(|days| *days < 3.0)?;
    if days <= 0.0 {
        return Some("The site's certificate has expired, or clients refuse it".to_owned());
    }
    Some(format!("The site's certificate expires in {days:.1} days"))
}

fn certificate_ends_soon(facts: &Facts<'_>) -> Option<String> {
    let days = certificate_days(facts).filter(|days| (3.0..14.0).contains(days))?;
    Some(format!("The site's certificate expires in {days:.0} days"))
}

/// Returns how many days the site's certificate is still valid; `None` if that is not known.
fn certificate_days(facts: &Facts<'_>) -> Option<f64> {
    Some(-age_seconds(facts, CERTIFICATE_END)? / DAY_SECONDS)
}

/// Returns what share of one metric another one is.
fn share(facts: &Facts<'_>, part: &str, whole: &str) -> Option<f64> {
    let (part, whole) = (facts.samples.max(part)?, facts.samples.max(whole)?);
    (whole > 0.0).then(|| part / whole)
}

/// Returns how long ago the time was that a metric tells; `None` if it tells none.
fn age_seconds(facts: &Facts<'_>, name: &str) -> Option<f64> {
    let at = facts.samples.max(name).filter(|at| *at > 0.0)?;
    Some(facts.now.timestamp() as f64 - at)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    /// Returns which alerts have their condition with these metrics.
    fn found(metrics: &str) -> Vec<&'static str> {
        let (samples, requests) = (Samples::parse(metrics, &METRICS), RequestHistory::default());
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let facts = Facts { now, samples: &samples, requests: &requests };
        RULES.iter().filter(|rule| (rule.find)(&facts).is_some()).map(|rule| rule.name).collect()
    }

    #[test]
    fn each_condition_is_found_and_not_just_before_it() {
        assert_eq!(found(""), [""; 0], "what is not known is not wrong");
        let hours = |name: &str, hours: i64| format!("{name} {}\n", NOW - hours * 3600);
        let cases = [
            (format!("{MEMORY_AVAILABLE} 9\n{MEMORY_SIZE} 100\n"), vec!["MemoryShort"]),
            (format!("{MEMORY_AVAILABLE} 10\n{MEMORY_SIZE} 100\n"), vec![]),
            (format!("{DATA_FREE} 9\n{DATA_SIZE} 100\n"), vec!["DiskShort"]),
            (format!("{OPEN_FILES} 81\n{MAX_FILES} 100\n"), vec!["HandlesShort"]),
            (format!("{RECENT_STARTS} 2\n{RECENT_CRASHES} 1\n"), vec![]),
            (format!("{RECENT_STARTS} 4\n{RECENT_CRASHES} 3\n"), vec!["ProcessRestarted", "CrashLoop"]),
            (format!("{DEAD_LETTERS}{{consumer=\"a\"}} 0\n{DEAD_LETTERS}{{consumer=\"b\"}} 2\n"), vec!["DeadLetters"]),
            (format!("{MISSING_OBJECTS} 1\n"), vec!["ObjectsMissing"]),
            (hours(BACKUP_SUCCESS, 25) + &hours(BACKUP_FAILURE, 26), vec![]),
            (hours(BACKUP_SUCCESS, 25) + &hours(BACKUP_FAILURE, 24), vec!["BackupFailed"]),
            (hours(BACKUP_SUCCESS, 27) + &hours(BACKUP_FAILURE, 28), vec!["BackupOld"]),
            (format!("{BACKUP_SUCCESS} 0\n{BACKUP_FAILURE} 0\n"), vec![]),
            (hours(DRILL_SUCCESS, 191) + &hours(DRILL_FAILURE, 200), vec![]),
            (hours(DRILL_SUCCESS, 193) + &hours(DRILL_FAILURE, 200), vec!["DrillOld"]),
            (hours(DRILL_SUCCESS, 2) + &hours(DRILL_FAILURE, 1), vec!["DrillOld"]),
            (hours(CERTIFICATE_END, -24 * 15), vec![]),
            (hours(CERTIFICATE_END, -24 * 4), vec!["CertificateExpiresSoon"]),
            (hours(CERTIFICATE_END, -24), vec!["CertificateExpires"]),
            (hours(CERTIFICATE_END, 1), vec!["CertificateExpires"]),
        ];
        for (metrics, expected) in cases {
            assert_eq!(found(&metrics), expected, "{metrics}");
        }
    }

    #[test]
    fn errors_are_judged_over_an_hour_and_five_minutes_and_not_below_a_few_requests() {
        let burns = |per_minute: u64, failing: std::ops::Range<u64>| {
            let (mut requests, mut errors) = (RequestHistory::default(), 0);
            let start = DateTime::from_timestamp(NOW, 0).unwrap();
            for minute in 0..60_u64 {
                errors += if failing.contains(&minute) { per_minute.div_ceil(10) } else { 0 };
                let good = (minute + 1) * per_minute - errors;
                let text = format!(
                    "{REQUESTS}{{role=\"gateway\",status=\"200\"}} {good}\n\
                     {REQUESTS}{{role=\"gateway\",status=\"500\"}} {errors}\n"
                );
                let at = start + TimeDelta::minutes(i64::try_from(minute).unwrap());
                requests.add(at, &Samples::parse(&text, &METRICS));
            }
            let samples = Samples::default();
            errors_burn(&Facts { now: start, samples: &samples, requests: &requests }).is_some()
        };
        assert!(burns(100, 1..60));
        assert!(!burns(100, 0..0), "there are no errors");
        assert!(!burns(100, 10..40), "it is over");
        assert!(!burns(5, 1..60), "these are too few requests to judge");
    }

    #[test]
    fn a_role_is_overloaded_when_requests_of_members_are_refused() {
        let is_overloaded = |worth: &str, per_minute: i64| {
            let mut requests = RequestHistory::default();
            let start = DateTime::from_timestamp(NOW, 0).unwrap();
            for minute in 0..30 {
                let text = format!("{REFUSED}{{role=\"chat\",worth=\"{worth}\"}} {}\n", minute * per_minute);
                requests.add(start + TimeDelta::minutes(minute), &Samples::parse(&text, &METRICS));
            }
            let samples = Samples::default();
            role_overloaded(&Facts { now: start, samples: &samples, requests: &requests }).is_some()
        };
        assert!(is_overloaded("member", 7) && is_overloaded("member_expensive", 7));
        assert!(!is_overloaded("member", 6) && !is_overloaded("anonymous", 600));
    }

    #[test]
    fn every_alert_has_a_runbook_that_names_it_and_a_name_of_its_own() {
        let runbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
        for (index, rule) in RULES.iter().enumerate() {
            let page = std::fs::read_to_string(runbooks.join(format!("{}.md", rule.runbook))).unwrap();
            assert!(page.contains(&format!("`{}`", rule.name)), "{} is not in {}", rule.name, rule.runbook);
            assert!(!RULES[..index].iter().any(|other| other.name == rule.name), "{}", rule.name);
        }
    }
}

//! When a release is stopped: the error budget, and a process that started anew.
//!
//! Invariant: no I/O; the same counts give the same verdict.

/// How much may fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    /// The share of responses that may be errors.
    pub(super) error_share: f64,
    /// How many times as fast the budget may be spent (Site Reliability Workbook, chapter 5: 14.4 spends a month's in
    /// two days).
    pub(super) max_burn: f64,
    /// Fewer responses tell nothing.
    pub(super) min_requests: u64,
}

/// What a process has responded since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// All responses.
    pub(super) responses: u64,
    /// Those with a status of 500 and above.
    pub(super) errors: u64,
    /// When it started, in seconds since 1970; 0 if it does not say.
    pub(super) started_at: u64,
}

impl Counts {
    /// Reads the counts of a process from its metrics: those of the gateway, or of all its roles if it has none.
    pub(super) fn read(metrics: &str) -> Self {
        let lines = || metrics.lines().filter_map(|line| line.strip_prefix("tutti_http_requests_total{"));
        let is_gateway = |line: &&str| line.contains("role=\"gateway\"");
        let has_gateway = lines().any(|line| is_gateway(&line));
        let started_at = metrics.lines().find_map(|line| line.strip_prefix("tutti_process_start_time_seconds "));
        let mut counts = Self { started_at: started_at.map(number).unwrap_or_default(), ..Self::default() };
        for line in lines().filter(|line| !has_gateway || is_gateway(line)) {
            // A route may have braces; a value has none.
            let Some((labels, value)) = line.rsplit_once("} ") else { continue };
            let value = value.split(' ').next().map(number).unwrap_or_default();
            counts.responses += value;
            if labels.contains("status=\"5") {
                counts.errors += value;
            }
        }
        counts
    }

    fn since(self, first: Self) -> Self {
        Self {
            responses: self.responses.saturating_sub(first.responses),
            errors: self.errors.saturating_sub(first.errors),
            started_at: self.started_at,
        }
    }
}

/// Reads a value of a metric; 0 if it is none.
fn number(text: &str) -> u64 {
    text.trim().parse::<f64>().unwrap_or_default() as u64
}

/// Returns why a release has to be stopped; `None` if it may go on. Each process has its counts at the beginning of the
/// watch, at the last look and now.
pub(super) fn reason_to_stop(processes: &[[Counts; 3]], budget: &Budget) -> Option<String> {
    let is_new = |[_, last, now]: &[Counts; 3]| now.responses < last.responses || now.started_at != last.started_at;
    if processes.iter().any(is_new) {
        return Some("a process started anew".to_owned());
    }
    let counts = total(processes);
    if counts.responses < budget.min_requests.max(1) {
        return None;
    }
    let share = counts.errors as f64 / counts.responses as f64;
    (share > budget.error_share * budget.max_burn)
        .then(|| format!("the error budget burns: {} of {} responses are errors", counts.errors, counts.responses))
}

/// Returns what all processes have responded since the beginning of the watch.
pub(super) fn total(processes: &[[Counts; 3]]) -> Counts {
    processes.iter().fold(Counts::default(), |sum, [first, _, now]| {
        let since = now.since(*first);
        Counts { responses: sum.responses + since.responses, errors: sum.errors + since.errors, ..sum }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { error_share: 0.001, max_burn: 14.4, min_requests: 100 };

    fn counts(responses: u64, errors: u64) -> Counts {
        Counts { responses, errors, started_at: 7 }
    }

    #[test]
    fn a_burning_budget_stops_a_release_and_few_responses_tell_nothing() {
        let judge = |now| reason_to_stop(&[[counts(50, 50), counts(60, 50), now]], &BUDGET);
        assert_eq!(judge(counts(149, 149)), None, "99 responses since the beginning");
        assert_eq!(judge(counts(1050, 64)), None, "14 of 1,000 is 14 times the budget");
        assert!(judge(counts(1050, 65)).unwrap().contains("15 of 1000"));
        assert!(judge(counts(3, 0)).unwrap().contains("anew"));
        let busier = Counts { started_at: 8, ..counts(70, 50) };
        assert!(judge(busier).unwrap().contains("anew"), "it has responded more often than the one before it");
        // Two processes share a budget.
        let both = [[counts(0, 0), counts(0, 0), counts(60, 0)], [counts(0, 0), counts(0, 0), counts(60, 60)]];
        assert!(reason_to_stop(&both, &BUDGET).unwrap().contains("60 of 120"));
    }

    #[test]
    fn the_gateways_responses_count_where_there_is_one() {
        let metrics = "\
# TYPE tutti_http_requests_total counter
tutti_http_requests_total{role=\"gateway\",route=\"/v1/media/{id}\",method=\"GET\",status=\"200\"} 7
tutti_http_requests_total{role=\"gateway\",route=\"/v1/media/{id}\",method=\"GET\",status=\"503\"} 2
tutti_http_requests_total{role=\"media\",route=\"/v1/media/{id}\",method=\"GET\",status=\"500\"} 9
tutti_http_seconds_count{role=\"gateway\"} 9
tutti_process_start_time_seconds 7";
        assert_eq!(Counts::read(metrics), counts(9, 2));
        let alone = |line: &&str| line.contains("media\",") || line.contains("start_time");
        let alone = metrics.lines().filter(alone).collect::<Vec<_>>().join("\n");
        assert_eq!(Counts::read(&alone), counts(9, 9));
        assert_eq!(Counts::read("not metrics"), Counts::default());
    }
}

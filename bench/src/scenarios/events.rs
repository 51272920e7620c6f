//! From a publisher's outbox through JetStream to the effect in a consumer's database.
//!
//! No listener serves it, so the ports themselves are measured, as the roles use it: two services with a schema each in
//! one PostgreSQL, the relay, and a consumer that records each event and its effect in one transaction. Invariant: an
//! event counts once its effect is committed, and in the end every event has exactly one.

mod pipeline;
mod timeline;

use pipeline::{CONSUMER_BATCH, EVENTS, Run, STEADY, STEADY_PER_SECOND, WRITE_BATCH, WRITERS, run_once};
use serde_json::json;
use testkit::engines::Nats;

use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, engines, machine};

const RATE_GOAL: f64 = 10_000.0;
const P99_GOAL_MS: f64 = 50.0;

/// How the bus's servers run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Servers {
    /// Three servers, each event on all of them: the guide's advice for production.
    Three,
    /// One server that syncs before it acknowledges: the guide's advice for a single server.
    Always,
    /// One server with its defaults: a power cut loses its last two minutes, so it is not for production.
    Usual,
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let postgres = engines::blocking(engines::postgres).await?;
    let kinds = [Servers::Three, Servers::Always, Servers::Usual];
    let mut runs: [Vec<Run>; 3] = Default::default();
    for round in 0..bench.runs(1) {
        for (runs, kind) in runs.iter_mut().zip(kinds) {
            let servers = engines::blocking(move || kind.start()).await?;
            runs.push(run_once(&postgres, &servers, kind, &format!("{kind:?}_{round}").to_lowercase()).await?);
            engines::blocking(move || drop(servers)).await?;
        }
    }
    engines::blocking(move || drop(postgres)).await?;
    let of = |kind: usize, what: fn(&Run) -> f64| runs[kind].iter().map(what).collect::<Vec<f64>>();
    let mut rows = Vec::new();
    for (kind, words) in [(0, "three servers, three copies"), (1, "one server, `sync_interval: always`")] {
        let live = of(kind, |run| run.live);
        rows.push(Row {
            what: format!("{words}: from the first commit to the last effect"),
            goal: format!("≥ {RATE_GOAL:.0} events/s"),
            measured: format!("{}/s", spread(&live, 0)),
            beside: format!(
                "default sync {:.0}/s; outbox alone {:.0}/s",
                median(&of(2, |run| run.live)),
                median(&of(kind, |run| run.recorded))
            ),
            passes: median(&live) >= RATE_GOAL,
        });
        let drained = of(kind, |run| run.drained);
        rows.push(Row {
            what: format!("{words}: a full outbox, from the relay's start to the last effect"),
            goal: format!("≥ {RATE_GOAL:.0} events/s"),
            measured: format!("{}/s", spread(&drained, 0)),
            beside: format!("default sync {:.0}/s", median(&of(2, |run| run.drained))),
            passes: median(&drained) >= RATE_GOAL,
        });
        let p99 = of(kind, |run| run.p99_ms);
        rows.push(Row {
            what: format!("{words}: p99 from commit to effect at {STEADY_PER_SECOND}/s"),
            goal: format!("≤ {P99_GOAL_MS:.0} ms"),
            measured: format!(
                "{} ms (p50 {:.1}, worst {:.0}; of them until the consumer has it p50 {:.1}, p99 {:.1})",
                spread(&p99, 1),
                median(&of(kind, |run| run.p50_ms)),
                median(&of(kind, |run| run.worst_ms)),
                median(&of(kind, |run| run.received_p50_ms)),
                median(&of(kind, |run| run.received_p99_ms))
            ),
            beside: format!(
                "default sync {:.1} ms (p50 {:.1})",
                median(&of(2, |run| run.p99_ms)),
                median(&of(2, |run| run.p50_ms))
            ),
            passes: median(&p99) <= P99_GOAL_MS,
        });
    }
    let method = vec![
        format!(
            "Two services with a schema each in one PostgreSQL (`fsync=on`): {WRITERS} writers record {EVENTS} events, \
             {WRITE_BATCH} in a transaction, into the one's outbox; its relay sends them; the other's consumer commits \
             inbox and effect for up to {CONSUMER_BATCH} at a time. Publisher, relay and consumer are in the \
             benchmark's process, the engines beside it."
        ),
        format!(
            "\"Outbox alone\": the same events recorded without a relay, which is the upper bound. At \
             {STEADY_PER_SECOND}/s for {} s each event has a transaction of its own; from the moment at which its \
             writer knows of the commit to the moment at which its consumer knows of the effect's.",
            STEADY.as_secs()
        ),
        "The goals are for the two ways to run NATS that lose nothing acknowledged (decision 14). \"Default sync\" is \
         one server that syncs every two minutes, for comparison only. All three servers of the first share these \
         cores and this disk."
            .into(),
        format!(
            "Afterwards every event had one effect. Writing 4 KiB and `fdatasync` takes {:.2} ms on this disk.",
            machine::fdatasync_time().as_secs_f64() * 1000.0
        ),
    ];
    let all = json!({ "three": runs[0], "always": runs[1], "default": runs[2] });
    Ok(Scenario { place: 8, title: "From outbox to effect".into(), method, rows, runs: all })
}

impl Servers {
    fn start(self) -> Vec<Nats> {
        match self {
            Self::Three => Nats::cluster().into(),
            Self::Always => vec![Nats::start_syncing("always")],
            Self::Usual => vec![Nats::start()],
        }
    }
}

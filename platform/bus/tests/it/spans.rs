//! The trace of an event, from the transaction that publishes it to the consumer, with a recorder of the test's own.
//!
//! Invariant: the process has one recorder, so a test looks only at the spans of its own trace.

use std::sync::{Arc, Mutex};

use base::spans::{self, Attribute, Begun, Kind, Record, Recorder};
use base::tasks::Tasks;
use base::{Random, Trace, event_traces};
use bus::Consumer;
use db::{Error, Lane};
use testkit::engines::shared_nats;

use super::harness::{END, Harness, SOON, Sung, on_each_engine_with_moving_clock, until};

static ENDED: Mutex<Vec<Ended>> = Mutex::new(Vec::new());

#[derive(Debug, Clone)]
struct Ended {
    name: String,
    kind: Kind,
    parent: Option<Trace>,
    trace: Trace,
}

/// Records every span.
struct Everything;

impl Recorder for Everything {
    fn begin(&self, kind: Kind, parent: Option<&Trace>) -> Option<Begun> {
        let id = parent.map_or_else(|| Random::system().bytes(), Trace::id_bytes);
        let trace = Trace::of_span(id, Random::system().bytes(), true);
        let record = Open(Ended { name: String::new(), kind, parent: parent.copied(), trace });
        Some(Begun { trace, record: Some(Box::new(record)) })
    }
}

struct Open(Ended);

impl Record for Open {
    fn name(&mut self, name: String) {
        self.0.name = name;
    }

    fn add(&mut self, _: Attribute<'_>) {}

    fn fail(&mut self) {}
}

impl Drop for Open {
    fn drop(&mut self) {
        ENDED.lock().unwrap().push(self.0.clone());
    }
}

/// Returns the spans of a trace that have this kind.
fn ended(trace: &Trace, kind: Kind) -> Vec<Ended> {
    let all = ENDED.lock().unwrap();
    all.iter().filter(|span| span.trace.id_bytes() == trace.id_bytes() && span.kind == kind).cloned().collect()
}

fn new_trace() -> Trace {
    Trace::of_span(Random::system().bytes(), Random::system().bytes(), true)
}

#[tokio::test]
async fn a_consumer_works_in_the_trace_of_the_transaction_that_published() {
    spans::install(Box::new(Everything));
    on_each_engine_with_moving_clock(async |harness| {
        let (clock, tasks, db) = (harness.clock.clone(), Tasks::default(), harness.db().await);
        let seen: Arc<Mutex<Vec<Trace>>> = Arc::default();
        let consumer = {
            let seen = seen.clone();
            Consumer::of::<Sung, _, _>("test.traced", move |_, _| {
                let seen = seen.clone();
                async move {
                    seen.lock().unwrap().extend(Trace::current());
                    Ok(())
                }
            })
        };
        harness.bus.run(vec![consumer], &tasks).await.unwrap();
        harness.bus.relay("test", db.clone(), clock.clone(), &tasks);
        let (request, now) = (new_trace(), clock.now());
        let publish = async {
            let written: Result<(), Error> =
                db.write(Lane::ALL, async move |tx| tx.publish(&Sung { song: 1 }, now)).await;
            written.unwrap();
        };
        Trace::within(Some(request), publish).await;
        until("its span ends", async || !ended(&request, Kind::Consumer).is_empty()).await;

        let (publishing, handling) = (ended(&request, Kind::Producer), ended(&request, Kind::Consumer));
        assert_eq!((publishing.len(), handling.len()), (1, 1));
        assert_eq!((publishing[0].name.as_str(), publishing[0].parent), ("publish test.sung", Some(request)));
        assert_eq!(handling[0].name, "process test.sung");
        let parent = handling[0].parent.map(|parent| parent.header());
        assert_eq!(parent, Some(publishing[0].trace.header()));
        assert_eq!(*seen.lock().unwrap(), [handling[0].trace]);
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn on_nats_an_event_takes_its_trace_to_another_process() {
    spans::install(Box::new(Everything));
    let server = shared_nats();
    let harness = Harness::nats(&server.url).await;
    harness.declare(&["test.there"]).await;
    let (id, request) = (Random::system().id(), new_trace());
    event_traces::remember(&id, request);
    harness.publish(&[&id]).await;
    // Another process knows nothing of it, or something else.
    event_traces::remember(&id, new_trace());
    assert_eq!(harness.fetch("test.there", 1, SOON).await.len(), 1);
    assert_eq!(event_traces::find(&id).map(|trace| trace.header()), Some(request.header()));
    harness.clear().await;
}

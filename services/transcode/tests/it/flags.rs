//! Conversions that operators have turned off wait, and go on when they are on again.

use contract::media::Kind;
use contract::transcode::Ready;
use db::{FromQueryResult, Sql as _};
use service::{Flag, FlagsState};

use crate::harness::Harness;

#[derive(FromQueryResult)]
struct Count {
    tasks: i64,
}

impl Harness {
    /// Returns the number of tasks in a state.
    async fn tasks(&self, state: &str) -> i64 {
        let text = "select count(*) as tasks from task where state = $1";
        let db = self.world.context("transcode").db.read();
        db.row::<Count>(text, vec![state.into()]).await.unwrap().map_or(0, |count| count.tasks)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_conversions_are_off_is_converted_when_they_are_on() {
    let harness = Harness::new().await;
    let photo = harness.make("photo.png", "-f lavfi -i testsrc2=size=64x48 -frames:v 1");
    let flags = &harness.world.process.flags;
    flags.apply(&FlagsState { off: vec![Flag::Conversions.name().to_owned()], epoch: 0 });
    let media = harness.upload(&photo, Kind::Photo, "png").await;
    let queued = async || (harness.tasks("ready").await == 1).then_some(());
    harness.world.wait_for("the task is queued", queued).await;
    // The ticket has reached a worker. How long it waits there is a test beside the code (`work/tickets.rs`).
    let is_held = async || {
        assert!(harness.published::<Ready>().await.is_empty(), "it did not wait");
        harness.world.process.metrics.text().contains("tutti_transcode_tickets_held 1\n").then_some(())
    };
    harness.world.wait_for("a worker holds the ticket", is_held).await;
    assert_eq!((harness.tasks("ready").await, harness.tasks("claimed").await), (1, 0));
    assert!(harness.published::<Ready>().await.is_empty());
    flags.apply(&FlagsState::default());
    harness.ready(&media).await;
    harness.end().await;
}
